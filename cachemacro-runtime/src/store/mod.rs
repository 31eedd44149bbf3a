//! What a shared store must be able to do: not get and set, but leases and guards.
//!
//! A fill needs a permit that an invalidation takes away, and a mutation guards what it is about to
//! change. That is the whole protocol, and a store is whatever can do each of these steps atomically
//! for one key:
//!
//! | step | does |
//! |---|---|
//! | [`lookup`](Store::lookup) | a value, or a lease on what is absent, or word that another holds it |
//! | [`fill`](Store::fill) | puts a value where the permit still stands, and only there |
//! | [`fill_many`](Store::fill_many) | the same for many keys |
//! | [`renew`](Store::renew) | keeps a lease that is still held |
//! | [`touch`](Store::touch) | keeps a value that still stands |
//! | [`release`](Store::release) | gives a lease up, and says whether it was still held |
//! | [`release_many`](Store::release_many) | the same for many keys |
//! | [`discard`](Store::discard) | removes the value of one fill, and no other |
//! | [`invalidate`](Store::invalidate) | removes values and takes leases away |
//! | [`scan`](Store::scan) | lists the keys that match a pattern |
//! | [`begin_guards`](Store::begin_guards) | says that a mutation is under way: nothing is filled now |
//! | [`renew_guards`](Store::renew_guards) | keeps guards that still stand |
//! | [`end_guards`](Store::end_guards) | says that the mutation is over, and invalidates |
//! | [`put`](Store::put) | the same, and stores the new value if nothing came between |
//!
//! Beside the protocol stand [`read_raw`](Store::read_raw) and [`write_raw`](Store::write_raw), for keys that are
//! shared with programs which do not speak it.
//!
//! # Guards
//!
//! A writer that invalidates after its commit leaves an old value behind if it crashes in between.
//! One that guards the key before its commit does not: its guard expires and takes the key with it.
//! Guards of several writers stand side by side, each under its own token, and until the last of them
//! has ended no lease is granted on the key and no fill is accepted.
//!
//! The value from before the first guard is carried along, up to 64 KiB of payload, and readers may
//! serve it until that guard ends: up to then nobody was told that it is old. A second guard drops it.

pub mod conformance;
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;

mod changes;
mod messages;
mod namespaced;
mod pattern;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};

pub use crate::protocol::token::{Permit, PutVerdict, Token, Verdict};
pub use changes::{Watch, Watcher, Watching};
pub use messages::{Ask, Entry, Fill, Found, Lease, Page, Put, RawEntry, Scan};
pub(crate) use namespaced::Namespaced;
pub use pattern::Pattern;
pub(crate) use pattern::push_literal;

pub(crate) use changes::minimal;

