//! Compact, and with field names.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, unreadable, unstorable};
use crate::error::Result;

/// How deep what is decoded may be nested: as deep as JSON may.
const DEPTH_MAX: usize = 128;

/// MessagePack, with the names of fields, so that other languages see them.
///
/// It refuses a `Some` of what is nothing, as it would come back as `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for MessagePack {
    const ID: u8 = 3;
    const NAME: &'static str = "messagepack";
    const NAMES_FIELDS: bool = true;
    const IS_HUMAN_READABLE: bool = false;

    fn encode<V: Serialize>(&self, value: &V, bytes: &mut Vec<u8>) -> Result<()> {
        rmp_serde::encode::write_named(bytes, value)
            .map_err(|_| unstorable("its type cannot be carried by MessagePack"))
    }

    fn decode<V: DeserializeOwned>(&self, bytes: &[u8]) -> Result<V> {
        let mut decoder = rmp_serde::Deserializer::new(bytes);
        decoder.set_max_depth(DEPTH_MAX);
        let value =
            V::deserialize(&mut decoder).map_err(|_| unreadable("the stored bytes are not of this type"))?;
        if !decoder.get_ref().is_empty() {
            return Err(unreadable("bytes are left over"));
        }
        Ok(value)
    }
}
