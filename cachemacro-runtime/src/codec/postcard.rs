//! The most compact: numbers of variable length, and no field names.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, unreadable, unstorable};
use crate::error::Result;

/// postcard 1, whose format is specified (postcard.jamesmunns.com).
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl Codec for Postcard {
    const ID: u8 = 4;
    const NAME: &'static str = "postcard";
    const NAMES_FIELDS: bool = false;
    const IS_HUMAN_READABLE: bool = false;

    fn encode<V: Serialize>(&self, value: &V, bytes: &mut Vec<u8>) -> Result<()> {
        *bytes = postcard::to_extend(value, std::mem::take(bytes))
            .map_err(|_| unstorable("its type cannot be carried by postcard"))?;
        Ok(())
    }

    fn decode<V: DeserializeOwned>(&self, bytes: &[u8]) -> Result<V> {
        let (value, left) = postcard::take_from_bytes(bytes)
            .map_err(|_| unreadable("the stored bytes are not of this type"))?;
        if !left.is_empty() {
            return Err(unreadable("bytes are left over"));
        }
        Ok(value)
    }
}
