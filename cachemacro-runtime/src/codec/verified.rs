//! A value in bytes that come back as that value, or none.
//!
//! What is written field by field as its type was seen to read it does. All else that a codec with names can
//! carry has to prove it, and is decoded before it is stored: a field may be left out, or be written under a name
//! that is not read; an `untagged` enum takes the first variant that fits, which need not be the one that was
//! written. (Two variants that are written alike are one to serde, and to everything that is built on it.)

use super::checked::{Checked, Names, Rules};
use super::{Codec, Storable, carriage, unreadable, unstorable};
use crate::error::Result;
use crate::key::is_written_alike;

const HOLLOW: &str = "its type holds itself in nothing but an `Option`";

/// Writes a value at the end of `bytes`.
///
/// # Errors
///
/// [`ErrorKind::Unstorable`](crate::error::ErrorKind::Unstorable) if the codec cannot carry it, or would
/// bring it back as another value.
pub(super) fn encode<C: Codec, V: Storable>(codec: &C, value: &V, bytes: &mut Vec<u8>) -> Result<()> {
    let fingerprint = carriage::of::<V>().fingerprint::<C>();
    if fingerprint.is_hollow {
        return Err(unstorable(HOLLOW));
    }
    let shape = Some(&fingerprint.graph);
    if !C::NAMES_FIELDS {
        return codec.encode(&Checked::new(value, Rules { shape, names: None }), bytes);
    }
    let (start, names) = (bytes.len(), Some(Names { finite: C::IS_HUMAN_READABLE }));
    if fingerprint.is_seen() {
        if codec.encode(&Checked::new(value, Rules { shape, names }), bytes).is_ok() {
            return Ok(());
        }
        bytes.truncate(start);
    }
    codec.encode(&Checked::new(value, Rules { shape: None, names }), bytes)?;
    match decode::<C, V>(codec, &bytes[start..]) {
        Ok(decoded) if is_written_alike(value, &decoded) => Ok(()),
        _ => Err(unstorable("it would come back as another value")),
    }
}

/// Reads a value from all of `bytes`.
///
/// # Errors
///
/// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) if they are not one.
pub(super) fn decode<C: Codec, V: Storable>(codec: &C, bytes: &[u8]) -> Result<V> {
    if carriage::of::<V>().fingerprint::<C>().is_hollow {
        return Err(unreadable(HOLLOW));
    }
    codec.decode(bytes)
}
