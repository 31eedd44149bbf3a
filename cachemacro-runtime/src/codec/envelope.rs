//! The header of a stored value: it says what the bytes behind it are, so that nothing else is taken for them.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | the format's version, 4 |
//! | 1 | the codec's [`ID`](Codec::ID) |
//! | 2..10 | the hash of the shape of the value's type and of its version (big endian) |
//! | 10..18 | the hash of all behind it, seeded with that of all before it (big endian) |
//! | 18..26 | how long the value is fresh, in ms (big endian) |
//! | 26..30 | how long its load took, in ms (big endian) |
//! | 30.. | the value, as the codec writes it |
//!
//! The fill id, when it was filled and how long it is kept stand before it: they are the store's. How long it
//! is fresh is the function's, and so stands here: a store keeps bytes, and knows nothing of what may be
//! served past its ttl. Both hashes are XXH3, 64 bits
//! (xxhash.com): against accidents, not against those who can write to the store.

use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Codec, Storable, buffer, carriage, unreadable, verified};
use crate::error::Result;

pub use crate::policy::Stamp;

const VERSION: u8 = 4;
const TYPE_AT: usize = 2;
const CHECK_AT: usize = 10;
const FRESH_AT: usize = 18;
const COST_AT: usize = 26;
const VALUE_AT: usize = 30;

/// A value behind its header.
///
/// # Errors
///
/// [`ErrorKind::Unstorable`](crate::error::ErrorKind::Unstorable) if the codec cannot carry it, or would
/// bring it back as another value.
#[allow(private_bounds)]
pub fn seal<C: Codec, V: Storable>(codec: &C, version: u64, stamp: Stamp, value: &V) -> Result<Bytes> {
    buffer::filled(|bytes| write(codec, version, stamp, value, bytes))
}

fn write<C: Codec, V: Storable>(
    codec: &C,
    version: u64,
    stamp: Stamp,
    value: &V,
    bytes: &mut Vec<u8>,
) -> Result<()> {
    bytes.extend_from_slice(&[VERSION, C::ID]);
    bytes.extend_from_slice(&type_hash::<C, V>(version).to_be_bytes());
    bytes.extend_from_slice(&[0; FRESH_AT - CHECK_AT]);
    bytes.extend_from_slice(&stamp_bytes(stamp));
    verified::encode(codec, value, bytes)?;
    let check = check(bytes).to_be_bytes();
    bytes[CHECK_AT..FRESH_AT].copy_from_slice(&check);
    Ok(())
}

/// The codec that a header names.
pub(super) fn codec_id(bytes: &[u8]) -> Option<u8> {
    bytes.get(1).copied()
}

/// What a header says of time, if it is one.
pub(crate) fn stamp(bytes: &[u8]) -> Option<Stamp> {
    if bytes.len() < VALUE_AT || bytes[0] != VERSION {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    let millis = |bytes| Duration::from_millis(number(bytes));
    Some(Stamp { fresh: millis(&bytes[FRESH_AT..COST_AT]), cost: millis(&bytes[COST_AT..VALUE_AT]) })
}

fn stamp_bytes(stamp: Stamp) -> [u8; VALUE_AT - FRESH_AT] {
    let mut bytes = [0; VALUE_AT - FRESH_AT];
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let cost = u32::try_from(millis(stamp.cost)).unwrap_or(u32::MAX);
    bytes[..COST_AT - FRESH_AT].copy_from_slice(&millis(stamp.fresh).to_be_bytes());
    bytes[COST_AT - FRESH_AT..].copy_from_slice(&cost.to_be_bytes());
    bytes
}

/// The value behind a header, if it is one of this type, whole and in this codec.
///
/// # Errors
///
/// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) if it is not.
#[allow(private_bounds)]
pub fn open<C: Codec, V: Storable>(codec: &C, version: u64, bytes: &[u8]) -> Result<V> {
    if bytes.len() < VALUE_AT || bytes[0] != VERSION {
        return Err(unreadable("it was not written by this version of cachemacro"));
    }
    if bytes[1] != C::ID {
        return Err(unreadable("it was written with another codec"));
    }
    if bytes[TYPE_AT..CHECK_AT] != type_hash::<C, V>(version).to_be_bytes() {
        return Err(unreadable("it is a value of another type or version"));
    }
    if bytes[CHECK_AT..FRESH_AT] != check(bytes).to_be_bytes() {
        return Err(unreadable("it is damaged"));
    }
    verified::decode(codec, &bytes[VALUE_AT..])
}

/// Bytes behind the header that is right for them.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn headed<C: Codec, V: Storable>(version: u64, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![VERSION, C::ID];
    bytes.extend_from_slice(&type_hash::<C, V>(version).to_be_bytes());
    bytes.extend_from_slice(&[0; VALUE_AT - CHECK_AT]);
    bytes.extend_from_slice(value);
    let check = check(&bytes).to_be_bytes();
    bytes[CHECK_AT..FRESH_AT].copy_from_slice(&check);
    bytes
}

