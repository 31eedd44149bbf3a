//! From a value to bytes and back: the form of what is stored outside this process.

#[cfg(feature = "bincode")]
mod bincode;
mod buffer;
mod carriage;
mod checked;
#[cfg(feature = "compression")]
mod compressed;
pub mod envelope;
pub(crate) mod fingerprint;
#[cfg(feature = "json")]
mod json;
mod kind;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "postcard")]
mod postcard;
mod raw;
mod reach;
mod verified;
mod weigh;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::form::{Encoding, Form, Format};
use crate::policy::Stamp;

#[cfg(feature = "bincode")]
pub use self::bincode::Bincode;
#[cfg(feature = "compression")]
pub use self::compressed::Compressed;
#[cfg(feature = "json")]
pub use self::json::Json;
#[cfg(feature = "msgpack")]
pub use self::msgpack::MessagePack;
#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;
pub use crate::form::VALUE_BYTES_MAX;
pub(crate) use carriage::notes;
pub(crate) use envelope::stamp;
pub(crate) use kind::Typed;
#[doc(hidden)]
pub use reach::{Anywhere, InProcess, Reach};
pub(crate) use weigh::weigh;

/// A form of values in bytes.
///
/// Decoding is bounded: whatever the bytes are, it neither panics nor allocates without limit.
pub trait Codec: Send + Sync + 'static {
    /// Tells the codecs apart in a stored value's header; those up to 127 are cachemacro's own.
    const ID: u8;

    /// Its name, for errors and the status.
    const NAME: &'static str;

    /// Whether fields are written with their names. One that does not is given only what its type reads
    /// back field by field; whatever else there is goes as JSON.
    const NAMES_FIELDS: bool;

    /// Whether it is text for people, as types ask that are written in another way there.
    const IS_HUMAN_READABLE: bool;

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

