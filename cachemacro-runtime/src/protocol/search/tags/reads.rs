//! The steps of a read.

use super::settings::{Setting, Wrong, fillable, tags_after, tags_before, told};
use super::{AFTER, Note, OfKey, READS, Read, Stored, TAG, TAGS, UNSENT, World, apply, count, held, own};
use crate::protocol::search::{LATER, NOW, Time, Version, token};
use crate::protocol::slot::{self, Guard, Next, Sighting, Slot};
use crate::protocol::tags::{Found, Standing, judge};
use crate::protocol::token::{Permit, Token, Verdict};

impl World {
    pub(super) fn step_read(&self, read: usize, setting: Setting, next: &mut Vec<Self>) {
        let wrong = setting.wrong;
        match self.reads[read] {
            Read::Idle => {
                let floor = self.acknowledged;
                next.push(
                    self.clone().at(read, Read::Asked { floor, again: false, key: None, notes: UNSENT }),
                );
                if setting.joins && read + 1 == setting.reads {
                    for leader in (0..read).filter(|&leader| self.reads[leader].is_open()) {
                        let early = !matches!(self.reads[leader], Read::Loaded { .. });
                        next.push(self.clone().at(read, Read::Joined { floor, leader, early }));
                    }
                }
            }
            Read::Asked { floor, again, key, notes } => {
                let mut go = |world: Self, key, notes| {
                    let world = world.at(read, Read::Asked { floor, again, key, notes });
                    // Over the value, a tag is looked at in a step of its own.
                    next.push(if setting.over_value { world } else { world.decided(read, setting) });
                };
                if key.is_none() {
                    let (step, found) = self.look_up(read, again);
                    let mut world = self.clone();
                    world.key = step.after(world.key.take());
                    go(world, Some(found), notes);
                }
                let mut untold =
                    tags_before(setting).iter().filter(|&&tag| !matches!(notes[tag], Note::Told(_)));
                if let Some(&tag) = untold.next() {
                    let (world, noted) = self.note(read, u8::from(again), tag, notes[tag], wrong);
                    let mut notes = notes;
                    notes[tag] = noted;
                    go(world, key, notes);
                }
                next.push(self.clone().decided(read, setting));
            }
            Read::Discarding { floor, fill_id } => {
                let mut world = self.clone();
                apply(&mut world.key, |slot| slot::discard(slot, fill_id, NOW).0);
                next.push(world.at(read, Read::Asked { floor, again: true, key: None, notes: UNSENT }));
            }
            Read::Loading { floor, permit: None, .. } => {
                next.push(self.delivered(read, self.source, false).returned(read, self.source, floor));
            }
            Read::Loading { floor, again, permit: Some(permit), versions } => {
                let (value, notes) = (self.source, UNSENT);
                next.push(
                    self.clone().at(read, Read::Loaded { floor, again, permit, value, versions, notes }),
                );
            }
            Read::Loaded { floor, again, permit, value, versions, notes } => {
                let after = tags_after(setting);
                let first = after.iter().find(|&&tag| !matches!(notes[tag], Note::Told(_)));
                if let Some(&tag) = first {
                    let (world, noted) = self.note(read, AFTER, tag, notes[tag], wrong);
                    let mut notes = notes;
                    notes[tag] = noted;
                    next.push(world.at(read, Read::Loaded { floor, again, permit, value, versions, notes }));
                    return;
                }
                let Some(versions) = fillable(setting, versions, notes) else {
                    next.push(self.delivered(read, value, false).returned(read, value, floor));
                    return;
                };
                next.push(self.filled(read, floor, again, permit, value, versions, wrong));
            }
            Read::Checking { value, versions, notes } => {
                let tags = if setting.over_value { &[TAG][..] } else { &[0, 1] };
                for &tag in tags {
                    if notes[tag] == Note::Sent {
                        let mut noted = notes;
                        noted[tag] = Note::Told(self.looked_at(tag));
                        next.push(self.clone().at(read, Read::Checking { value, versions, notes: noted }));
                    }
                }
                if let Some(found) = told(notes, tags) {
                    let pairs = tags.iter().map(|&tag| (versions[tag], found[tag]));
                    let stand = judge(pairs) == Standing::Current;
                    next.push(self.delivered(read, value, stand).at(read, Read::Done));
                }
            }
            Read::Joined { .. } | Read::Done => {}
        }
    }

    pub(super) fn at(mut self, read: usize, at: Read) -> Self {
        self.reads[read] = at;
        self
    }

    fn look_up(&self, read: usize, again: bool) -> (Next<Stored, Time>, OfKey) {
        let lease = Guard { token: own(read, u8::from(again), 2), until: LATER };
        let (step, sighting) = slot::look_up(self.key.as_ref(), Some(lease), NOW);
        let found = match sighting {
            Sighting::Hit(held) => OfKey::Hit(held.value, held.fill_id),
            Sighting::Lead => OfKey::Lead,
            Sighting::Busy | Sighting::Absent | Sighting::Guarded(_) => OfKey::Busy,
        };
        (step, found)
    }

