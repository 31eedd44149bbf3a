//! What a bounded map is planned for.

use crate::store::memory::MemoryLimits;

/// The average weight that the number of shards and the memory of recent evictions are planned for.
const EXPECTED_ENTRY_BYTES: u64 = 1024;

/// No shard is planned for less, as long as there is more than one.
const SHARD_BYTES_MIN: u64 = 2 << 20;

/// How many shards a map of so many bytes has: as many as quick_cache would choose, and no smaller than is good for large
/// values, of which a shard has to hold some.
pub(crate) fn shards(bytes_max: u64) -> usize {
    let many = std::thread::available_parallelism().map_or(1, usize::from) * 4;
    usize::try_from(bytes_max / SHARD_BYTES_MIN).map_or(many, |most| most.clamp(1, many))
}

/// How much of a map something is, in 65,536ths.
pub(crate) fn share_of(bytes: u64, bytes_max: u64) -> u64 {
    bytes.saturating_mul(1 << 16) / bytes_max.max(1)
}

pub(super) fn expected_entries(limits: MemoryLimits) -> usize {
    let by_bytes = (limits.bytes_max / EXPECTED_ENTRY_BYTES).max(1);
    usize::try_from(by_bytes.min(limits.entries_max)).unwrap_or(usize::MAX)
}