/// What a [`Store`] returns: boxed, once, at the store's edge.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place for bytes that speaks the lease protocol; see the [module](self).
///
/// Implement it for a store of your own, and hold it to [`conformance`].
///
/// # Cancel safety
///
/// Every future may be dropped before its end; the operation then took effect or did not. A store
/// keeps the order of operations on one key: a release that is sent after a dropped lookup of the
/// same key takes effect after it.
pub trait Store: Send + Sync + 'static {
    /// The name of the kind of store, in lower case: it labels errors, spans and metrics.
    fn name(&self) -> &'static str;

    /// What this store can do and what bounds it has.
    fn capabilities(&self) -> Capabilities;

    /// Looks up many keys in one go; the answers come in the order of the asks.
    ///
    /// An ask with a lease gets [`Found::Lead`] where nothing is stored, and the lease is then held
    /// under its token until it is filled, released or invalidated, or its time is over.
    ///
    /// Failures are given for each key ([`Found::Failed`]): an outage is never a miss.
    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>>;

    /// Reads many keys in one go, and changes nothing; the answers come in the order of the keys.
    ///
    /// It is a [`lookup`](Self::lookup) without leases that need not tell what time is left, nor data of another
    /// kind from nothing. A batch reads so before it asks for leases on what is missing.
    fn read_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(async move {
            let asks: Vec<Ask<'_>> = keys.iter().map(|key| Ask { key, lease: None }).collect();
            self.lookup(&asks).await
        })
    }

    /// Which of its connections carries a key, if it is cheaper to be asked for many at once: callers who come while a
    /// lookup is under way there are then answered by one [`read_many`](Self::read_many), and ask for leases on what is
    /// missing. `None`, the default, says that nothing is gained by that.
    fn lane(&self, key: &[u8]) -> Option<usize> {
        let _ = key;
        None
    }

    /// Stores a value if its permit still stands.
    ///
    /// # Errors
    ///
    /// If the store could not be asked or refused to store; the permit may then still stand.
    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>>;

    /// [Fills](Self::fill) many keys in one go; the verdicts come in the order of the fills, each as if it were alone.
    ///
    /// By default they go one after the other.
    ///
    /// # Errors
    ///
    /// For each of them those of [`fill`](Self::fill); one that fails says nothing of the others.
    fn fill_many<'a>(&'a self, fills: Vec<Fill<'a>>) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(async move {
            let mut verdicts = Vec::with_capacity(fills.len());
            for fill in fills {
                verdicts.push(self.fill(fill).await);
            }
            verdicts
        })
    }

    /// Sets the time left of a lease, if it is still held under this token.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>>;

    /// Sets the time left of a value, if it is still the one of this fill. Its age stays as it is.
    ///
    /// A store that cannot refuses: a value with an `idle` then lives for that long, whoever reads it.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fill_id: Token,
        ttl_left: Duration,
    ) -> StoreFuture<'a, Result<Verdict>> {
        let _ = (key, fill_id, ttl_left);
        Box::pin(async { Ok(Verdict::Refused) })
    }

    /// Gives a lease up, if it is still held under this token; nothing else is touched.
    ///
    /// [`Verdict::Accepted`] means that no invalidation came since the lease was granted.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>>;

    /// [Releases](Self::release) many leases in one go, each a key and its token; the verdicts come in their order, each
    /// as if it were alone.
    ///
    /// By default they go one after the other.
    ///
    /// # Errors
    ///
    /// For each of them those of [`release`](Self::release); one that fails says nothing of the others.
    fn release_many<'a>(&'a self, leases: &'a [(&'a [u8], Token)]) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(async move {
            let mut verdicts = Vec::with_capacity(leases.len());
            for (key, token) in leases {
                verdicts.push(self.release(key, *token).await);
            }
            verdicts
        })
    }

    /// Removes a value, if it is still the one of this fill, so that of several who found it outdated one leads. By
    /// default it [invalidates](Self::invalidate), which may take leases away.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn discard<'a>(&'a self, key: &'a [u8], fill_id: Token) -> StoreFuture<'a, Result<Verdict>> {
        let _ = fill_id;
        Box::pin(async move { Ok(Verdict::from(self.invalidate(&[key]).await? > 0)) })
    }

    /// Removes the values and takes the leases of these keys away; returns how many there were.
    ///
    /// Guards stay, as what their writers commit is still to come, but what they carry goes.
    ///
    /// What the store holds of another kind than cachemacro writes (a Redis list, say) is left alone.
    ///
    /// # Errors
    ///
    /// If it is not known to have been done for every key. It is then safe to ask again.
    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>>;

    /// The same for keys that a [scan](Self::scan) has found: what cachemacro did not write is left alone.
    ///
    /// # Errors
    ///
    /// Those of [`invalidate`](Self::invalidate).
    fn sweep<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        self.invalidate(keys)
    }

    /// Removes the values among these keys whose fills are not named as `current` says: by these first 8 bytes.
    /// Leases and guards stay; returns how many there were.
    ///
    /// # Errors
    ///
    /// If it is not known to have been done for every key. It is then safe to ask again.
    fn reclaim<'a>(&'a self, keys: &'a [&'a [u8]], current: [u8; 8]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut removed = 0;
            for (key, found) in keys.iter().zip(self.read_many(keys).await) {
                match found {
                    Found::Hit(entry) if entry.fill_id.as_bytes()[..8] != current => {
                        removed += u64::from(self.discard(key, entry.fill_id).await? == Verdict::Accepted);
                    }
                    Found::Failed(error) => return Err(error),
                    _ => {}
                }
            }
            Ok(removed)
        })
    }

    /// Lists one page of the keys that match a pattern, leases included.
    ///
    /// A key that is there from the first page to the last is listed at least once.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>>;

    /// Guards these keys under one token: until the guards end, no lease is granted on them and no fill
    /// accepted. A value is carried along; a lease is taken away.
    ///
    /// To guard again under the same token sets the time left, and changes nothing else.
    ///
    /// # Errors
    ///
    /// If it is not known that every key is guarded; which are, is not told. It is then safe to ask
    /// again, or to [end](Self::end_guards) them all. Data of another kind than cachemacro writes (a
    /// Redis list, say) is left alone and cannot be guarded, nor can a key that 1024 writers guard
    /// already: [`ErrorKind::Rejected`].
    fn begin_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<()>> {
        let _ = (keys, guard);
        Box::pin(async move { Err(no_guards("begin guards")) })
    }

    /// Sets the time left of the guards under this token, where they still stand.
    ///
    /// [`Verdict::Accepted`] means that all of them did. A carried value whose own time is over goes.
    ///
    /// # Errors
    ///
    /// If it is not known to have been done for every key.
    fn renew_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<Verdict>> {
        let _ = (keys, guard);
        Box::pin(async move { Err(no_guards("renew guards")) })
    }

    /// Ends the guards under this token, and drops what is carried. Where the guard is gone, the key
    /// is [invalidated](Self::invalidate): what was filled since may be older than the commit.
    ///
    /// [`Verdict::Accepted`] means that all of them still stood.
    ///
    /// # Errors
    ///
    /// If it is not known to have been done for every key. It is then safe to ask again.
    fn end_guards<'a>(&'a self, keys: &'a [&'a [u8]], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        let _ = (keys, token);
        Box::pin(async move { Err(no_guards("end guards")) })
    }

    /// Ends a guard as [`end_guards`](Self::end_guards) does, and stores the value if the guard still
    /// stood, no other was ever beside it, and no invalidation came while it stood.
    ///
    /// A value that is too large for the store is not written, which is no error: the guard ends.
    ///
    /// # Errors
    ///
    /// If it is not known to have been done. It is then safe to [end](Self::end_guards) the guard.
    fn put<'a>(&'a self, put: Put<'a>) -> StoreFuture<'a, Result<PutVerdict>> {
        let _ = put;
        Box::pin(async move { Err(no_guards("put")) })
    }

    /// Reads what another program may have written: all of the string under a key, as it stands.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreadable`] if it is longer than [`Capabilities::value_bytes_max`], of which no more is
    /// read; [`ErrorKind::Rejected`] if it is no string; if the store could not be asked.
    fn read_raw<'a>(&'a self, key: &'a [u8]) -> StoreFuture<'a, Result<Option<RawEntry>>> {
        let _ = key;
        Box::pin(async move { Err(no_raw("read of a raw value")) })
    }

    /// Stores a string as it stands, whatever is there.
    ///
    /// No permit is asked for: it may replace what is newer.
    ///
    /// # Errors
    ///
    /// If the store could not be asked, or refused to store.
    fn write_raw<'a>(&'a self, key: &'a [u8], raw: RawEntry) -> StoreFuture<'a, Result<()>> {
        let _ = (key, raw);
        Box::pin(async move { Err(no_raw("write of a raw value")) })
    }

    /// How many times a connection was made, for a store that can lose what it acknowledged: after
    /// each, the invalidations of the last minute are sent again. `None` says that there is nothing to be
    /// sent again.
    fn sessions(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Connects, and has the store tell of every change of the keys that a [`Watch`] names from then on, as
    /// long as the connection lives.
    ///
    /// With it, values are kept in front of the store.
    ///
    /// # Errors
    ///
    /// If it does not tell of changes now; [`ErrorKind::Rejected`] or [`ErrorKind::Config`] if it never will
    /// as it is set up.
    fn watch(&self, watch: Watch) -> StoreFuture<'_, Result<Box<dyn Watching>>> {
        let _ = watch;
        Box::pin(
            async move { Err(Error::new(ErrorKind::Config, "watch", "this store does not tell of changes")) },
        )
    }

    /// Ends the store's tasks and connections, within `deadline`; says whether all have ended.
    fn close(&self, deadline: Duration) -> StoreFuture<'_, bool>;
}

