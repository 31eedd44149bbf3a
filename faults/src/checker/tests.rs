//! Histories by hand: what the checker must find, and what it must not.

use super::*;
use crate::fault::Fault;
use crate::settings::{BUDGET, GUARD, SLACK, STALENESS, WAIT_MAX};

const MS: Micros = 1_000;

/// Times are in milliseconds from here.
const EPOCH: Micros = 1_000_000_000;

const KEY: u8 = 3;

/// Which process, and there are two.
const HERE: u32 = 1;
const THERE: u32 = 2;

#[derive(Default)]
struct Story {
    history: History,
    last_id: u32,
}

impl Story {
    fn call(&mut self, process: u32, kind: Kind, (start, end): (u64, u64), outcome: Outcome) -> &mut Call {
        self.last_id += 1;
        let (start, end) = (EPOCH + start * MS, EPOCH + end * MS);
        let call = Call { id: self.last_id, kind, key: KEY, start, end, outcome, body: None, at_once: false };
        self.history.told.calls.push((process, call));
        &mut self.history.told.calls.last_mut().expect("it was pushed").1
    }

    fn read(&mut self, process: u32, at: (u64, u64), version: u32) -> &mut Call {
        self.call(process, Kind::Read, at, Outcome::Saw(version))
    }

    /// A call in [`HERE`] that commits the next version.
    fn change(&mut self, kind: Kind, at: (u64, u64), commit: u64, outcome: Outcome) {
        let Call { id, start, .. } = *self.call(HERE, kind, at, outcome);
        self.commit(id, kind, start, commit);
    }

    /// The commit of a call in [`HERE`] that never ended, as its process was killed then.
    fn crash(&mut self, kind: Kind, start: u64, commit: u64, death: u64) {
        self.last_id += 1;
        self.commit(self.last_id, kind, EPOCH + start * MS, commit);
        self.history.told.deaths.push(Death { process: HERE, at: EPOCH + death * MS });
    }

    fn commit(&mut self, call: u32, kind: Kind, start: Micros, at: u64) {
        let version = self.history.commits.len() as u32 + 1;
        let at = EPOCH + at * MS;
        self.history.commits.push(Commit { process: HERE, call, kind, start, key: KEY, version, at });
    }

    fn all_clear(&mut self, at: u64) {
        let at = EPOCH + at * MS;
        self.history.told.all_clears.push(AllClear { process: HERE, before: at, after: at + MS });
    }

    fn fault(&mut self, fault: Fault, process: Option<u32>, (from, to): (u64, u64)) {
        let window = Window { fault, process, from: EPOCH + from * MS, to: EPOCH + to * MS };
        self.history.windows.push(window);
    }

    fn found(&self) -> Vec<What> {
        check(&self.history).violations.into_iter().map(|violation| violation.what).collect()
    }

    fn is_stale(&self) -> bool {
        match self.found()[..] {
            [] => false,
            [What::Stale { .. }] => true,
            ref other => panic!("{other:?}"),
        }
    }

    fn is_stale_after_crash(&self) -> bool {
        match self.found()[..] {
            [] => false,
            [What::StaleAfterCrash { .. }] => true,
            ref other => panic!("{other:?}"),
        }
    }
}

const DELIVERED: Outcome = Outcome::Ended { delivered: true };
const UNDELIVERED: Outcome = Outcome::Ended { delivered: false };

/// A change at 10 to 20 ms that was committed at 15, and what a read then saw.
fn after_a_change(outcome: Outcome, reader: u32, read: (u64, u64), version: u32) -> Story {
    let mut story = Story::default();
    story.change(Kind::Unguarded, (10, 20), 15, outcome);
    story.read(reader, read, version);
    story
}

#[test]
fn a_read_after_a_delivered_change_must_see_it() {
    for reader in [HERE, THERE] {
        assert!(after_a_change(DELIVERED, reader, (21, 22), 0).is_stale());
        assert!(!after_a_change(DELIVERED, reader, (21, 22), 1).is_stale());
    }
}

#[test]
fn a_read_that_began_before_the_change_had_ended_may_see_either() {
    for version in [0, 1] {
        assert!(!after_a_change(DELIVERED, THERE, (19, 40), version).is_stale());
        assert!(!after_a_change(DELIVERED, THERE, (20, 40), version).is_stale());
    }
}

#[test]
fn an_undelivered_change_is_promised_to_its_own_process_alone() {
    assert!(after_a_change(UNDELIVERED, HERE, (21, 22), 0).is_stale());
    assert!(!after_a_change(UNDELIVERED, THERE, (21, 22), 0).is_stale());
}

#[test]
fn it_is_promised_to_all_once_nothing_is_left_to_deliver() {
    let story = |cleared, read| {
        let mut story = after_a_change(UNDELIVERED, THERE, read, 0);
        story.all_clear(cleared);
        story
    };
    assert!(story(50, (60, 61)).is_stale());
    assert!(!story(50, (40, 41)).is_stale());
    assert!(!story(50, (51, 52)).is_stale(), "the moment is some time between the two");
    assert!(!story(19, (60, 61)).is_stale(), "that was before it had ended");
}

