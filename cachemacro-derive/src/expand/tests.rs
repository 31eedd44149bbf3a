//! Expansions as they stand, in `snapshots/`.
//!
//! `SNAPSHOTS=overwrite cargo test -p cachemacro-derive` writes them anew; the difference is for review.

mod mutations;

use std::path::Path;
use std::{env, fs};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

fn assert_snapshot(name: &str, tokens: TokenStream) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name).with_extension("txt");
    syn::parse2::<syn::File>(tokens.clone()).expect("what is generated are items");
    let mut text = String::new();
    layout(tokens, 0, &mut text);
    if env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{} differs; it is now:\n{text}", path.display());
}

/// Tokens with a line for each statement: to compare, not to compile.
fn layout(tokens: TokenStream, depth: usize, text: &mut String) {
    let indent = |text: &mut String| text.push_str(&"    ".repeat(depth));
    let mut at_start = true;
    let mut glue = true;
    for token in tokens {
        if std::mem::take(&mut at_start) {
            indent(text);
            glue = true;
        }
        let close = matches!(&token, TokenTree::Punct(punct) if ",;.:".contains(punct.as_char()));
        if !glue && !close {
            text.push(' ');
        }
        glue = matches!(&token, TokenTree::Punct(punct) if "#&:.<".contains(punct.as_char()));
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                text.push_str("{\n");
                layout(group.stream(), depth + 1, text);
                indent(text);
                text.push_str("}\n");
                at_start = true;
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => {
                text.push_str(";\n");
                at_start = true;
            }
            TokenTree::Group(group) => text.push_str(&group.to_string()),
            other => text.push_str(&other.to_string()),
        }
    }
    if !at_start {
        text.push('\n');
    }
}

#[test]
fn a_cached_function() {
    let args = quote!(ttl = "1h", key = "user:<id>:<scope.team>", skip(db));
    let item = quote! {
        /// Loads.
        #[must_use]
        #[tracing::instrument]
        pub async fn get_user(db: &Db, mut id: u64, scope: &Scope<'_>) -> Result<User, DbError> {
            db.load(id).await
        }
    };
    assert_snapshot("cached", super::cache_result(args, item));
}

#[test]
fn a_cached_function_with_every_argument() {
    let args = quote!(
        ttl = lifetime(&name),
        jitter = "10%",
        skip(db),
        cache = db.cache,
        name = "names",
        crate = ::renamed
    );
    let item = quote! {
        async fn key<'a>(db: &'a Db, name: Option<&'a str>) -> Option<String> {
            None
        }
    };
    assert_snapshot("cached_with_every_argument", super::cache_result(args, item));
}

#[test]
fn a_method() {
    let args = quote!(ttl = 5, key = "user:<self.tenant>:<id>");
    let item = quote! {
        pub async fn find(self: &Arc<Self>, mut id: u64) -> Result<User, DbError> {
            self.load(id).await
        }
    };
    assert_snapshot("method", super::cache_result(args, item));
}

#[test]
fn a_generic_function() {
    let args = quote!(ttl = 5, skip(db, D));
    let item = quote! {
        async unsafe fn rows<'a, D: Db, T: Row<'a>, const N: usize>((a, _): (u8, &'a T), db: &D) -> Vec<T>
        where
            T: Clone,
        {
            db.rows(a).await
        }
    };
    assert_snapshot("generic", super::cache_result(args, item));
}

#[test]
fn a_function_that_returns_a_future() {
    let args = quote!(ttl = 5, companion = Users);
    let item = quote! {
        fn users(id: u64) -> impl Future<Output = Option<User>> + Send {
            async move { None }
        }
    };
    assert_snapshot("future", super::cache_result(args, item));
}

#[test]
fn a_method_after_async_trait() {
    let args = quote!(ttl = 5, skip(self));
    let item = quote! {
        fn find<'life0, 'async_trait>(
            &'life0 self,
            id: u64,
        ) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Option<User>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move { self.load(id).await })
        }
    };
    assert_snapshot("async_trait", super::cache_result(args, item));
}

#[test]
fn an_impl() {
    let args = quote!(skip(self));
    let item = quote! {
        impl<T: Row> Repo<T> {
            const N: u8 = 1;

            #[cache_result(ttl = 5, key = "user:<Self>:<self.tenant>:<id>")]
            pub async fn find(&self, id: u64) -> Option<T> {
                self.load(id).await
            }

            async fn load(&self, id: u64) -> Option<T> {
                None
            }
        }
    };
    assert_snapshot("methods", super::cache_methods(args, item));
}

