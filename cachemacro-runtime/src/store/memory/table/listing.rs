//! Listings of all keys, while which nothing is stored.

use std::sync::{PoisonError, RwLock};

/// A listing that is under way. It has waited for all that was being stored.
pub(super) struct Listing<'a>(&'a RwLock<u32>);

impl<'a> Listing<'a> {
    pub(super) fn begin(listings: &'a RwLock<u32>) -> Self {
        *listings.write().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(listings)
    }
}

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}
