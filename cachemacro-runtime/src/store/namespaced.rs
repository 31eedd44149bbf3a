//! A store whose keys all begin with a namespace: what is in front of it knows them without.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::{
    Ask, Capabilities, Fill, Found, Lease, Page, Pattern, Put, PutVerdict, RawEntry, Scan, Store,
    StoreFuture, Token, Verdict, Watch, Watcher, Watching, push_literal,
};
use crate::error::{Error, Result};
use crate::key::Namespace;

/// A store within a namespace.
pub(crate) struct Namespaced {
    store: Arc<dyn Store>,
    namespace: Namespace,
}

impl Namespaced {
    pub(crate) fn new(store: Arc<dyn Store>, namespace: Namespace) -> Self {
        Self { store, namespace }
    }

    fn outer(&self, key: &[u8]) -> Vec<u8> {
        self.namespace.outer(key)
    }

    fn all_outer(&self, keys: &[&[u8]]) -> Outer {
        Outer(keys.iter().map(|key| self.outer(key)).collect())
    }
}

/// Keys as they stand in the store.
struct Outer(Vec<Vec<u8>>);

impl Outer {
    fn slices(&self) -> Vec<&[u8]> {
        self.0.iter().map(Vec::as_slice).collect()
    }
}

impl Store for Namespaced {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    fn capabilities(&self) -> Capabilities {
        let inner = self.store.capabilities();
        let key_bytes_max = inner.key_bytes_max.saturating_sub(self.namespace.prefix().len());
        Capabilities { key_bytes_max, ..inner }
    }

    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(async move {
            let keys: Vec<Vec<u8>> = asks.iter().map(|ask| self.outer(ask.key)).collect();
            let asks: Vec<Ask<'_>> =
                asks.iter().zip(&keys).map(|(ask, key)| Ask { key, lease: ask.lease }).collect();
            self.store.lookup(&asks).await
        })
    }

    fn read_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(async move { self.store.read_many(&self.all_outer(keys).slices()).await })
    }

    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store.fill(Fill { key: &self.outer(fill.key), ..fill }).await })
    }

    fn fill_many<'a>(&'a self, fills: Vec<Fill<'a>>) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(async move {
            let keys: Vec<Vec<u8>> = fills.iter().map(|fill| self.outer(fill.key)).collect();
            let fills = fills.into_iter().zip(&keys).map(|(fill, key)| Fill { key, ..fill });
            self.store.fill_many(fills.collect()).await
        })
    }

    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store.renew(&self.outer(key), lease).await })
    }

    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fill_id: Token,
        ttl_left: Duration,
    ) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store.touch(&self.outer(key), fill_id, ttl_left).await })
    }

    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store.release(&self.outer(key), token).await })
    }

    fn release_many<'a>(&'a self, leases: &'a [(&'a [u8], Token)]) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(async move {
            let keys: Vec<Vec<u8>> = leases.iter().map(|(key, _)| self.outer(key)).collect();
            let leases: Vec<(&[u8], Token)> =
                keys.iter().zip(leases).map(|(key, (_, token))| (&key[..], *token)).collect();
            self.store.release_many(&leases).await
        })
    }

    fn discard<'a>(&'a self, key: &'a [u8], fill_id: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store.discard(&self.outer(key), fill_id).await })
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move { self.store.invalidate(&self.all_outer(keys).slices()).await })
    }

    fn sweep<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move { self.store.sweep(&self.all_outer(keys).slices()).await })
    }

    fn reclaim<'a>(&'a self, keys: &'a [&'a [u8]], current: [u8; 8]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move { self.store.reclaim(&self.all_outer(keys).slices(), current).await })
    }

    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>> {
        Box::pin(async move {
            let mut glob = String::new();
            push_literal(&mut glob, self.namespace.prefix());
            glob.push_str(scan.pattern.as_str());
            let page = self.store.scan(Scan { pattern: &Pattern::new(glob), ..scan }).await?;
            let inner = |key: Vec<u8>| self.namespace.inner(&key).map(<[u8]>::to_vec);
            Ok(Page { keys: page.keys.into_iter().filter_map(inner).collect(), ..page })
        })
    }

    fn begin_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<()>> {
        Box::pin(async move { self.store.begin_guards(&self.all_outer(keys).slices(), guard).await })
    }

    fn renew_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store.renew_guards(&self.all_outer(keys).slices(), guard).await })
    }

    fn end_guards<'a>(&'a self, keys: &'a [&'a [u8]], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store.end_guards(&self.all_outer(keys).slices(), token).await })
    }

    fn put<'a>(&'a self, put: Put<'a>) -> StoreFuture<'a, Result<PutVerdict>> {
        Box::pin(async move { self.store.put(Put { key: &self.outer(put.key), ..put }).await })
    }

    fn read_raw<'a>(&'a self, key: &'a [u8]) -> StoreFuture<'a, Result<Option<RawEntry>>> {
        Box::pin(async move { self.store.read_raw(&self.outer(key)).await })
    }

    fn write_raw<'a>(&'a self, key: &'a [u8], raw: RawEntry) -> StoreFuture<'a, Result<()>> {
        Box::pin(async move { self.store.write_raw(&self.outer(key), raw).await })
    }

    fn sessions(&self) -> Option<watch::Receiver<u64>> {
        self.store.sessions()
    }

    fn watch(&self, watch: Watch) -> StoreFuture<'_, Result<Box<dyn Watching>>> {
        Box::pin(async move {
            let namespace = self.namespace.clone();
            let inner: Arc<dyn Watcher> = Arc::new(Inside { namespace, watcher: watch.watcher });
            let watch = Watch {
                prefixes: watch.prefixes.iter().map(|prefix| self.outer(prefix).into()).collect(),
                within: self.outer(&watch.within).into(),
                watcher: Arc::downgrade(&inner),
            };
            let link = self.store.watch(watch).await?;
            Ok(Box::new(Kept { link, _watcher: inner }) as Box<dyn Watching>)
        })
    }

    fn close(&self, deadline: Duration) -> StoreFuture<'_, bool> {
        self.store.close(deadline)
    }
}

