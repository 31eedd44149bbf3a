//! Many keys read at once: an `MGET` on each lane, a fifth of the work of as many lookups for the server.

use bytes::Bytes;
use tokio::time::Instant;

use super::failure::Failure;
use super::lane::Lane;
use super::lookup::meaning;
use super::packing::pack;
use super::replies::{next, strings, value};
use super::{RedisStore, layout};
use crate::store::Found;
use crate::task::join_all;

const OPERATION: &str = "redis read of many keys";

impl RedisStore {
    pub(super) async fn get_many(&self, keys: &[&[u8]]) -> Vec<Found> {
        let deadline = match self.open() {
            Ok(deadline) => deadline,
            Err(failure) => {
                return keys.iter().map(|key| Found::Failed(failure.on(OPERATION, key))).collect();
            }
        };
        let groups = self.by_lane(keys.iter().copied());
        let reads = join_all(groups.into_iter().map(|(lane, places)| async move {
            let reply = self.mget(lane, keys, &places, deadline).await;
            (reply, places)
        }));
        // What no lane answers for is not there: there is none.
        let mut all: Vec<Found> = keys.iter().map(|_| Found::Absent).collect();
        for (reply, places) in reads.await {
            let strings = reply.and_then(|reply| strings(reply, places.len()));
            match strings {
                Ok(strings) => {
                    let now_ms = self.clock.at(Instant::now());
                    for (at, string) in places.into_iter().zip(strings) {
                        all[at] = match string {
                            Ok(Some(string)) => meaning(layout::decode(string, now_ms), None),
                            Ok(None) => Found::Absent,
                            Err(failure) => Found::Failed(failure.on(OPERATION, keys[at])),
                        };
                    }
                }
                Err(failure) => {
                    for at in places {
                        all[at] = Found::Failed(failure.on(OPERATION, keys[at]));
                    }
                }
            }
        }
        all
    }

    /// The reply to an `MGET` of these keys, with which Redis is asked the time if that is due.
    async fn mget(
        &self,
        lane: &Lane,
        keys: &[&[u8]],
        places: &[usize],
        deadline: Instant,
    ) -> Result<Bytes, Failure> {
        let mut commands =
            Vec::with_capacity(places.iter().map(|&at| keys[at].len() + 16).sum::<usize>() + 64);
        let (sent_at, session) = (Instant::now(), lane.sessions());
        let asks_time = self.clock.is_due(sent_at, session);
        if asks_time {
            pack(&mut commands, "TIME", std::iter::empty());
        }
        pack(&mut commands, "MGET", places.iter().map(|&at| keys[at]));
        let mut replies = lane.ask(commands, 1 + usize::from(asks_time), deadline).await?;
        if asks_time {
            let time = value(&next(&mut replies)?)?;
            self.clock.heard(Some(time), sent_at, session);
        }
        Ok(replies)
    }
}
