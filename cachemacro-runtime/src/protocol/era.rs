//! What the invalidation of all values of a namespace says of each of them.
//!
//! The time from one such invalidation to the next is an *era*. Its name is random, and stands under one key of
//! the store: to invalidate all is to remove it, and the next one is another. Each lease, guard and fill is named
//! by an era in its first half, one that the process knew when it asked for it. So a value says by its fill which
//! era its load had begun in, at the latest, and it may be served while that is still the current one.
//!
//! Two rules keep that right:
//!
//! - A fill is of the era of its permit, which was asked for before the load began, and never of one that became
//!   known later. An era that is known for long is safe to be named: at worst the value is never served.
//! - What is found is judged by the era that the store has once the call has begun; so is what was stored, before
//!   those may share it who came while it was loaded.

use super::token::Token;

/// The name of an era: half a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Era(u64);

impl Era {
    /// What stands for the era where none is known: nothing that is stored is of it.
    pub(crate) const UNKNOWN: Self = Self(0);

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The era that a lease, a guard or a fill is named by.
    #[inline]
    pub(crate) fn of(token: Token) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *token.as_bytes();
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The same token, named by this era.
    pub(crate) fn name(self, token: Token) -> Token {
        let mut bytes = *token.as_bytes();
        bytes[..8].copy_from_slice(&self.0.to_be_bytes());
        Token::from(bytes)
    }

    /// Whether a value of this fill may be served.
    #[inline]
    pub(crate) fn serves(self, fill_id: Token) -> bool {
        Self::of(fill_id) == self && self != Self::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_which_era_it_is_of_and_is_its_own_still() {
        let (first, second) = (Era::from_bits(7), Era::from_bits(u64::MAX));
        let [a, b] = [1, 2].map(|byte| first.name(Token::from([byte; 16])));
        assert_eq!((Era::of(a), Era::of(b)), (first, first));
        assert_ne!(a, b);
        assert!(first.serves(a) && !second.serves(a) && second.serves(second.name(a)));
        assert!(!Era::UNKNOWN.serves(Era::UNKNOWN.name(a)), "nothing is of an era that is not known");
    }
}
