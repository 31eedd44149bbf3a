//! Which slot a key is in: the CRC16 of what stands between its first braces, or of all of it.

/// How many slots a cluster has.
pub(super) const SLOTS: usize = 16_384;

/// The slot of a key, as the cluster's specification says.
pub(super) fn slot_of(key: &[u8]) -> usize {
    usize::from(crc16::State::<crc16::XMODEM>::calculate(tag_of(key))) % SLOTS
}

/// The places of these keys by slot, in the order in which slots first come.
pub(super) fn by_slot<'k>(keys: impl Iterator<Item = &'k [u8]>) -> Vec<(usize, Vec<usize>)> {
    let mut keyed: Vec<(usize, usize)> = keys.enumerate().map(|(at, key)| (slot_of(key), at)).collect();
    keyed.sort_unstable();
    let of_one_slot = keyed.chunk_by(|(slot, _), (other, _)| slot == other);
    of_one_slot.map(|keyed| (keyed[0].0, keyed.iter().map(|(_, at)| *at).collect())).collect()
}

fn tag_of(key: &[u8]) -> &[u8] {
    let inner = key.iter().position(|byte| *byte == b'{').map(|open| &key[open + 1..]);
    let tag = inner.and_then(|inner| Some(&inner[..inner.iter().position(|byte| *byte == b'}')?]));
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // As CLUSTER KEYSLOT says.
        for (key, slot) in [
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{user1000}.following", 3443),
            ("{user1000}.followers", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("foo{bar}{zap}", 5061),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn keys_of_one_slot_are_together_and_none_is_lost() {
        let keys = ["{a}1", "b", "{a}2", "c", "{b}1"];
        let mut groups: Vec<Vec<usize>> =
            by_slot(keys.iter().map(|key| key.as_bytes())).into_iter().map(|(_, places)| places).collect();
        groups.sort_unstable();
        assert_eq!(groups, [vec![0, 2], vec![1, 4], vec![3]]);
    }
}