/// Tells types apart by their shapes, and those of one shape by their `version`.
fn type_hash<C: Codec, V: Storable>(version: u64) -> u64 {
    let shape = carriage::of::<V>().fingerprint::<C>().hash;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&shape.to_be_bytes());
    bytes[8..].copy_from_slice(&version.to_be_bytes());
    xxh3_64(&bytes)
}

/// The hash of all but the place it is stored in.
fn check(bytes: &[u8]) -> u64 {
    // Two at once are a fifth of what one takes that is fed piece by piece.
    xxh3_64_with_seed(&bytes[FRESH_AT..], xxh3_64(&bytes[..CHECK_AT]))
}

#[cfg(all(test, feature = "bincode"))]
mod tests {
    use super::super::bincode::Bincode;
    use super::*;
    use crate::error::ErrorKind;

    const STAMP: Stamp = Stamp { fresh: Duration::from_secs(60), cost: Duration::from_millis(7) };

    #[test]
    fn times_come_back_in_milliseconds_and_are_cut_off_at_their_bounds() {
        let stamp = |fresh, cost| stamp(&seal(&Bincode, 0, Stamp { fresh, cost }, &7_u64).unwrap());
        assert_eq!(stamp(STAMP.fresh, STAMP.cost), Some(STAMP));
        let bounds = Stamp {
            fresh: Duration::from_millis(u64::MAX),
            cost: Duration::from_millis(u64::from(u32::MAX)),
        };
        assert_eq!(stamp(Duration::MAX, Duration::MAX), Some(bounds));
        assert_eq!(super::stamp(&[VERSION; VALUE_AT - 1]), None);
        assert_eq!(super::stamp(&[VERSION - 1; VALUE_AT]), None);
    }

    #[test]
    fn a_value_comes_back_as_it_was() {
        let value = (7_u64, String::from("seven"), vec![Some(1.5_f64), None]);
        let bytes = seal(&Bincode, 0, STAMP, &value).unwrap();
        assert_eq!(open::<_, (u64, String, Vec<Option<f64>>)>(&Bincode, 0, &bytes).unwrap(), value);
    }

    #[test]
    fn every_damaged_bit_and_every_cut_is_noticed() {
        let bytes = seal(&Bincode, 0, STAMP, &String::from("seven")).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(open::<_, String>(&Bincode, 0, &damaged).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(open::<_, String>(&Bincode, 0, &bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_even_where_its_bytes_would_do() {
        let bytes = seal(&Bincode, 0, STAMP, &7_u64).unwrap();
        assert_eq!(open::<_, u32>(&Bincode, 0, &bytes).unwrap_err().kind(), ErrorKind::Unreadable);
    }

    #[test]
    fn a_value_of_another_version_is_refused() {
        let bytes = seal(&Bincode, 2, STAMP, &7_u64).unwrap();
        assert_eq!(open::<_, u64>(&Bincode, 2, &bytes).unwrap(), 7);
        for version in [0, 1, 22] {
            let error = open::<_, u64>(&Bincode, version, &bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{version}");
        }
    }
}
