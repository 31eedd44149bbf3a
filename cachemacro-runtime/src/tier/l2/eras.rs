//! The era of a namespace: asked for beside each lookup, in the same round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::L2;
use crate::chance;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ERA_KEY;
use crate::mutants::{self, Mutant};
use crate::protocol::era::Era;
use crate::store::{Ask, Fill, Found, Lease, Permit, Store, Token, Verdict};

/// How long the name of an era lives, in which nothing is invalidated altogether: longer than any value.
const TTL: Duration = Duration::from_secs(20 * 366 * 24 * 60 * 60);

/// How long the lease on the name holds, of which no more than a round trip is needed: so long all wait if the process
/// crashes that has it.
const LEASE: Duration = Duration::from_secs(1);

/// How long to wait for another process that makes one, and the pauses in between. Then calls go uncached: the process
/// may be gone.
const PATIENCE: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(25);

/// The eras of a namespace, as this process knows them.
#[derive(Debug, Default)]
pub(super) struct Eras {
    /// The last one that the store told.
    known: AtomicU64,
}

impl Eras {
    fn known(&self) -> Era {
        Era::from_bits(self.known.load(Ordering::Acquire))
    }

    fn learn(&self, era: Era) {
        self.known.store(era.bits(), Ordering::Release);
    }
}

/// The era that the store has, as of a moment after the question.
#[derive(Debug)]
pub(super) enum Told {
    /// There are none: the cache has no namespace.
    None,
    Era(Era),
    /// It could not be asked, or nothing can be made now.
    Unknown(Error),
}

impl Told {
    /// Whether a value of this fill may be served, as far as its era goes.
    pub(super) fn serves(&self, fill_id: Token) -> bool {
        match self {
            Self::None => true,
            Self::Era(era) => era.serves(fill_id) || mutants::is(Mutant::EraNotAsked),
            Self::Unknown(_) => false,
        }
    }
}

impl L2 {
    /// A name for a lease, a guard or a fill: one of the era that is known, where there are eras.
    pub(crate) fn token(&self) -> Token {
        match &self.eras {
            None => Token::random(),
            Some(eras) => eras.known().name(Token::random()),
        }
    }

    /// A name for a fill by this permit.
    pub(super) fn fill_id(&self, permit: Token) -> Token {
        match &self.eras {
            None => Token::random(),
            Some(eras) if mutants::is(Mutant::EraReadAfterLoad) => eras.known().name(Token::random()),
            Some(_) => Era::of(permit).name(Token::random()),
        }
    }

    /// Asks for the era, beside whatever else is asked.
    pub(super) async fn ask_era(&self) -> Told {
        if self.eras.is_none() {
            return Told::None;
        }
        let found = self.store().read_many(&[ERA_KEY]).await.pop();
        self.hear_era(found).await
    }

    /// What the answer to a question for the era says; makes one if there is none.
    pub(super) async fn hear_era(&self, found: Option<Found>) -> Told {
        let Some(eras) = &self.eras else { return Told::None };
        let told = match found {
            Some(Found::Hit(entry)) => Ok(Era::of(entry.fill_id)),
            Some(Found::Failed(error)) => Err(error),
            _ => self.make_era().await,
        };
        match told {
            Ok(era) => {
                eras.learn(era);
                Told::Era(era)
            }
            Err(error) => Told::Unknown(error),
        }
    }

    /// Names a new era, or hears of one that another process has named meanwhile: in a task of its own, as a caller
    /// who leaves would leave the lease behind, which keeps all from reading.
    async fn make_era(&self) -> Result<Era> {
        let (store, (sender, receiver)) = (Arc::clone(self.gate.store()), oneshot::channel());
        self.tasks.spawn(async move {
            // Whoever asked may have left.
            let _ = sender.send(make_era(&*store).await);
        });
        let closed = |_| Error::new(ErrorKind::Closed, "lookup", "the cache was closed");
        receiver.await.map_err(closed)?
    }

    /// The era that the store has now, for those who go over what is left of earlier ones; `None` without a namespace.
    pub(crate) async fn era(&self) -> Option<Result<Era>> {
        match self.ask_era().await {
            Told::None => None,
            Told::Era(era) => Some(Ok(era)),
            Told::Unknown(error) => Some(Err(error)),
        }
    }

    pub(crate) fn has_eras(&self) -> bool {
        self.eras.is_some()
    }
}

async fn make_era(store: &dyn Store) -> Result<Era> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let lease = Lease { token: Token::random(), ttl: LEASE };
        match store.lookup(&[Ask { key: ERA_KEY, lease: Some(lease) }]).await.pop() {
            Some(Found::Hit(entry)) => return Ok(Era::of(entry.fill_id)),
            Some(Found::Lead) => {
                let (permit, fill_id) = (Permit::Lease(lease.token), Token::random());
                let fill = Fill { key: ERA_KEY, permit, fill_id, payload: Bytes::new(), ttl: TTL };
                if store.fill(fill).await? == Verdict::Accepted {
                    return Ok(Era::of(fill_id));
                }
            }
            Some(Found::Busy) => tokio::time::sleep(PAUSE.mul_f64(chance::jitter())).await,
            Some(Found::Failed(error)) => return Err(error),
            _ => break,
        }
    }
    let detail = "no era of the namespace can be named now, so that nothing is read or stored";
    Err(Error::new(ErrorKind::Unavailable, "lookup", detail))
}