/// One of cachemacro's own codecs, as an attribute or a builder names it.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a codec of cachemacro", label = "no codec")]
pub trait Named: Codec + sealed::Sealed {
    /// How it writes.
    #[doc(hidden)]
    fn encoding(&self) -> Encoding;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! named {
    ($($feature:literal $codec:ident),+) => {$(
        #[cfg(feature = $feature)]
        impl sealed::Sealed for $codec {}

        #[cfg(feature = $feature)]
        impl Named for $codec {
            fn encoding(&self) -> Encoding {
                Encoding::plain(Format::$codec)
            }
        }
    )+};
}

named!("bincode" Bincode, "json" Json, "msgpack" MessagePack, "postcard" Postcard);

/// What can be stored.
pub(crate) trait Storable: Serialize + DeserializeOwned + 'static {}

impl<V: Serialize + DeserializeOwned + 'static> Storable for V {}

/// The codec of a shared store, for the functions that do not name theirs.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct AnyCodec(Encoding);

/// Does something with the codec of an encoding.
macro_rules! with {
    ($encoding:expr, $codec:ident => $does:expr) => {
        match $encoding.format {
            #[cfg(feature = "bincode")]
            Format::Bincode => with!(@ Bincode, $encoding, $codec => $does),
            #[cfg(feature = "json")]
            Format::Json => with!(@ Json, $encoding, $codec => $does),
            #[cfg(feature = "msgpack")]
            Format::MessagePack => with!(@ MessagePack, $encoding, $codec => $does),
            #[cfg(feature = "postcard")]
            Format::Postcard => with!(@ Postcard, $encoding, $codec => $does),
        }
    };
    (@ $name:ident, $encoding:expr, $codec:ident => $does:expr) => {
        match $encoding.compressed_above {
            #[cfg(feature = "compression")]
            Some(bytes) => {
                let $codec = &Compressed::above($name, bytes);
                $does
            }
            _ => {
                let $codec = &$name;
                $does
            }
        }
    };
}

impl AnyCodec {
    /// The one that is chosen, or else the first that the features offer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if no feature offers one.
    pub(crate) fn of(chosen: Option<Encoding>) -> Result<Self> {
        let formats: &[Format] = &[
            #[cfg(feature = "bincode")]
            Format::Bincode,
            #[cfg(feature = "postcard")]
            Format::Postcard,
            #[cfg(feature = "msgpack")]
            Format::MessagePack,
            #[cfg(feature = "json")]
            Format::Json,
        ];
        let first = formats.first().copied().map(Encoding::plain);
        chosen.or(first).map(Self).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "choice of a codec",
                "a shared store needs one; enable the feature `bincode` of cachemacro",
            )
        })
    }

    /// The value with its header, if it is to have one. What the codec cannot carry is written as JSON, from then on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unstorable`] if JSON cannot carry it either, or it is too large.
    fn seal<V: Storable>(self, form: Form, stamp: Stamp, value: &V) -> Result<Bytes> {
        let encoding = form.encoding.unwrap_or(self.0);
        if encoding.is_raw {
            return with!(encoding, codec => bounded(raw::seal(codec, value)?, form));
        }
        with!(encoding, codec => self.seal_with(codec, encoding, form, stamp, value))
    }

    fn seal_with<C: Codec, V: Storable>(
        self,
        codec: &C,
        encoding: Encoding,
        form: Form,
        stamp: Stamp,
        value: &V,
    ) -> Result<Bytes> {
        let carriage = carriage::of::<V>();
        carriage.note::<C>();
        if C::NAMES_FIELDS || !carriage.falls_back() {
            match envelope::seal(codec, form.version, stamp, value) {
                Err(error) if C::NAMES_FIELDS => return Err(error),
                Err(_) => carriage.fall_back::<C>(),
                Ok(bytes) => return bounded(bytes, form),
            }
        }
        #[cfg(feature = "json")]
        {
            let json = Encoding { format: Format::Json, ..encoding };
            with!(json, codec => bounded(envelope::seal(codec, form.version, stamp, value)?, form))
        }
        #[cfg(not(feature = "json"))]
        {
            let _ = encoding;
            Err(unstorable(
                "its type needs a codec with field names; enable the feature `json` of cachemacro",
            ))
        }
    }

    /// The value of a header and what follows it. Where a codec without field names is asked for, JSON is
    /// read too: another process may have met what the codec cannot carry.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreadable`] if it is not a value of this type in this form.
    fn open<V: Storable>(self, form: Form, payload: &[u8]) -> Result<V> {
        let encoding = form.encoding.unwrap_or(self.0);
        if encoding.is_raw {
            return with!(encoding, codec => raw::open(codec, payload));
        }
        with!(encoding, codec => self.open_with(codec, encoding, form, payload))
    }

    fn open_with<C: Codec, V: Storable>(
        self,
        codec: &C,
        encoding: Encoding,
        form: Form,
        payload: &[u8],
    ) -> Result<V> {
        if !C::NAMES_FIELDS && !carriage::of::<V>().is_plain() && envelope::codec_id(payload) == Some(C::ID) {
            return Err(unreadable("its codec cannot carry its type"));
        }
        #[cfg(feature = "json")]
        if !C::NAMES_FIELDS && envelope::codec_id(payload) != Some(C::ID) {
            let json = Encoding { format: Format::Json, ..encoding };
            return with!(json, codec => envelope::open(codec, form.version, payload));
        }
        let _ = encoding;
        envelope::open(codec, form.version, payload)
    }

    /// Bytes behind the header that is right for them.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn headed<V: Serialize + DeserializeOwned + 'static>(
        self,
        version: u64,
        bytes: &[u8],
    ) -> Vec<u8> {
        fn of<C: Codec, V: Storable>(_: &C, version: u64, bytes: &[u8]) -> Vec<u8> {
            envelope::headed::<C, V>(version, bytes)
        }
        with!(self.0, codec => of::<_, V>(codec, version, bytes))
    }
}

fn bounded(bytes: Bytes, form: Form) -> Result<Bytes> {
    let max = form.value_bytes_max.min(VALUE_BYTES_MAX);
    if bytes.len() <= max {
        return Ok(bytes);
    }
    Err(unstorable(format!("{} bytes are more than the {max} that are stored at most", bytes.len())))
}

/// An error about a value, which is never part of it.
fn unstorable(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unstorable, "encoding of a value", detail)
}

/// An error about stored bytes, which are never part of it.
fn unreadable(detail: &'static str) -> Error {
    Error::new(ErrorKind::Unreadable, "decoding of a value", detail)
}

#[cfg(test)]
mod random_round_trips;
#[cfg(test)]
mod round_trips;