/// The error of a store that has no guards: an [`ErrorKind::Config`], as asking it was a mistake.
fn no_guards(operation: &'static str) -> Error {
    Error::new(ErrorKind::Config, operation, "this store has no guards; its `capabilities` say so")
}

/// The error of a store that other programs do not write to.
fn no_raw(operation: &'static str) -> Error {
    let detail = "this store shares no keys with other programs; leave `Raw` out of the attribute's `codec`";
    Error::new(ErrorKind::Config, operation, detail)
}

/// Why a key cannot be guarded; the number is [`GUARDS_MAX`](crate::protocol::slot::GUARDS_MAX).
const CROWDED: &str = "1024 writers guard it already; have them wait for each other";

/// Hears all verdicts, and accepts if all of them do.
fn all_stood(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    Verdict::from(verdicts.filter(|verdict| *verdict == Verdict::Refused).count() == 0)
}

/// What a store can do beside the steps of the protocol, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether other processes see the same entries.
    pub shared: bool,
    /// Whether [`scan`](Store::scan) lists keys; a store that cannot returns an error.
    pub scan: bool,
    /// Whether mutations can guard keys; a store whose mutations cannot returns an error.
    pub guards: bool,
    /// The longest key, in bytes.
    pub key_bytes_max: usize,
    /// The largest payload, in bytes.
    pub value_bytes_max: usize,
}

impl Capabilities {
    /// A store that other processes share, can scan, has no guards, and has these bounds in bytes.
    pub fn new(key_bytes_max: usize, value_bytes_max: usize) -> Self {
        Self { shared: true, scan: true, guards: false, key_bytes_max, value_bytes_max }
    }
}