#[test]
fn an_impl_of_a_trait() {
    let item = quote! {
        impl Load for Repo {
            #[cache_result(ttl = 5, skip(self))]
            async fn find(&self, id: u64) -> Option<Self::Item> {
                None
            }
        }
    };
    assert_snapshot("trait_methods", super::cache_methods(quote!(), item));
}

#[test]
fn computed_and_hashed_parts_of_a_key() {
    let args = quote!(
        ttl = 5,
        key = "search:<tenant>:<length>:<filter:hash>:<user.scope:hash>",
        with(tenant: u64 = session.tenant(), length: usize = session.name.len())
    );
    let item = quote! {
        async fn search(session: &Session, filter: Filter, user: &User<'_>) -> u64 {
            1
        }
    };
    assert_snapshot("with_and_hash", super::cache_result(args, item));
}

#[test]
fn what_decides_over_storing() {
    let args = quote!(
        ttl = |value| value.lifetime(),
        negative_ttl = "10s",
        when = id > 0,
        unless = |value| value.is_empty(),
        version = 2,
        shares = users::by_id::<u8>
    );
    let item = quote! {
        async fn user(id: u64) -> Result<Option<String>, Failed> {
            Ok(None)
        }
    };
    assert_snapshot("storing", super::cache_result(args, item));
}

#[test]
fn what_decides_over_storing_in_a_method() {
    let args = quote!(
        ttl = 5,
        key = "user:<tenant>:<self.filter:hash>",
        with(tenant: u64 = self.tenant()),
        when = self.is_on,
        unless = Vec::is_empty,
        shares = Repo::by_id
    );
    let item = quote! {
        async fn users(self: Pin<&mut Self>) -> Vec<u64> {
            Vec::new()
        }
    };
    assert_snapshot("storing_in_a_method", super::cache_result(args, item));
}

#[test]
fn a_function_of_this_process() {
    let item = quote! {
        pub extern "C" fn square(number: u64) -> Option<u64> {
            number.checked_mul(number)
        }
    };
    assert_snapshot("local", super::cache_result(quote!(ttl = 5, tier = local), item));
    let item = quote! {
        async fn handler(number: u64) -> Handler {
            Handler(number)
        }
    };
    assert_snapshot("local_async", super::cache_result(quote!(ttl = 5, tier = local), item));
}

#[test]
fn methods_of_this_process() {
    let item = quote! {
        impl Load for Repo {
            #[cache_result(ttl = 5, tier = local)]
            fn length(&self, text: &str) -> usize {
                text.len()
            }
        }
    };
    assert_snapshot("local_trait_method", super::cache_methods(quote!(skip(self)), item));
    let item = quote! {
        impl Repo {
            #[cache_result(ttl = 5, tier = local, when = id > 0)]
            fn new(id: u64) -> Result<u64, String> {
                Ok(id)
            }
        }
    };
    assert_snapshot("local_method", super::cache_methods(quote!(), item));
}

#[test]
fn a_batch_that_gathers_calls_for_one() {
    let args = quote!(batch(ids, chunk = 100), batch_window = "1ms", ttl = 5, key = "user:<ids>", skip(db));
    let item = quote! {
        async fn users(db: &Db, ids: &[u64]) -> Result<HashMap<u64, User>, DbError> {
            db.users(ids).await
        }
    };
    assert_snapshot("batch_window", super::cache_result(args, item));
}

#[test]
fn a_batch_under_tags() {
    let args = quote!(
        batch(ids),
        ttl = 5,
        key = "user:<team>:<ids>",
        tags = ["team:<team>", "owner:<value.owner>:<ids>"],
        groups(team)
    );
    let item = quote! {
        async fn users(team: u64, ids: &[u64]) -> HashMap<u64, User> {
            all(team, ids).await
        }
    };
    assert_snapshot("batch_tagged", super::cache_result(args, item));
}

#[test]
fn what_may_be_a_handle() {
    let args = quote!(ttl = 5, key = "user:<id>");
    let item = quote! {
        async fn user(db: &db::Pool<'_>, state: Arc<State>, id: u64) -> u64 {
            id
        }
    };
    assert_snapshot("handles", super::cache_result(args, item));
}

#[test]
fn key_types() {
    let item = quote! {
        struct Page<'a, T, const N: usize>
        where
            T: Clone,
        {
            of: &'a str,
            items: [T; N],
            #[key_part(skip)]
            hint: usize,
        }
    };
    assert_snapshot("key_struct", super::key_part(item));
    let item = quote! {
        enum Order {
            Newest,
            By(String),
            Both { first: Box<Order>, then: u8 },
        }
    };
    assert_snapshot("key_enum", super::key_part(item));
    assert_snapshot(
        "key_id",
        super::key_part(quote!(
            struct UserId(u64);
        )),
    );
}