/// Hands on what is told of the keys of a namespace.
struct Inside {
    namespace: Namespace,
    watcher: Weak<dyn Watcher>,
}

impl Watcher for Inside {
    fn changed(&self, key: &[u8]) {
        if let (Some(key), Some(watcher)) = (self.namespace.inner(key), self.watcher.upgrade()) {
            watcher.changed(key);
        }
    }

    fn flushed(&self) {
        if let Some(watcher) = self.watcher.upgrade() {
            watcher.flushed();
        }
    }
}

/// A link, and who hears it for as long as it lives.
struct Kept {
    link: Box<dyn Watching>,
    _watcher: Arc<dyn Watcher>,
}

impl Watching for Kept {
    fn touch(&mut self) -> StoreFuture<'_, Result<Duration>> {
        self.link.touch()
    }

    fn tells_all(&self) -> bool {
        self.link.tells_all()
    }

    fn lost(&mut self) -> StoreFuture<'_, Error> {
        self.link.lost()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::conformance::{self, Harness};
    use crate::store::memory::{MemoryLimits, MemoryStore};

    struct InMemory {
        clock: Clock,
        store: Arc<Namespaced>,
    }

    impl Harness for InMemory {
        fn store(&self) -> Arc<dyn Store> {
            self.store.clone()
        }

        fn elapse<'a>(&'a self, _key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()> {
            Box::pin(async move { self.clock.advance(ttl) })
        }
    }

    fn within(name: &str, store: &Arc<MemoryStore>) -> Namespaced {
        Namespaced::new(Arc::clone(store) as _, Namespace::new(name).expect("a name"))
    }

    #[tokio::test]
    async fn a_store_within_a_namespace_is_a_store() {
        let clock = Clock::manual();
        let memory = Arc::new(MemoryStore::new(MemoryLimits::default(), clock.clone()));
        conformance::run(&InMemory { clock, store: Arc::new(within("app", &memory)) }).await;
    }

    #[tokio::test]
    async fn a_pattern_finds_the_keys_of_its_own_namespace_alone() {
        let memory = Arc::new(MemoryStore::default());
        let lease = || Lease { token: Token::random(), ttl: Duration::from_secs(3) };
        for (name, key) in [("app", "user:1"), ("app", "team:1"), ("apple", "user:2")] {
            let store = within(name, &memory);
            let found = store.lookup(&[Ask { key: key.as_bytes(), lease: Some(lease()) }]).await;
            assert!(matches!(found[..], [Found::Lead]));
        }
        for (name, pattern, count) in
            [("app", "*", 2), ("app", "user:*", 1), ("apple", "*", 1), ("ap", "*", 0)]
        {
            let pattern = Pattern::new(pattern);
            let scan = Scan { pattern: &pattern, cursor: 0, page_len: 10 };
            let page = within(name, &memory).scan(scan).await.expect("a page");
            assert_eq!(page.keys.len(), count, "{name} {pattern}");
            assert!(page.keys.iter().all(|key| pattern.matches(key)), "{name} {pattern}");
        }
    }
}
