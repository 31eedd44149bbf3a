//! The header of a stored value: it says what the bytes behind it are, so that nothing else is taken for them.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | the format's version, 1 |
//! | 1 | the codec's [`ID`](Codec::ID) |
//! | 2..10 | the hash of the value's type, and of its version if that is not 0 (big endian) |
//! | 10..18 | the hash of all other bytes of header and value (big endian) |
//! | 18.. | the value, as the codec writes it |
//!
//! The fill id and the times stand before it: they are the store's. Both hashes are XXH3, 64 bits
//! (xxhash.com): against accidents, not against those who can write to the store.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::{Codec, VALUE_BYTES_MAX, unreadable, unstorable};
use crate::error::Result;

const VERSION: u8 = 1;
const TYPE_AT: usize = 2;
const CHECK_AT: usize = 10;
const VALUE_AT: usize = 18;

/// A value behind its header.
///
/// # Errors
///
/// [`ErrorKind::Unstorable`](crate::error::ErrorKind::Unstorable) if the codec cannot carry it, or it is
/// larger than [`VALUE_BYTES_MAX`].
pub fn seal<C: Codec, V: Serialize + 'static>(codec: &C, version: u32, value: &V) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(&[VERSION, C::ID]);
    bytes.extend_from_slice(&type_hash::<V>(version).to_be_bytes());
    bytes.extend_from_slice(&[0; VALUE_AT - CHECK_AT]);
    codec.encode(value, &mut bytes)?;
    if bytes.len() > VALUE_BYTES_MAX {
        let detail =
            format!("{} bytes are more than the {VALUE_BYTES_MAX} that are stored at most", bytes.len());
        return Err(unstorable(detail));
    }
    let check = check(&bytes).to_be_bytes();
    bytes[CHECK_AT..VALUE_AT].copy_from_slice(&check);
    Ok(bytes.into())
}

/// The value behind a header, if it is one of this type, whole and in this codec.
///
/// # Errors
///
/// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) if it is not.
pub fn open<C: Codec, V: DeserializeOwned + 'static>(codec: &C, version: u32, bytes: &[u8]) -> Result<V> {
    if bytes.len() < VALUE_AT || bytes[0] != VERSION {
        return Err(unreadable("it was not written by this version of cachemacro"));
    }
    if bytes[1] != C::ID {
        return Err(unreadable("it was written with another codec"));
    }
    if bytes[TYPE_AT..CHECK_AT] != type_hash::<V>(version).to_be_bytes() {
        return Err(unreadable("it is a value of another type or version"));
    }
    if bytes[CHECK_AT..VALUE_AT] != check(bytes).to_be_bytes() {
        return Err(unreadable("it is damaged"));
    }
    codec.decode(&bytes[VALUE_AT..])
}

/// Tells types apart by their names, and those of one name by their `version`. Two builds that name a
/// type differently read misses.
fn type_hash<V: 'static>(version: u32) -> u64 {
    let name = std::any::type_name::<V>();
    match version {
        0 => xxh3_64(name.as_bytes()),
        // A type's name never begins with a digit.
        _ => xxh3_64(format!("{version} {name}").as_bytes()),
    }
}

/// The hash of all but the place it is stored in.
fn check(bytes: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(&bytes[..CHECK_AT]);
    hash.update(&bytes[VALUE_AT..]);
    hash.digest()
}

#[cfg(all(test, feature = "bincode"))]
mod tests {
    use super::super::bincode::Bincode;
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_value_comes_back_as_it_was() {
        let value = (7_u64, String::from("seven"), vec![Some(1.5_f64), None]);
        let bytes = seal(&Bincode, 0, &value).unwrap();
        assert_eq!(open::<_, (u64, String, Vec<Option<f64>>)>(&Bincode, 0, &bytes).unwrap(), value);
    }

    #[test]
    fn every_damaged_bit_and_every_cut_is_noticed() {
        let bytes = seal(&Bincode, 0, &String::from("seven")).unwrap();
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
        let bytes = seal(&Bincode, 0, &7_u64).unwrap();
        assert_eq!(open::<_, u32>(&Bincode, 0, &bytes).unwrap_err().kind(), ErrorKind::Unreadable);
    }

    #[test]
    fn a_value_of_another_version_is_refused() {
        let bytes = seal(&Bincode, 2, &7_u64).unwrap();
        assert_eq!(open::<_, u64>(&Bincode, 2, &bytes).unwrap(), 7);
        for version in [0, 1, 22] {
            let error = open::<_, u64>(&Bincode, version, &bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{version}");
        }
    }

    #[test]
    fn a_value_past_the_bound_is_refused_and_its_error_does_not_hold_it() {
        let secret = "secret".repeat(VALUE_BYTES_MAX / 6 + 1);
        let error = seal(&Bincode, 0, &secret).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unstorable);
        assert!(!error.to_string().contains("secret"));
    }
}
