//! Calls for one id each, gathered for a moment, and loaded by one body.
//!
//! Each goes the way of any call, and comes here for its value once it has its lead and its lease. The first who comes
//! waits for the window, and loads for all who have come by then: nobody takes what was loaded before it came. If it is
//! dropped, or panics, one of the others loads.

use std::any::Any;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::shape::Sharing;
use crate::shape::batch::{Answers, BatchOutput, Each, Failed};
use crate::site::Site;

/// What is gathered in one cache, by function.
#[derive(Debug, Default)]
pub(crate) struct Gatherings(Mutex<HashMap<usize, Arc<dyn Any + Send + Sync>>>);

impl Gatherings {
    pub(super) fn of<K, V>(&self, site: &'static Site) -> Arc<Gathering<K, V>>
    where
        K: Send + 'static,
        V: Send + 'static,
    {
        let mut all = lock(&self.0);
        let gathering =
            all.entry(std::ptr::from_ref(site).addr()).or_insert_with(|| Arc::new(Gathering::<K, V>::new()));
        // A function has one type of ids and one of values, but for one that is generic: each of those is by itself.
        Arc::clone(gathering).downcast().unwrap_or_else(|_| Arc::new(Gathering::new()))
    }
}

/// Those who wait for one function's body to begin.
// std's mutex: it is held for a few moves, never across an await, and nothing foreign runs under it but `Eq` of ids.
pub(super) struct Gathering<K, V> {
    waiting: Mutex<Waiting<K, V>>,
    /// Tells who gathers that there may be enough.
    came: Notify,
}

struct Waiting<K, V> {
    members: VecDeque<Member<K, V>>,
    /// Whether somebody gathers.
    is_led: bool,
}

struct Member<K, V> {
    id: K,
    sender: oneshot::Sender<Message<K, V>>,
}

/// What comes to one who waits.
enum Message<K, V> {
    Value(Option<V>),
    /// What has come in the place of all values, for it to copy.
    Shared(Arc<dyn Any + Send + Sync>),
    /// It has failed, with an error that cannot be copied.
    Failed,
    /// It is its turn to gather.
    Gathers(Gatherer<K, V>),
}

impl<K, V> Gathering<K, V> {
    fn new() -> Self {
        Self { waiting: Mutex::new(Waiting { members: VecDeque::new(), is_led: false }), came: Notify::new() }
    }

    /// Comes: to gather, if nobody does.
    fn enter(self: &Arc<Self>, id: K) -> Result<Gatherer<K, V>, oneshot::Receiver<Message<K, V>>> {
        let mut waiting = lock(&self.waiting);
        if !waiting.is_led {
            waiting.is_led = true;
            return Ok(Gatherer(Some(Arc::clone(self))));
        }
        let (sender, receiver) = oneshot::channel();
        waiting.members.push_back(Member { id, sender });
        drop(waiting);
        self.came.notify_one();
        Err(receiver)
    }

