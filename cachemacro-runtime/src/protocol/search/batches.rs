//! Every interleaving of a small world: two batches of the same two keys, a read of one of them, and writers.
//!
//! A read is a batch of one. The batches are in one process, where they share flights, or in two.
//!
//! The promises: a member whose batch began after an invalidation was acknowledged never gets a value that was
//! loaded before it; and all batches come to their end, without any of them giving up to wait.

mod searches;
mod settings;

use super::{Key, LATER, NOW, Version, held, token};
use crate::protocol::batch::Members;
use crate::protocol::flight::{Ending, Flight, Progress};
use crate::protocol::slot::{self, Guard, Sighting, Slot};
use crate::protocol::token::{Permit, Verdict};
use settings::{Plan, Wrong};

const KEYS: usize = 2;
const PROCESSES: usize = 2;

/// Members are told apart by these numbers, and so are the tokens of their leases.
type Number = usize;

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    /// For each key, what the source has committed, and the highest version whose invalidation was acknowledged.
    source: [Version; KEYS],
    acknowledged: [Version; KEYS],
    keys: [Key; KEYS],
    flights: [[Option<Flight<Number>>; KEYS]; PROCESSES],
    batches: Vec<Batch>,
    writes: Vec<Write>,
    /// Fills of members that were dropped: each takes effect at any time, or never.
    strays: Vec<(usize, Number, Version)>,
    evictions: u8,
    drops: u8,
    is_stuck: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Batch {
    shared: Members,
    members: Vec<Member>,
    /// What the latest body has loaded for those who had not asked for it.
    beside: Vec<Option<Version>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Member {
    /// What it must at least return: what was acknowledged when its batch began.
    floor: Version,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Idle,
    /// The read of all keys of the batch was sent, without leases.
    Reading,
    /// That found nothing.
    Unread,
    /// That found a value.
    Read {
        value: Version,
    },
    Waiting,
    Leading {
        is_leased: bool,
    },
    Looking,
    Found(Found),
    /// Somebody else's lease.
    Busy,
    Wanting,
    Loading,
    Loaded {
        value: Version,
    },
    Filling {
        value: Version,
    },
    Judged {
        value: Version,
        accepted: bool,
    },
    Done {
        value: Version,
    },
    Gone,
}

/// What the store answers to a lookup.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Found {
    Hit(Version),
    Lead,
    Busy,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Write {
    Idle,
    Committed {
        version: Version,
    },
    /// The invalidation has taken effect; its answer is on its way.
    Invalidated {
        version: Version,
    },
    Done,
}

impl World {
    fn new(plan: &Plan) -> Self {
        let batch = |&(_, keys): &(usize, &[usize])| Batch {
            shared: Members::new(keys.len()),
            members: vec![Member { floor: 0, at: At::Idle }; keys.len()],
            beside: vec![None; keys.len()],
        };
        Self {
            source: [0; KEYS],
            acknowledged: [0; KEYS],
            keys: [const { None }; KEYS],
            flights: [const { [const { None }; KEYS] }; PROCESSES],
            batches: plan.batches.iter().map(batch).collect(),
            writes: vec![Write::Idle; plan.writes.len()],
            strays: Vec::new(),
            evictions: 0,
            drops: 0,
            is_stuck: false,
        }
    }

    /// All worlds that are one step away.
    fn next(&self, plan: &Plan, wrong: Wrong) -> Vec<Self> {
        let mut next = Vec::new();
        for write in 0..plan.writes.len() {
            next.extend(self.step_write(plan, write));
        }
        for batch in 0..plan.batches.len() {
            next.extend(self.begin(plan, batch));
            next.extend(self.start_body(plan, batch, wrong));
            for member in 0..self.batches[batch].members.len() {
                next.extend(self.step(Place { plan, batch, member }, wrong));
            }
        }
        for stray in 0..self.strays.len() {
            let mut world = self.clone();
            let (key, number, value) = world.strays.remove(stray);
            world.fill(key, number, value);
            next.push(world);
        }
        next.retain(|world| world != self);
        if next.is_empty() && !self.is_stuck && !self.all_are_over() {
            next.push(Self { is_stuck: true, ..self.clone() });
        }
        for batch in 0..plan.batches.len() {
            if self.drops < plan.drops {
                next.extend(self.drop_batch(plan, batch));
            }
        }
        for key in 0..KEYS {
            if self.evictions < plan.evictions && self.keys[key].is_some() {
                let mut world = self.clone();
                (world.keys[key], world.evictions) = (None, self.evictions + 1);
                next.push(world);
            }
        }
        next
    }

    fn step_write(&self, plan: &Plan, write: usize) -> Option<Self> {
        let mut world = self.clone();
        let key = plan.writes[write];
        world.writes[write] = match self.writes[write] {
            Write::Idle => {
                world.source[key] += 1;
                Write::Committed { version: world.source[key] }
            }
            Write::Committed { version } => {
                let there = world.keys[key].take();
                world.keys[key] = slot::invalidate(there.as_ref(), NOW).0.after(there);
                Write::Invalidated { version }
            }
            Write::Invalidated { version } => {
                world.acknowledged[key] = world.acknowledged[key].max(version);
                Write::Done
            }
            Write::Done => return None,
        };
        Some(world)
    }

    /// A batch begins: by a read of all its keys, if there are several.
    fn begin(&self, plan: &Plan, batch: usize) -> Option<Self> {
        let keys = plan.batches[batch].1;
        if self.batches[batch].members.iter().any(|member| member.at != At::Idle) {
            return None;
        }
        let mut world = self.clone();
        for (member, key) in world.batches[batch].members.iter_mut().zip(keys) {
            let at = if keys.len() > 1 && plan.reads_first { At::Reading } else { At::Unread };
            *member = Member { floor: world.acknowledged[*key], at };
        }
        Some(world)
    }

    fn start_body(&self, plan: &Plan, batch: usize, wrong: Wrong) -> Option<Self> {
        let mut world = self.clone();
        let Batch { shared, members, beside } = &mut world.batches[batch];
        let waits = |member: &Member| matches!(member.at, At::Waiting | At::Busy);
        if wrong == Wrong::WaitsBeforeItFills && members.iter().any(waits) {
            return None;
        }
        let started = shared.start(usize::MAX);
        if started.is_empty() {
            return None;
        }
        for member in started {
            members[member].at = At::Loading;
        }
        if wrong == Wrong::TakenByLateJoiner {
            for (member, key) in plan.batches[batch].1.iter().enumerate() {
                beside[member] = Some(world.source[*key]);
            }
        }
        Some(world)
    }

    fn step(&self, place: Place<'_>, wrong: Wrong) -> Option<Self> {
        let mut world = self.clone();
        let (home, key, number) = (place.home(), place.key(), place.number());
        let at = match place.of(self).at {
            // All keys are read at once; as they are apart, so may the moments be.
            At::Reading => match &self.keys[key] {
                Some(Slot::Filled(held)) => At::Read { value: held.value },
                _ => At::Unread,
            },
            At::Read { value } => return Some(world.over(place, value)),
            At::Unread => match &mut world.flights[home][key] {
                Some(flight) => {
                    flight.join(number);
                    world.batches[place.batch].shared.waits(place.member);
                    At::Waiting
                }
                none => {
                    *none = Some(Flight::new());
                    At::Leading { is_leased: false }
                }
            },
            At::Leading { is_leased: true } => {
                world.progress(place, Progress::LoadStarted);
                world.want(place, wrong)
            }
            At::Leading { is_leased: false } => {
                world.progress(place, Progress::LookupSent);
                At::Looking
            }
            At::Looking => At::Found(world.look_up(key, number)),
            At::Found(Found::Hit(value)) => return Some(world.land(place, Ending::Hit, Some(value))),
            At::Found(Found::Lead) => {
                world.progress(place, Progress::LoadStarted);
                world.want(place, wrong)
            }
            At::Found(Found::Busy) => {
                world.batches[place.batch].shared.waits(place.member);
                At::Busy
            }
            // To ask again what has not changed is no step.
            At::Busy if matches!(self.keys[key], Some(Slot::Leased { .. })) => return None,
            At::Busy => {
                world.progress(place, Progress::LookupSent);
                At::Looking
            }
            At::Loading => {
                let value = world.source[key];
                let members = &mut world.batches[place.batch].members;
                members[place.member].at = At::Loaded { value };
                if !members.iter().any(|member| member.at == At::Loading) {
                    world.batches[place.batch].shared.landed();
                }
                return Some(world);
            }
            // What a body brings, it brings at its end.
            At::Loaded { .. } if self.batches[place.batch].is_loading() => return None,
            At::Loaded { value } => {
                world.progress(place, Progress::SettleSent);
                At::Filling { value }
            }
            At::Filling { value } => {
                let accepted = world.fill(key, number, value);
                At::Judged { value, accepted }
            }
            At::Judged { value, accepted } => {
                let ending = if accepted { Ending::Settled } else { Ending::Unsettled };
                return Some(world.land(place, ending, Some(value)));
            }
            At::Idle | At::Waiting | At::Wanting | At::Done { .. } | At::Gone => return None,
        };
        place.of_mut(&mut world).at = at;
        Some(world)
    }

    /// A member is to be loaded.
    fn want(&mut self, place: Place<'_>, wrong: Wrong) -> At {
        let batch = &mut self.batches[place.batch];
        if wrong == Wrong::TakenByLateJoiner
            && let Some(value) = batch.beside[place.member]
        {
            batch.shared.is_over(place.member);
            return At::Loaded { value };
        }
        batch.shared.wants(place.member);
        At::Wanting
    }

    fn look_up(&mut self, key: usize, number: Number) -> Found {
        let lease = Guard { token: token(number as u8 + 1), until: LATER };
        let (next, sighting) = slot::look_up(self.keys[key].as_ref(), Some(lease), NOW);
        self.keys[key] = next.after(self.keys[key].take());
        match sighting {
            Sighting::Hit(held) => Found::Hit(held.value),
            Sighting::Lead => Found::Lead,
            Sighting::Busy => Found::Busy,
            Sighting::Absent | Sighting::Guarded(_) => {
                unreachable!("it asks for a lease, and no writer guards")
            }
        }
    }

    fn fill(&mut self, key: usize, number: Number, value: Version) -> bool {
        let permit = Permit::Lease(token(number as u8 + 1));
        let (next, verdict) = slot::fill(self.keys[key].as_ref(), permit, || held(value), NOW);
        self.keys[key] = next.after(self.keys[key].take());
        verdict == Verdict::Accepted
    }

    fn progress(&mut self, place: Place<'_>, progress: Progress) {
        if let Some(flight) = &mut self.flights[place.home()][place.key()] {
            flight.progress(progress);
        }
    }

    /// A member has a value that it did not lead for.
    fn over(mut self, place: Place<'_>, value: Version) -> Self {
        place.of_mut(&mut self).at = At::Done { value };
        self.batches[place.batch].shared.is_over(place.member);
        self
    }

    /// Ends the flight that a member leads.
    fn land(mut self, place: Place<'_>, ending: Ending, value: Option<Version>) -> Self {
        let (home, key) = (place.home(), place.key());
        let is_leased = matches!(
            place.of(&self).at,
            At::Leading { is_leased: true }
                | At::Looking
                | At::Found(Found::Lead)
                | At::Wanting
                | At::Loading
                | At::Loaded { .. }
        );
        self = match value {
            Some(value) => self.over(place, value),
            None => {
                place.of_mut(&mut self).at = At::Gone;
                self
            }
        };
        let Some(mut flight) = self.flights[home][key].take() else { return self };
        let is_handed_on = is_leased && ending == Ending::LeaderGone && flight.lease_is_untouched();
        let landing = flight.end(ending);
        for waiter in landing.deliver {
            let waiter = Place::by_number(place.plan, waiter);
            if let Some(value) = value {
                self = self.over(waiter, value);
            }
        }
        match landing.promote {
            Some(waiter) => {
                let waiter = Place::by_number(place.plan, waiter);
                // A handed lease keeps its token; the slot is told whose it is now.
                if is_handed_on {
                    self.pass_on(key, place.number(), waiter.number());
                }
                waiter.of_mut(&mut self).at = At::Leading { is_leased: is_handed_on };
                self.flights[home][key] = Some(flight);
            }
            None if is_handed_on => self.release(key, place.number()),
            None => {}
        }
        if is_leased && !is_handed_on {
            self.release(key, place.number());
        }
        self
    }

    /// Has a lease under the token of its new holder.
    fn pass_on(&mut self, key: usize, from: Number, to: Number) {
        let there = self.keys[key].take();
        let (next, verdict) = slot::release(there.as_ref(), token(from as u8 + 1), NOW);
        self.keys[key] = next.after(there);
        if verdict == Verdict::Accepted {
            let _ = self.look_up(key, to);
        }
    }

    fn release(&mut self, key: usize, number: Number) {
        let there = self.keys[key].take();
        self.keys[key] = slot::release(there.as_ref(), token(number as u8 + 1), NOW).0.after(there);
    }

    /// The caller of a batch leaves: those who lead hand on, and those who wait are no longer there.
    fn drop_batch(&self, plan: &Plan, batch: usize) -> Option<Self> {
        let is_under_way = |member: &Member| !matches!(member.at, At::Idle | At::Done { .. } | At::Gone);
        if !self.batches[batch].members.iter().any(is_under_way) {
            return None;
        }
        let mut world = self.clone();
        world.drops += 1;
        for member in 0..world.batches[batch].members.len() {
            let place = Place { plan, batch, member };
            match place.of(&world).at {
                At::Idle | At::Done { .. } | At::Gone => {}
                At::Reading | At::Read { .. } | At::Unread => place.of_mut(&mut world).at = At::Gone,
                At::Waiting => {
                    place.of_mut(&mut world).at = At::Gone;
                    if let Some(flight) = &mut world.flights[place.home()][place.key()] {
                        flight.retain(|waiter| *waiter != place.number());
                    }
                }
                at => {
                    if let At::Filling { value } = at {
                        world.strays.push((place.key(), place.number(), value));
                    }
                    world = world.land(place, Ending::LeaderGone, None);
                }
            }
        }
        Some(world)
    }

    fn all_are_over(&self) -> bool {
        let is_over = |member: &Member| matches!(member.at, At::Done { .. } | At::Gone);
        self.batches.iter().all(|batch| batch.members.iter().all(is_over))
    }

    fn breaks_a_promise(&self) -> bool {
        let is_old = |member: &Member| matches!(member.at, At::Done { value } if value < member.floor);
        self.is_stuck || self.batches.iter().any(|batch| batch.members.iter().any(is_old))
    }
}

impl Batch {
    fn is_loading(&self) -> bool {
        self.members.iter().any(|member| member.at == At::Loading)
    }
}

/// A member of a batch.
#[derive(Clone, Copy)]
struct Place<'a> {
    plan: &'a Plan,
    batch: usize,
    member: usize,
}

impl<'a> Place<'a> {
    fn by_number(plan: &'a Plan, number: Number) -> Self {
        Self { plan, batch: number / KEYS, member: number % KEYS }
    }

    fn number(self) -> Number {
        self.batch * KEYS + self.member
    }

    fn home(self) -> usize {
        self.plan.batches[self.batch].0
    }

    fn key(self) -> usize {
        self.plan.batches[self.batch].1[self.member]
    }

    fn of(self, world: &World) -> Member {
        world.batches[self.batch].members[self.member]
    }

    fn of_mut(self, world: &mut World) -> &mut Member {
        &mut world.batches[self.batch].members[self.member]
    }
}
