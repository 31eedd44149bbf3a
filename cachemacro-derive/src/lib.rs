//! The attributes of cachemacro. Use them through the `cachemacro` crate.
//!
//! An attribute goes through four stages, each of which sees only what the one before it made:
//! `attr` and `parse` read what is written, `model` resolves what it means, `expand` writes tokens.

mod attr;
mod errors;
mod expand;
mod fallback;
mod model;
mod names;
mod parse;

use proc_macro::TokenStream;

/// Answers calls of an async function from a cache, and runs its body only on a miss.
///
/// ```ignore
/// use cachemacro::cache_result;
///
/// #[cache_result(ttl = "1h", key = "user:<id>", skip(db))]
/// async fn get_user(db: &Db, id: u64) -> Result<User, DbError> {
///     db.load_user(id).await
/// }
/// ```
///
/// Of a `Result` only `Ok` is cached, and of an `Option` only `Some`; it is the type that decides, so
/// aliases work. A failure of the cache never becomes the function's error: the body runs.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `ttl = 3600`, `ttl = "1h 30m"`, `ttl = EXPR` | how long a value lives: seconds, text of `d`, `h`, `m`, `s` and `ms`, or any `Duration` expression over the parameters, evaluated for each call before the body. Required |
/// | `jitter = "10%"` | how much may be taken off the ttl at random, so that what was stored together does not expire together; `"5%"` by default |
/// | `key = "user:<id>"` | the key, see below |
/// | `skip(db, log, self, T)` | what cannot change the result: parameters, `self`, type and const parameters |
/// | `cache = EXPR` | a cache other than the current one; may use the parameters |
/// | `name = "users"` | what labels it in metrics and configuration; the function's name by default |
/// | `companion = Users`, `companion = off` | what the type beside a free function is called, where a module has its name already; or that there is none |
/// | `crate = ::path` | where the `cachemacro` crate is, if it is renamed or re-exported |
///
/// # Keys
///
/// `<…>` is a hole, for a parameter (`<id>`) or a field of one (`<user.id>`); all else is literal,
/// braces too. What a pattern binds is a parameter, and so is `self`; `<T>` is the name of a type
/// parameter, `<N>` the value of a const parameter, and `<Self>` the name of the type that a method is
/// called for. All of these but `Self` are in a hole or in `skip(…)`: what can change the result and is not
/// in the key would give one caller the value of another. Between two holes stands a separator, one of
/// `:` `,` `/` `|` `<` `>` `{` `}` `*` `?` `[` `]` `\` or white space, which text in a hole never holds,
/// so that different arguments never make the same key.
///
/// Without `key`, it is the function's path, with the `impl` of a method, and every type parameter,
/// const parameter and parameter that is not skipped.
///
/// # The companion
///
/// Beside the function stands a type of the same name, which is imported along with it:
///
/// ```ignore
/// get_user::key(42);                           // the key
/// get_user::invalidate(42).await?;             // removes the value
/// get_user::peek(42).await?;                   // looks, and changes nothing
/// get_user::refresh(&db, 42).await?;           // runs the body, and replaces the value
/// get_user::uncached(&db, 42).await?;          // runs the body, and nothing else
/// ```
///
/// `key`, `invalidate` and `peek` take the parameters that are in the key, in the order in which the
/// function has them; where `cache = …` uses a parameter, `invalidate` and `peek` take the cache first.
///
/// The functions take the type parameters that the key is made of: `get_row::key::<User>(42)`. Of a
/// pattern they take all that it takes apart.
///
/// # What it goes on
///
/// On an `async fn`, and on a `fn` that returns `impl Future<Output = T>` or a
/// `Pin<Box<dyn Future<Output = T>>>`, as methods under `#[async_trait]` do; nothing of the body of such a
/// function runs before its future is polled, so that this borrows what the arguments do: a function that takes a
/// reference cannot return a `'static` one. What it returns is not a type parameter alone, which could
/// stand for a `Result`, and does not borrow.
///
/// On methods, with any receiver, in inherent `impl`s, in those of traits, and in traits. Nothing can
/// stand beside a method: [`macro@cache_methods`] on its `impl` gives it a companion. An associated function
/// without a receiver needs that, or `companion = off`.
///
/// A default method, or one of a generic `impl`, is one function for many `Self`. Where its key has no
/// `<Self>`, it is cached for the first one that calls it in this process and runs uncached for any other,
/// and says so once.
///
/// # Other attributes
///
/// Attribute macros above this one see every call; those below it, such as `#[tracing::instrument]`,
/// see the body alone. On a method, whose body stays where it is, all see every call, unless
/// `#[cache_methods]` is on its inherent `impl`.
#[proc_macro_attribute]
pub fn cache_result(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cache_result(args.into(), item.into()).into()
}

