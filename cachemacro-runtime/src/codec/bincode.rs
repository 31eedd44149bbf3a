//! The default codec: compact, fast, and without field names.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, VALUE_BYTES_MAX, unreadable, unstorable};
use crate::error::Result;

/// What decoding may allocate. Small numbers take one byte stored and eight in memory.
const DECODED_BYTES_MAX: usize = 8 * VALUE_BYTES_MAX;

/// bincode 2, in its standard configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

impl Codec for Bincode {
    const ID: u8 = 1;
    const NAME: &'static str = "bincode";
    const NAMES_FIELDS: bool = false;
    const IS_HUMAN_READABLE: bool = false;

    fn encode<V: Serialize>(&self, value: &V, bytes: &mut Vec<u8>) -> Result<()> {
        bincode::serde::encode_into_std_write(value, bytes, bincode::config::standard())
            .map(drop)
            .map_err(|_| unstorable("its type cannot be carried by bincode"))
    }

    fn decode<V: DeserializeOwned>(&self, bytes: &[u8]) -> Result<V> {
        let config = bincode::config::standard().with_limit::<DECODED_BYTES_MAX>();
        let (value, read) = bincode::serde::decode_from_slice(bytes, config)
            .map_err(|_| unreadable("the stored bytes are not of this type"))?;
        if read != bytes.len() {
            return Err(unreadable("bytes are left over"));
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn any_bytes_decode_to_a_value_or_an_error() {
        // A length of 2^60 items, with nothing behind it.
        let bytes = [253, 0, 0, 0, 0, 0, 0, 0, 16];
        let error = Bincode.decode::<Vec<u64>>(&bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(Bincode.decode::<String>(&[2, 0xff, 0xff]).is_err());
        assert!(Bincode.decode::<u8>(&[1, 2]).is_err(), "bytes are left over");
    }
}
