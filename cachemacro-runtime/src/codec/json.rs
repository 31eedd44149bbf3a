//! Text with field names: what every type can be written in, and every language can read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, unreadable, unstorable};
use crate::error::Result;

/// JSON.
///
/// It refuses numbers that are not finite, and a `Some` of what is nothing, as both would come back as
/// another value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Codec for Json {
    const ID: u8 = 2;
    const NAME: &'static str = "json";
    const NAMES_FIELDS: bool = true;
    const IS_HUMAN_READABLE: bool = true;

    fn encode<V: Serialize>(&self, value: &V, bytes: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(bytes, value).map_err(|_| unstorable("its type cannot be carried by JSON"))
    }

    fn decode<V: DeserializeOwned>(&self, bytes: &[u8]) -> Result<V> {
        // It refuses what is left over, and what is nested deeper than 128.
        serde_json::from_slice(bytes).map_err(|_| unreadable("the stored bytes are not of this type"))
    }
}