#[test]
fn a_dropped_change_is_promised_if_it_had_committed() {
    let story = |kind, commit| {
        let mut story = Story::default();
        story.change(kind, (10, 20), commit, Outcome::Dropped);
        story.all_clear(30);
        story.read(HERE, (40, 41), 0);
        story
    };
    assert!(story(Kind::Required, 15).is_stale());
    assert!(!story(Kind::Required, 21).is_stale());
    assert!(!story(Kind::ByHand, 15).is_stale(), "it may have been dropped before it invalidated");
}

/// How late what is kept near may be, in milliseconds.
const BOUND: u64 = STALENESS.as_millis() as u64;

/// A delivered change that ended at 20 ms, and a read in a process that keeps values near.
fn near_after_a_change(kind: Kind, reader: u32, start: u64) -> Story {
    let mut story = after_a_change(DELIVERED, THERE, (5, 6), 0);
    story.history.told.near.extend([HERE, THERE]);
    story.call(reader, kind, (start, start + 1), Outcome::Saw(0)).at_once = true;
    story
}

#[test]
fn what_is_kept_near_may_be_behind_the_others_by_the_bound() {
    assert!(!near_after_a_change(Kind::Read, THERE, 20 + BOUND).is_stale());
    assert!(near_after_a_change(Kind::Read, THERE, 21 + BOUND).is_stale());
    assert!(near_after_a_change(Kind::Final, THERE, 21 + BOUND).is_stale());
}

#[test]
fn it_is_not_behind_its_own_process_and_a_strict_read_is_behind_nobody() {
    assert!(near_after_a_change(Kind::Read, HERE, 21).is_stale());
    for kind in [Kind::Strict, Kind::Refresh, Kind::Peek] {
        assert!(near_after_a_change(kind, THERE, 21).is_stale());
    }
}

#[test]
fn reads_of_what_is_kept_near_are_counted_and_how_far_they_are_behind() {
    let findings = check(&near_after_a_change(Kind::Read, THERE, 120).history);
    assert_eq!((findings.near, findings.near_behind, findings.near_behind_most), (1, 1, 100 * MS));
    let mut amid = near_after_a_change(Kind::Read, THERE, 120);
    amid.fault(Fault::StallLink, Some(THERE), (100, 200));
    amid.fault(Fault::StallLink, Some(HERE), (100, 200));
    let findings = check(&amid.history);
    assert_eq!((findings.near_amid_faults, findings.near_amid_link_faults), (1, 1));
}

#[test]
fn a_later_change_does_not_hide_an_earlier_promise() {
    let mut story = Story::default();
    story.change(Kind::Put, (10, 30), 12, UNDELIVERED);
    story.change(Kind::Put, (11, 20), 15, DELIVERED);
    story.all_clear(35);
    story.read(THERE, (40, 41), 2);
    assert_eq!(story.found(), []);
    story.read(THERE, (42, 43), 1);
    assert!(story.is_stale());
}

#[test]
fn a_version_of_the_future_is_found() {
    assert_eq!(after_a_change(DELIVERED, THERE, (5, 12), 1).found(), [What::Unheard]);
    assert_eq!(after_a_change(DELIVERED, THERE, (5, 16), 1).found(), []);
}

/// After the guard of a call that died at 100 ms.
const OVER: u64 = 100 + GUARD.as_millis() as u64 + promise::GUARD_SLACK / MS;

fn after_a_crash(kind: Kind, commit: u64, read: u64) -> Story {
    let mut story = Story::default();
    story.crash(kind, 10, commit, 100);
    story.read(THERE, (read, read + 1), 0);
    story
}

#[test]
fn what_a_crashed_writer_committed_under_its_guard_is_seen_once_that_is_over() {
    for kind in [Kind::Required, Kind::PutRequired, Kind::Guarded] {
        assert!(after_a_crash(kind, 50, OVER + 10).is_stale_after_crash());
        assert!(!after_a_crash(kind, 50, OVER - 10).is_stale_after_crash());
    }
}

#[test]
fn nothing_is_promised_of_a_crashed_writer_without_a_guard() {
    for kind in [Kind::Unguarded, Kind::ByHand, Kind::Invalidates, Kind::Transaction] {
        assert!(!after_a_crash(kind, 50, OVER + 10).is_stale_after_crash());
    }
    let late = 10 + GUARD.as_millis() as u64;
    assert!(!after_a_crash(Kind::Required, late, OVER + 5000).is_stale_after_crash());
}

#[test]
fn a_guard_that_was_lost_before_the_commit_promises_nothing() {
    for fault in [Fault::Flush, Fault::KillServer, Fault::Evict] {
        let mut story = after_a_crash(Kind::Required, 50, OVER + 10);
        story.fault(fault, None, (20, 30));
        assert!(!story.is_stale_after_crash());
        let mut story = after_a_crash(Kind::Required, 50, OVER + 10);
        story.fault(fault, None, (60, 70));
        assert!(story.is_stale_after_crash(), "after the commit whatever is loaded is new");
    }
}

