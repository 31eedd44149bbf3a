//! Which read of a store answers whom, where callers that come at once are answered by one read.
//!
//! A read says what was stored after it was **sent**. So a caller joins a batch up to then, and never later: what
//! was sent before it came may be older than an invalidation that it knows of.
//!
//! Nobody waits to be gathered while nothing is under way: a caller who comes alone asks for itself.

use crate::mutants::{self, Mutant};

/// What is under way on one lane. `B` names a batch of reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Gather<B> {
    /// Requests that were sent and not answered.
    under_way: u32,
    /// The batch that is still to be sent.
    open: Option<B>,
}

/// The way of a caller who has just come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way<B> {
    /// Nothing is under way: it asks for itself.
    Alone,
    /// It joins this batch, if there is room in it.
    Joins(B),
    /// It opens a batch, and sees to it that it is sent.
    Opens,
}

impl<B: Clone + PartialEq> Gather<B> {
    pub(crate) const fn new() -> Self {
        Self { under_way: 0, open: None }
    }

    /// The way of a caller who comes now.
    pub(crate) fn way(&self) -> Way<B> {
        match &self.open {
            Some(batch) => Way::Joins(batch.clone()),
            None if self.under_way == 0 => Way::Alone,
            None => Way::Opens,
        }
    }

    /// Others may join this batch from now on, and no other.
    pub(crate) fn opened(&mut self, batch: B) {
        self.open = Some(batch);
    }

    /// A request is about to be sent; if it is that of a batch, nobody joins it any more.
    pub(crate) fn sent(&mut self, batch: Option<&B>) {
        self.under_way += 1;
        if batch.is_some() && self.open.as_ref() == batch && !mutants::is(Mutant::GatheredToLateJoiners) {
            self.open = None;
        }
    }

    /// A request was answered, or nobody waits for its answer any more.
    pub(crate) fn answered(&mut self, batch: Option<&B>) {
        self.under_way -= 1;
        if let Some(batch) = batch {
            self.abandoned(batch);
        }
    }

    /// All who were in a batch have left before it was sent.
    pub(crate) fn abandoned(&mut self, batch: &B) {
        if self.open.as_ref() == Some(batch) {
            self.open = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_alone_asks_for_itself() {
        let mut gather = Gather::<u8>::new();
        assert_eq!(gather.way(), Way::Alone);
        gather.sent(None);
        assert_eq!(gather.way(), Way::Opens);
        gather.answered(None);
        assert_eq!(gather.way(), Way::Alone);
    }

    #[test]
    fn a_batch_is_joined_until_it_is_sent_and_never_later() {
        let mut gather = Gather::new();
        gather.sent(None);
        gather.opened(1);
        assert_eq!(gather.way(), Way::Joins(1));
        gather.sent(Some(&1));
        assert_eq!(gather.way(), Way::Opens);
    }

    #[test]
    fn a_batch_that_was_full_leaves_the_one_after_it_open() {
        let mut gather = Gather::new();
        gather.opened(1);
        gather.opened(2);
        gather.sent(Some(&1));
        assert_eq!(gather.way(), Way::Joins(2));
        gather.answered(Some(&1));
        assert_eq!(gather.way(), Way::Joins(2));
    }
}
