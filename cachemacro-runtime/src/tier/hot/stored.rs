//! A value of the tier in this process, as its table and the slots in front of it hold it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::codec::Typed;
use crate::policy::Stamp;
use crate::shape::Shared;

/// A value, the version of its function, and how long it is fresh; with its key, for who holds nothing else of it.
pub(in crate::tier) struct Stored {
    pub(in crate::tier) key: Box<[u8]>,
    pub(in crate::tier) value: Shared,
    pub(in crate::tier) version: u64,
    pub(in crate::tier) stamp: Stamp,
    /// The place of the slots that hold it by an image; zero if none do.
    place: AtomicU64,
}

impl Stored {
    pub(in crate::tier) fn new(key: &[u8], value: Shared, version: u64, stamp: Stamp) -> Arc<Self> {
        Arc::new(Self { key: key.into(), value, version, stamp, place: AtomicU64::new(0) })
    }

    /// The value, if it is of this type and version.
    pub(in crate::tier) fn value(&self, form: Typed) -> Option<Shared> {
        (self.version == form.version && form.is(&self.value)).then(|| Arc::clone(&self.value))
    }

    /// Notes that it is kept at this place, and says whether it may be: at one alone, that of the function that came
    /// first. Others with the same entries find it by its key.
    pub(super) fn is_kept_at(&self, place: u64) -> bool {
        match self.place.compare_exchange(0, place, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => place != 0,
            Err(noted) => noted == place,
        }
    }

    pub(super) fn place(&self) -> Option<u64> {
        Some(self.place.load(Ordering::Acquire)).filter(|place| *place != 0)
    }
}
