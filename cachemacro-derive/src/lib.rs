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

/// Answers calls of an async function from a cache, and runs its body only on a miss. With `tier = local`,
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
/// is the type that decides, so aliases work. A failure of the cache never becomes the function's error:
/// the body runs.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `ttl = 3600`, `ttl = "1h 30m"`, `ttl = EXPR`, `ttl = \|value\| …` | how long a value lives: seconds, also as `24 * 60 * 60`; text of `d`, `h`, `m`, `s` and `ms`; any `Duration` expression over the parameters, evaluated for each call before the body; or a closure over `&value`, where zero is not to store it. Required, unless there is a `ttl_class` or an `idle` |
/// | `negative_ttl = "10s"` | caches `None` too, of an `Option` or a `Result` of one, for this long |
/// | `jitter = "10%"` | how much may be taken off the ttl at random, so that what was stored together does not expire together; `"5%"` by default |
/// | `ttl_class = "user"` | in place of a `ttl`: a class of the cache, `static` (24 h), `user` (1 h), `realtime` (1 min), `computed` (a thousand times what the load cost, from 1 s to a day) or one that it was built with |
/// | `idle = "5m"` | a value goes when it is not hit for so long, to within an eighth; no `ttl` is needed then, and one bounds it |
/// | `stale_while_revalidate = "1m"` | past its ttl, a value is served this long while one process refreshes it in the background; the parameters are cloned for that |
/// | `stale_if_error = "1h"` | past its ttl, a value is served this long when the load fails; only of a `Result` |
/// | `early = on` | a hit may refresh what is about to expire, the sooner the longer its load takes (XFetch): in this call, or in the background with `stale_while_revalidate` |
/// | `timeout = "200ms"` | with `stale_if_error`: a call that has a value to cover it waits no longer for the load, which goes on |
/// | `timeout(hard = "2s")`, `timeout(soft = "200ms", hard = "2s")` | no call waits longer than the `hard` one: it returns an error, made from a `cachemacro::Error`, and the load goes on; parameters are cloned for it |
/// | `refresh_every = "5m"` | loads what was called, again and again, whether or not anybody calls: for a day after the last call in this process, and no more than 1,000 keys of a cache |
/// | `key = "user:<id>"` | the key, see below |
/// | `skip(db, log, self, T)` | what cannot change the result: parameters, `self`, type and const parameters |
/// | `with(uid: u64 = EXPR)` | what the key has beside parameters, computed from them before the body; it is a hole like a parameter, and what it is computed from is thereby in the key |
/// | `batch_window = "1ms"` | beside `batch(ids)`: calls for one id, by `one(…)` of the companion, share a body if they come within this time |
/// | `batch(ids)`, `batch(ids, chunk = 100)` | the function is called for many ids, and its body for those that are not stored; see below |
/// | `when = EXPR` | whether this call uses the cache; if not, the body runs, and nothing is read or stored |
/// | `unless = \|value\| …` | whether this value is not to be stored |
/// | `tier = local` | values never leave the process, and need no serde; see below. `tier = shared` is the default |
/// | `consistency = strict` | what is kept in this process in front of a shared store is not read; `bounded` is the default |
/// | `shares = get_user` | another cached function with the same keys and values, to share entries with; a method is `Repo::find`, and needs [`macro@cache_methods`] |
/// | `tags = ["team:<team>"]` | names of values that are invalidated together, by `tag = …` or `Cache::invalidate_tag`; holes are written as in keys, over any parameter that is in the key. Each is looked up with the key, in the same round trip. `"owner:<value.owner>"` is over the value, and begins with its kind, a text and a separator. Not with `Raw`, nor with what serves past a ttl |
/// | `groups(user_id)`, `groups((team, user_id))` | parts of the arguments that are invalidated at once: `#[invalidates(get_tasks(user_id, ..))]`, `get_tasks::invalidate_by_user_id(7)`. Of a free function, over parameters that are in the key as they are |
/// | `version = 2` | what another version of the function has stored is not read; `0` by default |
/// | `codec = Json`, `codec = Compressed<Json>` | how values are written in a shared store: `Bincode`, `Json`, `MessagePack` or `Postcard`, each a feature of its name, compressed or not; the cache's own codec by default |
/// | `codec = Raw<Json>`, `codec = Raw<MessagePack>` | values stand under their keys as they are, with a plain `SET` and no header, so that programs in other languages read and write them too; see below what is given up |
/// | `value_bytes_max = "1MiB"` | the largest value that is stored, in `B`, `KiB` or `MiB` with its header; `"8MiB"` by default, and at most |
/// | `memory = "16MiB"` | what all its values may take of a process, in `KiB`, `MiB` or `GiB`: they have a room of their own beside the cache's, where they evict each other and no others. Applies to what is kept in the process, with a shared store and without; what shares entries with another function has that one's |
/// | `cache = EXPR` | a cache other than the current one; may use the parameters |
/// | `name = "users"` | what labels it in metrics and configuration; the function's name by default |
/// | `companion = Users`, `companion = off` | what the type beside a free function is called, where a module has its name already; or that there is none |
/// | `crate = ::path` | where the `cachemacro` crate is, if it is renamed or re-exported |
///
/// # Raw values
///
/// With `codec = Raw<…>` another program is free to write the key at any time, and nothing in it tells who
/// did. Given up are leases and guards, so that a load that runs while the key is invalidated may store what
/// it loaded before, and a mutation that dies after its commit leaves the old value behind, both until the ttl
/// is over: keep it short. Given up too are the shape of the type, `version` and the checksum: what decodes is a
/// value. What does not is a miss, and replaced. Callers in one process still share one load.
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
/// `<filter:hash>` and `<user.filter:hash>` are 128 bits of BLAKE3 over any `Serialize` value, for what is
/// too long or too structured to read. What a value does not serialize is not in its hash, and one that
/// fails to serialize is not cached.
///
/// A parameter whose type is a `cachemacro::Handle` (a pool, the state of an application) need not be in
/// `skip(…)`.
///
/// Without `key`, it is the function's path, with the `impl` of a method, and every type parameter,
/// const parameter and parameter that is not skipped, and what `with(…)` computes. A `Handle` is skipped
/// by name there, as its type is not known to the macro.
///
/// # Closures
///
/// `unless`, and `ttl` over the value, see what is cached: the `T` of a `Result<Option<T>, E>`. They may
/// use parameters that are references, and with `move` those that are `Copy`; the body has moved the
/// others.
///
/// # Batches
///
/// ```ignore
/// #[cache_result(batch(ids), ttl = "10m", key = "user:<ids>", shares = get_user, skip(db))]
/// async fn get_users(db: &Db, ids: &[u64]) -> Result<HashMap<u64, User>, DbError> {
///     db.load_users(ids).await
/// }
/// ```
///
/// Each id has an entry, and `<ids>` in the key is one of them. What is stored is read at once, and the body runs for
/// the rest: it gets each id once, in their order, and at most 512, or `chunk`, of them. What it does not return is
/// absent, and is asked for again unless there is a `negative_ttl`.
///
/// It takes `&[K]`, `Vec<K>`, `HashSet<K>` or `BTreeSet<K>`, or a reference to one, and returns a `HashMap<K, V>`, a
/// `BTreeMap<K, V>`, a `Vec<(K, V)>` or a `Vec<Option<V>>` with one for each id in their order, alone or in a `Result`. An
/// error is that of the whole call. As the body may run more than once in a call, for ids that others have given
/// up, the other parameters are `Clone`, as references are.
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
/// get_user::warm(ids, 16, |id| get_user(&db, id)).await; // many calls ahead, 16 at once
/// let guard = get_user::guard(42).await?;      // before a commit; then `guard.put(&user).await?` or `guard.finish().await?`
/// ```
///
/// `key`, `invalidate` and `peek` take the parameters that are in the key, in the order in which the
/// function has them, and then what `with(…)` computes; for a field or a hash, the parameter itself or a
/// reference to it. Where `cache = …` uses a parameter, `invalidate` and `peek` take the cache first.
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
/// and says so once. Another process may begin with another one: what that has stored is a miss here.
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
/// | `get_user(result.id)` | the same over `result`: a reference to what the function returns, or to the value of its `Ok` |
/// | `each(get_user(member) for member in &team.members)` | one for each |
/// | `key = "user:<id>"` | a key as it stands; may be repeated, and may use `<result.id>` |
/// | `tag = "team:<team>"` | all values under a tag; may use `<result.team>` |
/// | `get_tasks(user_id, ..)`, `get_tasks(_, page, ..)` | the values of a cached function whose arguments begin so; `_` leaves one out. The function has `groups(user_id)`, or of all that are written |
/// | `pattern = "tasks:<id>:*"` | all keys that match, as `Cache::invalidate_pattern` finds them; holes stand for themselves. It is not guarded |
/// | `on = ok` | only if the function returns `Ok`; `on = any` is the default. Nothing is guarded then |
/// | `guard = required` | the function does not run unless the store guards the keys; it returns a `Result` whose error is made from a `cachemacro::Error` |
/// | `guard = off` | one round trip less; if the process dies between the commit and the end, the old value lives until its ttl |
/// | `commit = pending` | the function is part of a transaction: `pending` is a parameter, a `&cachemacro::Pending`, whose `commit` invalidates. `commit = now` says that a parameter named `Transaction` leaves nothing to commit |
/// | `cache = EXPR` | a cache other than that of the functions |
/// | `crate = ::path` | where the `cachemacro` crate is, if it is renamed or re-exported |
///
/// What is named without `result` is known before the body runs. In a shared store it is guarded meanwhile:
/// nothing is stored under it, and if the process dies at any point, the old value does not outlive the
/// guard (10 s, see `CacheBuilder::guard`). It is invalidated even if this future is dropped. What is named
/// with `result` is known only at the end: if the process stops between the commit and the return, those
/// values live until their ttl.
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::invalidates(args.into(), item.into()).into()
}

