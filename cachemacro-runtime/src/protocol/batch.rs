//! When a batch runs its body, and for which of its members.
//!
//! Each id of a batch is a member, which goes the way of any call: it waits for another caller's load, or leads
//! and looks up, and then wants a value. What members share is the body, by two rules:
//!
//! - A body starts once no member is still arriving, and waits for none that waits for others. What it
//!   brings is then stored, while those still wait: two batches that each led what the other waits for would
//!   wait for each other.
//! - It is for those alone who want it when it starts. Who comes to want a value later has its permit from
//!   later, and would store what was loaded before that.

use crate::mutants::{self, Mutant};

/// The members of one batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Members {
    at: Vec<At>,
}

/// How far a member has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    /// It looks up for the first time, or has not begun.
    Arriving,
    /// Others load it, here or elsewhere.
    Waiting,
    /// It is to be loaded by this batch.
    Wanting,
    /// It is being loaded.
    Loading,
    /// It was loaded, or found.
    Over,
}

impl Members {
    /// So many, none of which has begun.
    pub(crate) fn new(count: usize) -> Self {
        Self { at: vec![At::Arriving; count] }
    }

    /// Notes that a member waits for others. One that looks up again thereafter is not waited for.
    pub(crate) fn waits(&mut self, member: usize) {
        if self.at[member] == At::Arriving {
            self.at[member] = At::Waiting;
        }
    }

    /// Notes that a member is to be loaded.
    pub(crate) fn wants(&mut self, member: usize) {
        if matches!(self.at[member], At::Arriving | At::Waiting) {
            self.at[member] = At::Wanting;
        }
    }

    /// Notes that a member has what it came for.
    pub(crate) fn is_over(&mut self, member: usize) {
        self.at[member] = At::Over;
    }

    /// Starts a body, if there is one to be started: for those members, `most` of them at most. A batch runs
    /// one at a time.
    pub(crate) fn start(&mut self, most: usize) -> Vec<usize> {
        let waits_for = |at: &At| match at {
            At::Arriving | At::Loading => true,
            At::Waiting => mutants::is(Mutant::BatchWaitsBeforeItFills),
            At::Wanting | At::Over => false,
        };
        if self.at.iter().any(waits_for) || !self.at.contains(&At::Wanting) {
            return Vec::new();
        }
        let is_for = |at: &At| match at {
            At::Wanting => true,
            At::Waiting => mutants::is(Mutant::BatchTakenByLateJoiner),
            At::Arriving | At::Loading | At::Over => false,
        };
        let started: Vec<usize> = self
            .at
            .iter()
            .enumerate()
            .filter(|(_, at)| is_for(at))
            .map(|(member, _)| member)
            .take(most)
            .collect();
        for member in &started {
            if self.at[*member] == At::Wanting {
                self.at[*member] = At::Loading;
            }
        }
        started
    }

    /// Notes that the body has ended.
    pub(crate) fn landed(&mut self) {
        self.at.iter_mut().filter(|at| **at == At::Loading).for_each(|at| *at = At::Over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_waits_for_those_who_arrive_and_for_none_who_wait() {
        let mut members = Members::new(3);
        members.wants(0);
        members.waits(1);
        assert_eq!(members.start(9), [0; 0], "the last may want it too");
        members.wants(2);
        assert_eq!(members.start(9), [0, 2]);
        assert_eq!(members.start(9), [0; 0], "it runs");
    }

    #[test]
    fn who_wants_a_value_later_gets_a_body_of_its_own() {
        let mut members = Members::new(2);
        members.wants(0);
        members.waits(1);
        assert_eq!(members.start(9), [0]);
        members.wants(1);
        assert_eq!(members.start(9), [0; 0], "one at a time");
        members.landed();
        assert_eq!(members.start(9), [1]);
    }

    #[test]
    fn a_body_is_for_no_more_than_it_takes() {
        let mut members = Members::new(3);
        (0..3).for_each(|member| members.wants(member));
        assert_eq!(members.start(2), [0, 1]);
        members.landed();
        assert_eq!(members.start(2), [2]);
        members.landed();
        assert_eq!(members.start(2), [0; 0]);
    }

    #[test]
    fn who_has_what_it_came_for_is_waited_for_by_nobody() {
        let mut members = Members::new(2);
        members.wants(0);
        members.is_over(1);
        assert_eq!(members.start(9), [0]);
    }
}