#[test]
fn a_codec_and_a_bound() {
    let item = quote! {
        async fn user(id: u64) -> User {
            load(id).await
        }
    };
    let args =
        quote!(ttl = 5, codec = Raw<Json>, value_bytes_max = "64KiB", memory = "16MiB", companion = off);
    assert_snapshot("codec", super::cache_result(args, item.clone()));
    for (codec, encoding) in [
        (quote!(Json), "plain(::cachemacro::generated::Format::Json)"),
        (quote!(codec::Postcard), "plain(::cachemacro::generated::Format::Postcard)"),
        (quote!(Compressed<Bincode>), "compressed(::cachemacro::generated::Format::Bincode)"),
    ] {
        let expanded = super::cache_result(quote!(ttl = 5, codec = #codec), item.clone()).to_string();
        assert!(expanded.replace(' ', "").contains(encoding), "{codec}: {expanded}");
    }
}

#[test]
fn what_is_said_of_time() {
    let args = quote!(
        ttl_class = "user",
        idle = "5m",
        stale_while_revalidate = "1m",
        stale_if_error = "1h",
        early = on,
        timeout(soft = "200ms", hard = "2s"),
        refresh_every = "1m",
        key = "user:<id>",
        skip(db, name)
    );
    let item = quote! {
        async fn user(db: &Db, id: u64, name: Option<String>) -> Result<u64, Failed> {
            db.load(id).await
        }
    };
    assert_snapshot("freshness", super::cache_result(args, item));
}

#[test]
fn a_function_of_many_ids() {
    let args = quote!(batch(ids, chunk = 100), ttl = 5, key = "user:<ids>", shares = user, skip(db));
    let item = quote! {
        async fn users(db: &Db, ids: &[u64]) -> Result<HashMap<u64, User>, Failed> {
            db.load(ids).await
        }
    };
    assert_snapshot("batch", super::cache_result(args, item));
}

#[test]
fn tags_and_groups() {
    let args = quote!(
        ttl = 5,
        key = "task:<team.id>:<owner>:<page>",
        tags = ["team:<team.id>", "tasks"],
        groups(owner, (owner, page))
    );
    let item = quote! {
        async fn tasks(team: &Team, owner: u64, page: &str) -> Vec<u64> {
            Vec::new()
        }
    };
    assert_snapshot("tags", super::cache_result(args, item));
    let args =
        quote!(tasks(_, owner, ..), tasks(_, owner, page, ..), tag = "team:<team>", tag = "owner:<result>");
    let item = quote! {
        async fn change(team: u64, owner: u64, page: &str) -> u64 {
            owner
        }
    };
    assert_snapshot("tags_invalidated", super::invalidates(args, item));
}

#[test]
fn what_is_neither_in_the_key_nor_skipped_is_reported() {
    let errors = |key: &str, skip: TokenStream| {
        let args = quote!(ttl = 5, key = #key #skip);
        let item = quote! {
            async fn find<T, const N: usize>(&self, (a, _): (u8, u8), id: u64) -> u64 {
                id
            }
        };
        super::cache_result(args, item).to_string().matches("is not part of the key").count()
    };
    assert_eq!(errors("all", quote!()), 5);
    assert_eq!(errors("<self.0>:<T>:<N>:<a>:<id>", quote!()), 0);
    assert_eq!(errors("<id>", quote!(, skip(self, T, N, a))), 0);
    for name in ["self", "T", "N", "a", "id"] {
        let rest = ["self", "T", "N", "a", "id"].into_iter().filter(|other| *other != name);
        let rest = rest.map(|name| syn::parse_str::<TokenStream>(name).unwrap());
        assert_eq!(errors("all", quote!(, skip(#(#rest),*))), 1, "{name}");
    }
}

#[test]
fn a_cached_function_with_tags() {
    let args = quote!(
        ttl = "1h",
        key = "task:<project>:<id>",
        tags = ["project:<project>", "owner:<value.owner>", "in:<project>:<value.state>"],
        groups(project),
        skip(db),
    );
    let item = quote! {
        async fn task(db: &Db, project: &str, id: u64) -> Option<Task> {
            db.task(project, id).await
        }
    };
    assert_snapshot("tagged", super::cache_result(args, item));
}

#[test]
fn an_error_leaves_the_function_as_it_is() {
    let args = quote!(tll = 5, jitter = "200%");
    let item = quote! {
        pub(crate) async fn get_user(id: u64) -> u64 {
            id
        }
    };
    assert_snapshot("failed", super::cache_result(args, item));
}
