//! LZ4 around another codec, where it pays.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | 0: the other codec's bytes follow as they are; 1: compressed |
//! | 1..5 | if compressed, how many bytes they are (big endian) |

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, Named, sealed, unreadable, unstorable};
use crate::error::Result;
use crate::form::{COMPRESSED_ABOVE, Encoding, VALUE_BYTES_MAX};

const AS_IT_IS: u8 = 0;
const COMPRESSED: u8 = 1;

/// Another codec, whose values are compressed by LZ4 if they are larger than a size, and if that makes
/// them smaller.
///
/// # Examples
///
/// ```
/// use cachemacro_runtime::codec::{Codec, Compressed, Json};
///
/// let codec = Compressed::above(Json, 100);
/// let mut bytes = Vec::new();
/// codec.encode(&"again ".repeat(1000), &mut bytes)?;
/// assert!(bytes.len() < 200);
/// assert_eq!(codec.decode::<String>(&bytes)?.len(), 6000);
/// # Ok::<(), cachemacro_runtime::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Compressed<C> {
    codec: C,
    above: usize,
}

impl<C: Codec> Compressed<C> {
    /// Compresses values of more than `bytes` bytes.
    pub fn above(codec: C, bytes: usize) -> Self {
        Self { codec, above: bytes }
    }
}

impl<C: Codec + Default> Default for Compressed<C> {
    /// Above 1 KiB.
    fn default() -> Self {
        Self::above(C::default(), COMPRESSED_ABOVE)
    }
}

impl<C: Named> sealed::Sealed for Compressed<C> {}

impl<C: Named> Named for Compressed<C> {
    fn encoding(&self) -> Encoding {
        Encoding { compressed_above: Some(self.above), ..self.codec.encoding() }
    }
}

impl<C: Codec> Codec for Compressed<C> {
    const ID: u8 = C::ID | 64;
    const NAME: &'static str = C::NAME;
    const NAMES_FIELDS: bool = C::NAMES_FIELDS;
    const IS_HUMAN_READABLE: bool = C::IS_HUMAN_READABLE;

    fn encode<V: Serialize>(&self, value: &V, bytes: &mut Vec<u8>) -> Result<()> {
        let start = bytes.len();
        bytes.push(AS_IT_IS);
        self.codec.encode(value, bytes)?;
        let plain = &bytes[start + 1..];
        if plain.len() <= self.above {
            return Ok(());
        }
        if plain.len() > VALUE_BYTES_MAX {
            return Err(unstorable("it is too large to be decompressed again"));
        }
        let smaller = lz4_flex::block::compress(plain);
        if smaller.len() + 4 < plain.len() {
            let len = u32::try_from(plain.len()).expect("8 MiB at most");
            bytes[start] = COMPRESSED;
            bytes.truncate(start + 1);
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(&smaller);
        }
        Ok(())
    }

    fn decode<V: DeserializeOwned>(&self, bytes: &[u8]) -> Result<V> {
        let wrong = || unreadable("it is not compressed as it says");
        match bytes.split_first().ok_or_else(wrong)? {
            (&AS_IT_IS, plain) => self.codec.decode(plain),
            (&COMPRESSED, rest) => {
                let (len, smaller) = rest.split_first_chunk().ok_or_else(wrong)?;
                let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| wrong())?;
                if len > VALUE_BYTES_MAX {
                    return Err(wrong());
                }
                let plain = lz4_flex::block::decompress(smaller, len).map_err(|_| wrong())?;
                if plain.len() != len {
                    return Err(wrong());
                }
                self.codec.decode(&plain)
            }
            _ => Err(wrong()),
        }
    }
}