#[test]
fn a_renewal_that_was_held_back_makes_the_guard_last_longer() {
    let story = |fault, process, read| {
        let mut story = after_a_crash(Kind::Required, 50, read);
        story.fault(fault, process, (90, 1_000));
        story.fault(Fault::Pause, None, (1_100, 2_000));
        story
    };
    for (fault, process) in [(Fault::Stall, Some(HERE)), (Fault::StopServer, None)] {
        assert!(!story(fault, process, OVER + 1_800).is_stale_after_crash());
        assert!(story(fault, process, OVER + 1_910).is_stale_after_crash());
    }
    assert!(story(Fault::Stall, Some(THERE), OVER + 10).is_stale_after_crash());
    assert!(story(Fault::FlushScripts, None, OVER + 10).is_stale_after_crash());
}

#[test]
fn in_the_end_nothing_is_left_to_come() {
    let mut story = Story::default();
    story.crash(Kind::Required, 10, 50, 100);
    story.call(THERE, Kind::Final, (OVER - 10, OVER - 9), Outcome::Saw(0));
    assert!(matches!(story.found()[..], [What::StaleForGood(Commit { version: 1, .. })]));
}

#[test]
fn a_read_fails_by_its_body_alone() {
    let found = |kind, outcome| {
        let mut story = Story::default();
        story.call(HERE, kind, (10, 20), outcome);
        story.found()
    };
    assert_eq!(found(Kind::Read, Outcome::Failed), []);
    assert_eq!(found(Kind::Read, Outcome::Refused), [What::Failed]);
    assert_eq!(found(Kind::Put, Outcome::Refused), [What::Failed]);
    assert_eq!(found(Kind::PutRequired, Outcome::Refused), []);
    assert_eq!(found(Kind::Read, Outcome::Torn), [What::Torn]);
}

#[test]
fn a_call_ends_in_time_unless_its_process_is_stopped_or_its_body_runs() {
    let most = (WAIT_MAX + 6 * BUDGET + SLACK).as_millis() as u64 + 250;
    let story = |taken| {
        let mut story = Story::default();
        story.read(HERE, (0, taken), 0);
        story
    };
    assert_eq!(story(most).found(), []);
    assert!(matches!(story(most + 1).found()[..], [What::Slow(_)]));
    let mut stopped = story(most + 500);
    stopped.fault(Fault::StopChild, Some(HERE), (100, 700));
    assert_eq!(stopped.found(), []);
    let mut other = story(most + 500);
    other.fault(Fault::StopChild, Some(THERE), (100, 700));
    assert_eq!(other.found().len(), 1);
    let mut loading = Story::default();
    loading.read(HERE, (0, most + 500), 0).body = Some((EPOCH, EPOCH + 600 * MS));
    assert_eq!(loading.found(), []);
}

#[test]
fn bodies_of_one_key_in_one_process_run_one_at_a_time() {
    let found = |process, waited: u64| {
        let mut story = Story::default();
        story.read(HERE, (0, 50), 0).body = Some((EPOCH, EPOCH + 40 * MS));
        let began = EPOCH + 30 * MS;
        let call = story.read(process, (30, 80), 0);
        call.start = began - waited * MS;
        call.body = Some((began, began + 5 * MS));
        story.found()
    };
    assert_eq!(found(HERE, 1), [What::Beside(1)]);
    assert_eq!(found(THERE, 1), []);
    assert_eq!(found(HERE, WAIT_MAX.as_millis() as u64), [], "it has waited long enough");
}

#[test]
fn a_body_whose_caller_left_ends_a_moment_after_the_next_begins() {
    let found = |end: u64| {
        let mut story = Story::default();
        let left = story.call(HERE, Kind::Read, (0, 30), Outcome::Dropped);
        left.body = Some((EPOCH, EPOCH + end * MS));
        story.read(HERE, (20, 400), 0).body = Some((EPOCH + 30 * MS, EPOCH + 390 * MS));
        story.found()
    };
    assert_eq!(found(31), []);
    assert_eq!(found(200), [What::Beside(1)]);
}

#[test]
fn reads_are_counted_that_were_concurrent_with_a_fault_or_a_change() {
    let mut story = after_a_change(DELIVERED, THERE, (5, 12), 0);
    story.read(HERE, (30, 31), 1);
    story.fault(Fault::Flush, None, (12, 13));
    story.fault(Fault::Cut, Some(THERE), (25, 60));
    let findings = check(&story.history);
    assert_eq!((findings.reads_amid_faults, findings.reads_amid_changes), (1, 1));
    assert_eq!((findings.promised, findings.unpromised), (1, 0));
}

#[test]
fn a_violation_tells_of_the_commit_and_of_the_faults() {
    let mut story = after_a_change(DELIVERED, THERE, (21, 22), 0);
    story.fault(Fault::Stall, Some(HERE), (1, 18));
    story.fault(Fault::Flush, None, (30, 31));
    let told = check(&story.history).violations[0].to_string();
    let expected = "read 2 of key 3 in process 2 saw version 0 after 1.0 ms: version 1 was committed 6.0 ms before \
                    it began, by unguarded 1 in process 1, and promised 1.0 ms before\n      \
                    stall of process 1, from -20.0 to -3.0 ms";
    assert_eq!(told, expected);
}