    /// Waits until so many wait beside who gathers.
    async fn are_waiting(&self, most: usize) {
        while lock(&self.waiting).members.len() < most {
            self.came.notified().await;
        }
    }
}

/// Whose turn it is to gather. Dropped, it is another's.
struct Gatherer<K, V>(Option<Arc<Gathering<K, V>>>);

impl<K: Eq + Hash + Clone, V> Gatherer<K, V> {
    /// Takes those who have come, so many with its own `id`; who is left gathers for the next body.
    fn begin(mut self, id: &K, most: usize) -> Party<K, V> {
        let gathering = self.0.take().expect("it is taken once");
        let (mut members, mut ids) = (Vec::new(), HashSet::from([id.clone()]));
        let mut waiting = lock(&gathering.waiting);
        let mut left = VecDeque::new();
        for member in waiting.members.drain(..) {
            // An id twice is one whose caller waited for no flight: its value is in the next body.
            if members.len() + 1 < most && !member.sender.is_closed() && ids.insert(member.id.clone()) {
                members.push(member);
            } else if !member.sender.is_closed() {
                left.push_back(member);
            }
        }
        waiting.members = left;
        drop(waiting);
        drop(Self(Some(Arc::clone(&gathering))));
        Party { gathering, members }
    }
}

impl<K, V> Drop for Gatherer<K, V> {
    fn drop(&mut self) {
        let Some(gathering) = self.0.take() else { return };
        let mut waiting = lock(&gathering.waiting);
        let next = loop {
            match waiting.members.pop_front() {
                Some(member) if member.sender.is_closed() => {}
                Some(member) => break member,
                None => {
                    waiting.is_led = false;
                    return;
                }
            }
        };
        drop(waiting);
        // If it leaves at this very moment, its turn comes back with the message and is dropped: handed on.
        let _ = next.sender.send(Message::Gathers(Self(Some(gathering))));
    }
}

/// Those whom a body loads for, beside who runs it. Dropped, those who have nothing yet wait again.
struct Party<K, V> {
    gathering: Arc<Gathering<K, V>>,
    members: Vec<Member<K, V>>,
}

impl<K: Clone, V> Party<K, V> {
    fn ids(&self, own: &K) -> Vec<K> {
        std::iter::once(own.clone()).chain(self.members.iter().map(|member| member.id.clone())).collect()
    }

    fn tell(&mut self, messages: impl Iterator<Item = Message<K, V>>) {
        for (member, message) in self.members.drain(..).zip(messages) {
            // Whoever left does not hear it.
            let _ = member.sender.send(message);
        }
    }
}

impl<K, V> Drop for Party<K, V> {
    fn drop(&mut self) {
        if self.members.is_empty() {
            return;
        }
        let mut waiting = lock(&self.gathering.waiting);
        self.members.drain(..).rev().for_each(|member| waiting.members.push_front(member));
        if !waiting.is_led {
            waiting.is_led = true;
            drop(waiting);
            drop(Gatherer(Some(Arc::clone(&self.gathering))));
        }
    }
}

/// The value of one id, by a body for all who come within `window`, of `most` ids.
pub(super) async fn gathered<S, K, O, B, F>(
    gathering: Arc<Gathering<K, O::Value>>,
    id: K,
    (window, most): (Duration, usize),
    body: B,
) -> S::Output
where
    S: Sharing<Output = Each<K, O>>,
    K: Clone + Eq + Hash,
    O: BatchOutput<K>,
    B: Fn(Vec<K>) -> F,
    F: Future<Output = O>,
{
    let gatherer = match gathering.enter(id.clone()) {
        Ok(gatherer) => gatherer,
        Err(receiver) => match receiver.await {
            Ok(Message::Gathers(gatherer)) => gatherer,
            Ok(Message::Value(value)) => return Ok(value),
            Ok(Message::Shared(shared)) if let Some(output) = S::receive(&*shared) => return output,
            // An error is one caller's alone where it cannot be copied; and a runtime may have ended with who gathered.
            Ok(Message::Shared(_) | Message::Failed) | Err(_) => return load(vec![id], body).await.1,
        },
    };
    // As many as a body takes do not wait for more.
    let _ = timeout(window, gathering.are_waiting(most.saturating_sub(1))).await;
    let mut party = gatherer.begin(&id, most);
    let (values, own) = load(party.ids(&id), body).await;
    match values {
        Some(values) => party.tell(values.map(Message::Value)),
        None => {
            let shared = S::share(&own);
            party.tell(std::iter::repeat_with(|| shared.clone().map_or(Message::Failed, Message::Shared)));
        }
    }
    own
}

/// Loads ids: what came for the first, and for the others unless it was an error.
async fn load<K, O, B, F>(ids: Vec<K>, body: B) -> (Option<std::vec::IntoIter<Option<O::Value>>>, Each<K, O>)
where
    K: Clone,
    O: BatchOutput<K>,
    B: Fn(Vec<K>) -> F,
    F: Future<Output = O>,
{
    match body(ids.clone()).await.split() {
        Ok(answers) => {
            let mut values = answers.of(&ids).into_iter();
            let own = values.next().flatten();
            (Some(values), Ok(own))
        }
        Err(error) => (None, Err(Failed::new(error))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
