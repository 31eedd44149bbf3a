//! Who is woken when a connection's stream has something to do: the caller who leads, or else the carrier.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The one waker that a stream ever knows, so that to hand on who moves its bytes is not to ask it again.
#[derive(Default)]
pub(super) struct Baton {
    // std's mutex: for a move, never across an await.
    hands: Mutex<Hands>,
}

#[derive(Default)]
struct Hands {
    /// One who waits to be woken, for itself or for all.
    leader: Option<Waker>,
    carrier: Option<Waker>,
}

impl Baton {
    /// Has a leader woken next.
    pub(super) fn give(&self, leader: &Waker) {
        let former = self.hands().leader.replace(leader.clone());
        drop(former);
    }

    /// Takes the baton from the leader, who is then to be woken, or is the one who takes it.
    pub(super) fn take(&self) -> Option<Waker> {
        self.hands().leader.take()
    }

    /// Keeps the carrier's waker, until it is woken.
    pub(super) fn carried_by(&self, carrier: &Waker) {
        let former = self.hands().carrier.replace(carrier.clone());
        drop(former);
    }

    pub(super) fn wake_carrier(&self) {
        let carrier = self.hands().carrier.take();
        carrier.into_iter().for_each(Waker::wake);
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Baton {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut hands = self.hands();
        let woken = hands.leader.take().or_else(|| hands.carrier.take());
        drop(hands);
        woken.into_iter().for_each(Waker::wake);
    }
}