/// Invalidates what is cached once the body of an async function has ended, however it ended.
///
/// ```ignore
/// use cachemacro::invalidates;
///
/// #[invalidates(get_user(id), key = "profile:<id>")]
/// async fn rename_user(db: &Db, id: u64, name: String) -> Result<(), DbError> {
///     db.rename_user(id, name).await
/// }
/// ```
///
/// An error may come after the commit, and a panic or a dropped future too, so that all of these
/// invalidate. It goes on any `async fn`, methods included, and on a `fn` that returns an `impl Future` or
/// a boxed future, which is armed when it is first polled.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `get_user(id)` | the value of a cached function for these arguments, which are only borrowed; renaming the function or changing its key breaks the build |
/// | `get_row::<User>(id)` | the same, of a function whose key has a type parameter |
/// | `Repo::find(self.tenant, id)` | the same, of a method under `#[cache_methods]`: a type, which begins with a capital, before a name that does not |
/// | `get_user(result.id)` | the same over `result`: what the function returns, or the value of its `Ok` |
/// | `each(get_user(member) for member in &team.members)` | one for each |
/// | `key = "user:<id>"` | a key as it stands; may be repeated, and may use `<result.id>` |
/// | `on = ok` | only if the function returns `Ok`; `on = any` is the default |
/// | `cache = EXPR` | a cache other than that of the functions |
/// | `crate = ::path` | where the `cachemacro` crate is, if it is renamed or re-exported |
///
/// What is named without `result` is known before the body runs, and invalidated even if this future
/// is dropped. What is named with `result` is known only at the end: if the process stops between
/// the commit and the return, those values live until their ttl.
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::invalidates(args.into(), item.into()).into()
}

/// Gives the cached methods of an `impl` their companions: functions of its type.
///
/// ```ignore
/// use cachemacro::{cache_methods, cache_result, invalidates};
///
/// #[cache_methods(skip(self))]
/// impl Repo {
///     #[cache_result(ttl = "1h", key = "user:<self.tenant>:<id>")]
///     async fn find(&self, id: u64) -> Result<User, DbError> {
///         self.db.find(self.tenant, id).await
///     }
///
///     #[cache_result(ttl = "1h")]
///     async fn count() -> u64 {
///         42
///     }
///
///     #[invalidates(Repo::find(self.tenant, id), Repo::count())]
///     async fn remove(&self, id: u64) -> Result<(), DbError> {
///         self.db.remove(self.tenant, id).await
///     }
/// }
///
/// Repo::find_key(tenant, 42);                     // the key
/// Repo::find_invalidate(tenant, 42).await?;       // removes the value
/// Repo::find_peek(tenant, 42).await?;             // looks, and changes nothing
/// repo.find_refresh(42).await?;                   // runs the body, and replaces the value
/// repo.find_uncached(42).await?;                  // runs the body, and nothing else
/// ```
///
/// `find_key`, `find_invalidate` and `find_peek` take what the key has of `self`, in the order of the key,
/// and then the parameters that are in it. What stands for a field of `self` is whatever can be part of a key,
/// as the type of the field is not written here: give it the type that the field has.
///
/// On the `impl` of a trait they are functions of the type, for its crate; there, `find_refresh` and
/// `find_uncached` are none. In a generic `impl` the key has `<Self>`, or each parameter of the `impl`, or
/// `skip(…)` has it.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `skip(self)` | what is skipped in each method whose key does not have it |
/// | `crate = ::path` | where the `cachemacro` crate is, for all methods |
#[proc_macro_attribute]
pub fn cache_methods(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cache_methods(args.into(), item.into()).into()
}
