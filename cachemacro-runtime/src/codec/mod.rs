//! From a value to bytes and back: the form of what is stored outside this process.

#[cfg(feature = "bincode")]
mod bincode;
pub mod envelope;
mod reach;
mod weigh;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

#[cfg(feature = "bincode")]
pub use self::bincode::Bincode;
pub(crate) use reach::{Anywhere, InProcess, Reach};
pub(crate) use weigh::weigh;

/// The largest value that is encoded or decoded, in bytes.
///
/// A hundred thousand rows of a hundred bytes would fit; what is larger slows everybody else on the
/// same connection down, and is better cached in parts.
pub const VALUE_BYTES_MAX: usize = 8 << 20;

/// A form of values in bytes.
///
/// Decoding is bounded: whatever the bytes are, it neither panics nor allocates without limit.
pub trait Codec: Send + Sync + 'static {
    /// Tells the codecs apart in a stored value's header; those up to 127 are cachemacro's own.
    const ID: u8;

    /// Its name, for errors and the status.
    const NAME: &'static str;

    /// Writes a value at the end of `bytes`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unstorable`] if it cannot carry the value.
    fn encode<V: Serialize>(&self, value: &V, bytes: &mut Vec<u8>) -> Result<()>;

    /// Reads a value from all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreadable`] if they are not one, or not to the last byte.
    fn decode<V: DeserializeOwned>(&self, bytes: &[u8]) -> Result<V>;
}

/// The codec of a shared store, among those that the features offer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnyCodec {
    #[cfg(feature = "bincode")]
    Bincode(bincode::Bincode),
}

impl AnyCodec {
    /// The default one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if no feature offers one.
    pub(crate) fn default_codec() -> Result<Self> {
        #[cfg(feature = "bincode")]
        return Ok(Self::Bincode(bincode::Bincode));
        #[cfg(not(feature = "bincode"))]
        Err(Error::new(
            ErrorKind::Config,
            "choice of a codec",
            "a shared store needs one; enable the feature `bincode` of cachemacro",
        ))
    }

    /// The value with its header.
    #[cfg_attr(not(feature = "bincode"), expect(unused_variables, reason = "there is no codec to use them"))]
    pub(crate) fn seal<V: Serialize + 'static>(self, version: u32, value: &V) -> Result<Bytes> {
        match self {
            #[cfg(feature = "bincode")]
            Self::Bincode(codec) => envelope::seal(&codec, version, value),
        }
    }

    /// The value of a header and what follows it.
    #[cfg_attr(not(feature = "bincode"), expect(unused_variables, reason = "there is no codec to use them"))]
    pub(crate) fn open<V: DeserializeOwned + 'static>(self, version: u32, payload: &[u8]) -> Result<V> {
        match self {
            #[cfg(feature = "bincode")]
            Self::Bincode(codec) => envelope::open(&codec, version, payload),
        }
    }
}

/// An error about a value, which is never part of it.
fn unstorable(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unstorable, "encoding of a value", detail)
}

/// An error about stored bytes, which are never part of it.
fn unreadable(detail: &'static str) -> Error {
    Error::new(ErrorKind::Unreadable, "decoding of a value", detail)
}