/// Stores what a mutation returns, in the place of what is cached: write-through.
///
/// ```ignore
/// use cachemacro::cache_put;
///
/// #[cache_put(get_user(id))]
/// async fn rename_user(db: &Db, id: u64, name: String) -> Result<User, DbError> {
///     db.rename_user(id, name).await
/// }
/// ```
///
/// The key is guarded from before the body to after it. The value is stored if no other mutation and no
/// invalidation of the key came meanwhile, as nobody knows then whose commit was the last; otherwise, on an
/// error, a panic, a `None`, and if the store could not be asked, the key is invalidated as
/// [`macro@invalidates`] does. There is no put without a guard: it could replace a newer value by an older one.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `get_user(id)` | the cached function, and the arguments that the value is for. It caches what this function returns, or what is in its `Result` or `Option`; for one with `negative_ttl`, return an `Option` |
/// | `ttl = "1h"` | how long the value lives; that of the cached function by default. It must be said where that function computes its ttl, or has `when` or `unless`, which are not asked |
/// | `guard = required` | the function does not run without the guard; it returns a `Result` whose error is made from a `cachemacro::Error` |
/// | `cache = EXPR` | a cache other than that of the function |
/// | `crate = ::path` | where the `cachemacro` crate is, if it is renamed or re-exported |
#[proc_macro_attribute]
pub fn cache_put(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cache_put(args.into(), item.into()).into()
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
