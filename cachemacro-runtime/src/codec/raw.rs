//! A value without a header: nothing but what the codec writes, as other programs read and write it.
//!
//! What is given up is all that the header is for: the shape of the type, its version, the checksum. A
//! value of another program is one of ours if it decodes.

use bytes::Bytes;

use super::{Codec, Storable, buffer, verified};
use crate::error::Result;

/// A value as it stands under its key.
///
/// # Errors
///
/// [`ErrorKind::Unstorable`](crate::error::ErrorKind::Unstorable) if the codec cannot carry it, or would
/// bring it back as another value.
pub(super) fn seal<C: Codec, V: Storable>(codec: &C, value: &V) -> Result<Bytes> {
    buffer::filled(|bytes| verified::encode(codec, value, bytes))
}

/// What stands under a key, if it is a value of this type.
///
/// # Errors
///
/// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) if it is not.
pub(super) fn open<C: Codec, V: Storable>(codec: &C, bytes: &[u8]) -> Result<V> {
    verified::decode(codec, bytes)
}
