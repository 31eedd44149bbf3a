//! Being told of changes by all servers of a cluster.
//!
//! What is kept near under a key is there on its server, as that tells of whatever takes it away, a move to another
//! server included. A new topology ends the links: who was not there when they were opened tells nothing on them, and
//! confirms nothing.

use std::time::Duration;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::sync::watch;

use super::topology::Map;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Store, StoreFuture, Watch, Watching};
use crate::task::join_all;

/// The links to all servers.
struct Links {
    links: Vec<Box<dyn Watching>>,
    changes: watch::Receiver<u64>,
}

pub(super) async fn open(map: &Map, watch: Watch) -> Result<Box<dyn Watching>> {
    // Before anybody is asked who is there.
    let mut changes = map.changes();
    changes.mark_unchanged();
    let nodes = map.nodes();
    if nodes.is_empty() {
        map.doubt(None);
        let detail = "no server of the cluster is known yet";
        return Err(Error::new(ErrorKind::Unavailable, "redis watch", detail));
    }
    let opening = nodes.iter().map(|node| {
        // A sign of life is a write to a key that the server has.
        let number = map.number_on(node).unwrap_or_default();
        let within = [&*watch.within, format!("{{{number}}}").as_bytes()].concat().into();
        let watch = Watch { within, ..watch.clone() };
        async move { node.store.watch(watch).await }
    });
    let links: Vec<Box<dyn Watching>> = join_all(opening).await.into_iter().collect::<Result<_>>()?;
    if links.iter().any(|link| !link.tells_all()) {
        // What is published goes its own way through a cluster, and comes after signs of life that it should precede.
        let detail =
            "a server of the cluster refuses CLIENT TRACKING, without which nothing can be kept near";
        return Err(Error::new(ErrorKind::Rejected, "redis watch", detail));
    }
    Ok(Box::new(Links { links, changes }))
}

impl Watching for Links {
    fn touch(&mut self) -> StoreFuture<'_, Result<Duration>> {
        Box::pin(async move {
            let touched = join_all(self.links.iter_mut().map(|link| link.touch())).await;
            let times: Vec<Duration> = touched.into_iter().collect::<Result<_>>()?;
            if self.changes.has_changed().unwrap_or(true) {
                return Err(changed());
            }
            // Where the servers' clocks differ, values are taken for older than they are, and never for younger.
            Ok(times.into_iter().max().unwrap_or_default())
        })
    }

    fn lost(&mut self) -> StoreFuture<'_, Error> {
        Box::pin(async move {
            let mut links: Vec<_> = self.links.iter_mut().map(|link| link.lost()).collect();
            let mut change = pin!(self.changes.changed());
            poll_fn(|context| {
                let lost = links.iter_mut().find_map(|link| match link.as_mut().poll(context) {
                    Poll::Ready(why) => Some(why),
                    Poll::Pending => None,
                });
                match (lost, change.as_mut().poll(context)) {
                    (Some(why), _) => Poll::Ready(why),
                    (None, Poll::Ready(_)) => Poll::Ready(changed()),
                    (None, Poll::Pending) => Poll::Pending,
                }
            })
            .await
        })
    }
}

fn changed() -> Error {
    Error::new(ErrorKind::Unavailable, "redis watch", "the servers of the cluster are others now")
}
