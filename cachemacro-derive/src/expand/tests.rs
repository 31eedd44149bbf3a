//! Expansions as they stand, in `snapshots/`.
//!
//! `SNAPSHOTS=overwrite cargo test -p cachemacro-derive` writes them anew; the difference is for review.

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
fn a_mutation() {
    let args = quote!(
        users::get_user(id, "a"),
        get_name(name, result.id),
        each(get_team(team) for team in &teams),
        key = "user:<id>",
        key = "<result.id>:<name>",
        on = ok,
        cache = self.cache
    );
    let item = quote! {
        pub async fn rename(&self, id: u64, name: String, teams: Vec<u64>) -> Result<User, DbError> {
            #![allow(unused)]
            self.rename(id, name).await?
        }
    };
    assert_snapshot("mutation", super::invalidates(args, item));
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