    /// The next step of a lookup of a tag, which makes a version where there is none.
    fn note(&self, read: usize, phase: u8, tag: usize, note: Note, wrong: Wrong) -> (Self, Note) {
        let mut world = self.clone();
        let mine = own(read, phase, tag);
        let noted = match note {
            Note::Sent => {
                if wrong == Wrong::VersionOverGuard && matches!(self.tags[tag], Some(Slot::Guarded(_))) {
                    world.tags[tag] = None;
                }
                let asked = Guard { token: mine, until: LATER };
                let (step, sighting) = slot::look_up(world.tags[tag].as_ref(), Some(asked), NOW);
                world.tags[tag] = step.after(world.tags[tag].take());
                match sighting {
                    Sighting::Hit(held) | Sighting::Guarded(Some(held)) => {
                        Note::Told(Found::Version(held.fill_id))
                    }
                    // In one step: in between it would be `Busy` to others, who then serve and store nothing.
                    Sighting::Lead => {
                        let version = if wrong == Wrong::CounterThatResets { count(0) } else { mine };
                        let made = || held((), version);
                        let step = slot::fill(world.tags[tag].as_ref(), Permit::Lease(mine), made, NOW).0;
                        world.tags[tag] = step.after(world.tags[tag].take());
                        Note::Told(Found::Version(version))
                    }
                    Sighting::Busy => Note::Told(Found::Busy),
                    Sighting::Absent | Sighting::Guarded(None) => Note::Told(Found::None),
                }
            }
            Note::Told(found) => Note::Told(found),
        };
        (world, noted)
    }

    /// A lookup of a tag that makes nothing.
    pub(super) fn looked_at(&self, tag: usize) -> Found {
        match slot::look_up(self.tags[tag].as_ref(), None, NOW).1 {
            Sighting::Hit(held) | Sighting::Guarded(Some(held)) => Found::Version(held.fill_id),
            _ => Found::None,
        }
    }

    /// What a read does once all of its lookups are answered.
    fn decided(self, read: usize, setting: Setting) -> Self {
        let Read::Asked { floor, again, key: Some(key), notes } = self.reads[read] else { return self };
        let Some(found) = told(notes, tags_before(setting)) else { return self };
        let versions = found.map(|found| match found {
            Found::Version(version) => Some(version),
            Found::Busy | Found::None => None,
        });
        let unstored = Read::Loading { floor, again, permit: None, versions: [token(0); TAGS] };
        let loading = |permit| match versions {
            [Some(first), Some(second)] => {
                Read::Loading { floor, again, permit: Some(permit), versions: [first, second] }
            }
            _ => unstored,
        };
        let at = match key {
            OfKey::Lead => loading(Permit::Lease(own(read, u8::from(again), 2))),
            OfKey::Busy => unstored,
            OfKey::Hit((value, stored), fill_id) => {
                // Over the value, the tag is known from what is stored, and looked at only then.
                let found = if setting.over_value { [self.looked_at(TAG); TAGS] } else { found };
                let mut pairs = stored.into_iter().zip(found);
                let standing = match setting.wrong {
                    Wrong::OneTagIsEnough
                        if pairs.any(|pair| judge([pair].into_iter()) == Standing::Current) =>
                    {
                        Standing::Current
                    }
                    _ => judge(stored.into_iter().zip(found)),
                };
                match standing {
                    Standing::Current => return self.missed_by_joiners(read).returned(read, value, floor),
                    Standing::Outdated if setting.wrong == Wrong::ReplacedUnasked => {
                        loading(Permit::Replace(fill_id))
                    }
                    Standing::Outdated if !again => Read::Discarding { floor, fill_id },
                    Standing::Outdated | Standing::Busy | Standing::Unknown => unstored,
                }
            }
        };
        self.at(read, at)
    }

    #[expect(clippy::too_many_arguments, reason = "the whole of a read's state")]
    fn filled(
        &self,
        read: usize,
        floor: Version,
        again: bool,
        permit: Permit,
        value: Version,
        versions: [Token; TAGS],
        wrong: Wrong,
    ) -> Self {
        let mut world = self.clone();
        let fill_id = own(read, u8::from(again), 3);
        let (step, verdict) = slot::fill(self.key.as_ref(), permit, || held((value, versions), fill_id), NOW);
        if wrong == Wrong::ReplacedUnasked && matches!(permit, Permit::Replace(_)) {
            world.key = Some(Slot::Filled(held((value, versions), fill_id)));
        } else {
            world.key = step.after(world.key.take());
        }
        let is_awaited =
            world.reads.iter().any(|at| matches!(at, Read::Joined { leader, .. } if *leader == read));
        world = world.returned(read, value, floor);
        match verdict == Verdict::Accepted && is_awaited {
            true if wrong == Wrong::SharedUnchecked => world.delivered(read, value, true),
            true => world.at(read, Read::Checking { value, versions, notes: UNSENT }),
            false => world.delivered(read, value, false),
        }
    }

    /// Gives the result of a load to those who have joined; the rest ask for themselves.
    fn delivered(&self, read: usize, value: Version, is_settled: bool) -> Self {
        let mut world = self.clone();
        for at in 0..READS {
            if let Read::Joined { floor, leader, early } = world.reads[at]
                && leader == read
            {
                world = match early || is_settled {
                    true => world.returned(at, value, floor),
                    false => world.at(at, Read::Asked { floor, again: false, key: None, notes: UNSENT }),
                };
            }
        }
        world
    }

    /// A hit is older than those who joined after it was asked for.
    fn missed_by_joiners(&self, read: usize) -> Self {
        let mut world = self.clone();
        for at in 0..READS {
            if let Read::Joined { floor, leader, .. } = world.reads[at]
                && leader == read
            {
                world = world.at(at, Read::Asked { floor, again: false, key: None, notes: UNSENT });
            }
        }
        world
    }
}
