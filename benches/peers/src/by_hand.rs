//! quick_cache, as someone would call it who measures every nanosecond.

use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;
use rustix::time::{ClockId, clock_gettime};

use crate::user::User;

const ENTRIES: usize = 1_000_000;

pub static BY_ID: LazyLock<Cache<u64, Arc<User>>> = LazyLock::new(|| Cache::new(ENTRIES));
pub static BY_TEXT: LazyLock<Cache<Vec<u8>, Arc<User>>> = LazyLock::new(|| Cache::new(ENTRIES));
static EXPIRING: LazyLock<Cache<Vec<u8>, Expiring>> = LazyLock::new(|| Cache::new(ENTRIES));

#[derive(Clone)]
struct Expiring {
    user: Arc<User>,
    until: u64,
}

/// A key on the stack: as little as a text key can cost.
pub struct StackKey {
    bytes: [u8; 32],
    len: usize,
}

impl StackKey {
    #[inline]
    pub fn new(prefix: &str, id: u64) -> Self {
        let (mut bytes, mut number) = ([0; 32], itoa::Buffer::new());
        let number = number.format(id);
        let len = prefix.len() + number.len();
        bytes[..prefix.len()].copy_from_slice(prefix.as_bytes());
        bytes[prefix.len()..len].copy_from_slice(number.as_bytes());
        Self { bytes, len }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The hit with all that a hit needs: key, lookup, ttl.
#[inline]
pub fn get(id: u64) -> Option<Arc<User>> {
    let found = EXPIRING.get(StackKey::new("user:", id).as_bytes())?;
    (found.until > now()).then_some(found.user)
}

pub fn fill(id: u64, user: &Arc<User>) {
    let key = StackKey::new("user:", id).as_bytes().to_vec();
    BY_ID.insert(id, Arc::clone(user));
    BY_TEXT.insert(key.clone(), Arc::clone(user));
    EXPIRING.insert(key, Expiring { user: Arc::clone(user), until: now() + 3_600_000_000_000 });
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
