//! The engine's side of the connection: each step of the protocol, as messages.

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::error::{Error, Result};
use cachemacro_runtime::store::{
    Ask, Capabilities, Fill, Found, Lease, Page, Put, PutVerdict, Scan, Store, StoreFuture, Token, Verdict,
    Watch, Watching,
};
use tokio::sync::watch;

use crate::link::Link;
use crate::server::{Command, Reply};

/// A store over a simulated network.
#[derive(Debug)]
pub(crate) struct SimStore(pub(crate) Arc<Link>);

impl SimStore {
    async fn ask(&self, operation: &'static str, key: &[u8], command: Command) -> Result<Reply> {
        self.0.answer(operation, self.0.send(key, command)).await
    }

    /// Sends one message for each key at once, and hears all answers.
    async fn ask_all(
        &self,
        operation: &'static str,
        keys: &[&[u8]],
        command: impl Fn() -> Command,
    ) -> Vec<Result<Reply>> {
        let sent: Vec<_> = keys.iter().map(|key| self.0.send(key, command())).collect();
        let mut replies = Vec::with_capacity(sent.len());
        for sent in sent {
            replies.push(self.0.answer(operation, sent).await);
        }
        replies
    }
}

impl Store for SimStore {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new(1024, 1 << 16);
        capabilities.guards = true;
        capabilities.scan = false;
        capabilities
    }

    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(async move {
            let sent: Vec<_> =
                asks.iter().map(|ask| self.0.send(ask.key, Command::Lookup(ask.lease))).collect();
            let mut found = Vec::with_capacity(sent.len());
            for sent in sent {
                found.push(match self.0.answer("lookup", sent).await {
                    Ok(Reply::Found(found)) => found,
                    Ok(other) => unreachable!("a lookup is answered by {other:?}"),
                    Err(error) => Found::Failed(error),
                });
            }
            found
        })
    }

    fn lane(&self, _key: &[u8]) -> Option<usize> {
        Some(0)
    }

    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>> {
        let Fill { key, permit, fill_id, payload, ttl } = fill;
        Box::pin(async move {
            verdict(self.ask("fill", key, Command::Fill { permit, fill_id, payload, ttl }).await)
        })
    }

    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { verdict(self.ask("renew", key, Command::Renew(lease)).await) })
    }

    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fill_id: Token,
        left: Duration,
    ) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { verdict(self.ask("touch", key, Command::Touch { fill_id, left }).await) })
    }

    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { verdict(self.ask("release", key, Command::Release(token)).await) })
    }

    fn discard<'a>(&'a self, key: &'a [u8], fill_id: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { verdict(self.ask("discard", key, Command::Discard(fill_id)).await) })
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let replies = self.ask_all("invalidate", keys, || Command::Invalidate).await;
            replies.into_iter().try_fold(0, |sum, reply| match reply? {
                Reply::Removed(removed) => Ok(sum + removed?),
                other => unreachable!("an invalidation is answered by {other:?}"),
            })
        })
    }

    fn scan<'a>(&'a self, _scan: Scan<'a>) -> StoreFuture<'a, Result<Page>> {
        Box::pin(async { unreachable!("its capabilities say that it cannot") })
    }

    fn begin_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<()>> {
        Box::pin(async move {
            let replies = self.ask_all("begin guards", keys, || Command::BeginGuard(guard)).await;
            replies.into_iter().try_for_each(|reply| match reply? {
                Reply::Begun(begun) => begun,
                other => unreachable!("a begin is answered by {other:?}"),
            })
        })
    }

    fn renew_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { all(self.ask_all("renew guards", keys, || Command::RenewGuard(guard)).await) })
    }

    fn end_guards<'a>(&'a self, keys: &'a [&'a [u8]], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { all(self.ask_all("end guards", keys, || Command::EndGuard(token)).await) })
    }

    fn put<'a>(&'a self, put: Put<'a>) -> StoreFuture<'a, Result<PutVerdict>> {
        let Put { key, guard, fill_id, payload, ttl } = put;
        Box::pin(async move {
            match self.ask("put", key, Command::Put { guard, fill_id, payload, ttl }).await? {
                Reply::Put(verdict) => verdict,
                other => unreachable!("a put is answered by {other:?}"),
            }
        })
    }

    fn sessions(&self) -> Option<watch::Receiver<u64>> {
        self.0.world.plan.tells_sessions.then(|| self.0.sessions.subscribe())
    }

    fn watch(&self, watch: Watch) -> StoreFuture<'_, Result<Box<dyn Watching>>> {
        Box::pin(crate::telling::watch(&self.0, watch.watcher))
    }

    fn close(&self, _deadline: Duration) -> StoreFuture<'_, bool> {
        Box::pin(async { true })
    }
}

fn verdict(reply: Result<Reply>) -> Result<Verdict> {
    match reply? {
        Reply::Verdict(verdict) => verdict,
        other => unreachable!("a verdict is not {other:?}"),
    }
}

/// Accepted if all are; the first failure, if there is one.
fn all(replies: Vec<Result<Reply>>) -> Result<Verdict> {
    let verdicts: Result<Vec<Verdict>, Error> = replies.into_iter().map(verdict).collect();
    let refused = verdicts?.contains(&Verdict::Refused);
    Ok(if refused { Verdict::Refused } else { Verdict::Accepted })
}
