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

/// Answers calls of an `async fn` from a cache, and runs its body only on a miss. With `tier = local`,
/// of a plain `fn` too.
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
/// Of a `Result` only `Ok` is cached, and of an `Option` only `Some`, unless there is a `negative_ttl`; it
/// is the type that decides, so aliases work. A failure of the cache never becomes the function's error: the body runs.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `ttl = 3600`, `ttl = "1h 30m"`, `ttl = EXPR`, `ttl = \|value\| …` | how long a value lives: seconds, text of `d`, `h`, `m`, `s` and `ms`; any `Duration` expression over the parameters, evaluated for each call before the body; or a closure over `&value`, where zero is not to store it. Required |
/// | `negative_ttl = "10s"` | caches `None` too, of an `Option` or a `Result` of one, for this long |
/// | `jitter = "10%"` | how much may be taken off the ttl at random, so that what was stored together does not expire together; `"5%"` by default |
/// | `key = "user:<id>"` | the key, see below |
/// | `skip(db, log)` | the parameters that cannot change the result |
/// | `with(uid: u64 = EXPR)` | what the key has beside parameters, computed from them before the body; it is a hole like a parameter, and what it is computed from is thereby in the key |
/// | `when = EXPR` | whether this call uses the cache; if not, the body runs, and nothing is read or stored |
/// | `unless = \|value\| …` | whether this value is not to be stored |
/// | `tier = local` | values never leave the process, and need no serde; see below. `tier = shared` is the default |
/// | `shares = get_user` | another function with the same keys and values, to share entries with |
/// | `version = 2` | what another version of the function has stored is not read; `0` by default |
/// | `cache = EXPR` | a cache other than the current one; may use the parameters |
/// | `name = "users"` | what labels it in metrics and configuration; the function's name by default |
/// | `crate = ::path` | where the `cachemacro` crate is, if it is renamed or re-exported |
///
/// # Keys
///
/// `<…>` is a hole, for a parameter (`<id>`) or a field of one (`<user.id>`); all else is literal,
/// braces too. Every parameter is in a hole or in `skip(…)`: what can change the result and is not in
/// the key would give one caller the value of another. Between two holes stands a separator, one of
/// `:` `,` `/` `|` `<` `>` `{` `}` `*` `?` `[` `]` `\` or white space, which text in a hole never holds,
/// so that different arguments never make the same key.
///
/// `<filter:hash>` and `<user.filter:hash>` are 128 bits of BLAKE3 over any `Serialize` value, for what is
/// too long or too structured to read. What a value does not serialize is not in its hash, and one that
/// fails to serialize is not cached.
///
/// A parameter whose type is a `cachemacro::Handle` (a pool, the state of an application) need not be in
/// `skip(…)`.
///
/// Without `key`, it is the function's path, every parameter that is not skipped, and what `with(…)`
/// computes. A `Handle` is skipped by name there, as its type is not known to the macro.
///
/// # Closures
///
/// `unless`, and `ttl` over the value, see what is cached: the `T` of a `Result<Option<T>, E>`. They may
/// use parameters that are references, and with `move` those that are `Copy`; the body has moved the
/// others.
///
/// # In this process alone
///
/// With `tier = local` a value is only `Clone + Send + Sync + 'static`. It is kept in this process, also
/// where the cache is connected to Redis, and so invalidated by this process alone: others keep theirs
/// until the ttl. It counts for its size without what it points to, so that large ones are bounded by
/// the number of entries (`MemoryLimits::entries_max`) and not by their bytes.
///
/// A plain `fn` is cached so too. Its companion's `invalidate` and `peek` are plain functions as well.
/// Threads that miss at the same time run the body each; the first of them stores its value.
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
/// function has them, and then what `with(…)` computes; for a field or a hash, the parameter itself or a
/// reference to it. Where `cache = …` uses a parameter, `invalidate` and `peek` take the cache first.
///
/// # Other attributes
///
/// Attribute macros above this one see every call; those below it, such as `#[tracing::instrument]`,
/// see the body alone.
#[proc_macro_attribute]
pub fn cache_result(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cache_result(args.into(), item.into()).into()
}

/// Invalidates what is cached once the body of an `async fn` has ended, however it ended.
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
/// invalidate. It goes on any `async fn`, methods included.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `get_user(id)` | the value of a cached function for these arguments, which are only borrowed; renaming the function or changing its key breaks the build |
/// | `get_user(result.id)` | the same over `result`: what the function returns, or the value of its `Ok` |
/// | `each(get_user(member) for member in &team.members)` | one for each |
/// | `key = "user:<id>"` | a key as it stands; may be repeated, and may use `<result.id>` |
/// | `on = ok` | only if the function returns `Ok`; `on = any` is the default |
/// | `with(uid: u64 = EXPR)` | what the key has beside parameters, computed from them before the body; it is a hole like a parameter, and what it is computed from is thereby in the key |
/// | `when = EXPR` | whether this call uses the cache; if not, the body runs, and nothing is read or stored |
/// | `unless = \|value\| …` | whether this value is not to be stored |
/// | `tier = local` | values never leave the process, and need no serde; see below. `tier = shared` is the default |
/// | `shares = get_user` | another function with the same keys and values, to share entries with |
/// | `version = 2` | what another version of the function has stored is not read; `0` by default |
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

/// Lets a type of your own stand in a key.
///
/// ```ignore
/// use cachemacro::KeyPart;
///
/// #[derive(KeyPart)]
/// struct UserId(u64);                                 // 42
///
/// #[derive(KeyPart)]
/// struct Page<'a> { of: &'a str, number: u32 }        // [users,3]
///
/// #[derive(KeyPart)]
/// enum Order { Newest, By { column: String } }        // Newest, [By,name]
/// ```
///
/// A tuple struct of one field writes what the field does; any other struct writes a list of its
/// fields, and an enum the name of the variant, in a list with its fields if it has any. Values that
/// differ write differently, and companions take the type and references to it.
///
/// `#[key_part(skip)]` on a field leaves it out: only for what cannot change a result, such as a
/// memoized hash. `#[key_part(crate = path)]` on the type says where the `cachemacro` crate is.
#[proc_macro_derive(KeyPart, attributes(key_part))]
pub fn key_part(item: TokenStream) -> TokenStream {
    expand::key_part(item.into()).into()
}
