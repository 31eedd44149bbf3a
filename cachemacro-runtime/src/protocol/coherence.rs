//! When a value that is kept in this process, in front of a store that others write to, may be served.
//!
//! The store tells of every change over one connection, the link, and answers heartbeats on it in the
//! same order. What is kept names the epoch of the link that it came under.
//!
//! | what happens | epoch | confirmed | the key's generation |
//! |---|---|---|---|
//! | the link [opens](Link::open) | one more | never | |
//! | a heartbeat is [answered](Link::confirm), twice in sequence | | when the first was sent | |
//! | keys have changed, or are invalidated in this process | | | one more |
//! | anything may have changed ([`Link::flush`]) | one more | | |
//! | the link [closes](Link::close) | one more | never | |
//!
//! A value comes from a hit in the store alone: never from a body, as the removal of a key that the store
//! does not have is not told, and never from a key that is guarded, as a guard runs out without a word.
//! Its [ticket](Ticket) is from before the lookup was sent, and still [stands](Ticket::stands) when it is
//! kept: then whatever changed since the lookup is still to be told.
//!
//! A reader takes the link's state *before* it looks at what is kept. With the other order it may hold
//! what is just being removed, and find it confirmed by the heartbeat that came after the removal.

/// What this process knows of its link to the store. `M` is a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Link<M> {
    pub(crate) epoch: u64,
    /// All that had changed by then has been told.
    pub(crate) confirmed: Option<M>,
}

impl<M: Copy + Ord> Link<M> {
    /// No link yet.
    pub(crate) const CLOSED: Self = Self { epoch: 0, confirmed: None };

    /// The store tells of all changes from now on.
    pub(crate) fn open(self) -> Self {
        Self { epoch: self.epoch + 1, confirmed: None }
    }

    /// Both heartbeats of a pair were answered, the first of which was sent then.
    ///
    /// One is not enough: a server may send the answers of one turn before what has changed in it.
    pub(crate) fn confirm(self, sent_at: M) -> Self {
        Self { confirmed: self.confirmed.max(Some(sent_at)), ..self }
    }

    /// Anything may have changed.
    pub(crate) fn flush(self) -> Self {
        Self { epoch: self.epoch + 1, ..self }
    }

    /// Changes are no longer told.
    pub(crate) fn close(self) -> Self {
        Self { epoch: self.epoch + 1, confirmed: None }
    }

    /// Whether what was kept in this epoch may be served: all changes up to `oldest` have been told. Before
    /// there was any moment (`None`), there was none to be told.
    pub(crate) fn serves(self, epoch: u64, oldest: Option<M>) -> bool {
        self.epoch == epoch && self.confirmed > oldest
    }
}

/// The right to keep what a lookup finds that is sent after it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    /// The epoch of the link.
    pub(crate) epoch: u64,
    /// The generation of the key, or of the stripe of keys that it is in.
    pub(crate) generation: u64,
}

impl Ticket {
    /// Whether nothing was told since it was taken. A change that was not told ends the epoch.
    pub(crate) fn stands(self, epoch: u64, generation: u64) -> bool {
        self == Self { epoch, generation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_served_unless_it_was_confirmed_after_the_oldest_that_may_be() {
        let link = Link::<u8>::CLOSED.open();
        assert!(!link.serves(link.epoch, Some(0)), "no heartbeat was answered");
        let link = link.confirm(5);
        assert!(link.serves(link.epoch, Some(4)));
        assert!(!link.serves(link.epoch, Some(5)), "a change of that very moment may not have been told");
        assert!(!link.serves(link.epoch - 1, Some(4)));
        assert!(link.confirm(3).serves(link.epoch, Some(4)), "an answer that comes late takes nothing back");
    }

    #[test]
    fn whatever_ends_a_link_ends_what_was_kept_under_it() {
        let link = Link::<u8>::CLOSED.open().confirm(5);
        for after in [link.flush(), link.close(), link.open(), link.close().open()] {
            assert!(!after.confirm(9).serves(link.epoch, Some(4)));
            assert!(!Ticket { epoch: link.epoch, generation: 0 }.stands(after.epoch, 0));
        }
        assert_eq!(link.flush().confirmed, Some(5), "what was told was told");
    }
}
