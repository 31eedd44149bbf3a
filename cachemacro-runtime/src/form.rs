//! The form in which values leave the process: what names it, which codec writes it, and its bound.

/// The largest value that is encoded or decoded, in bytes.
///
/// A hundred thousand rows of a hundred bytes would fit; what is larger slows everybody else on the
/// same connection down, and is better cached in parts.
pub const VALUE_BYTES_MAX: usize = 8 << 20;

/// The form of a function's values.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// What is stored under another version is not read.
    pub version: u64,
    /// How they are written; the cache's own way if that is `None`.
    pub encoding: Option<Encoding>,
    /// The largest that is stored, in bytes with its header; [`VALUE_BYTES_MAX`] at most.
    pub value_bytes_max: usize,
}

impl Form {
    /// Whether values stand under their keys as the codec writes them, and nothing beside them.
    #[inline]
    pub fn is_raw(&self) -> bool {
        self.encoding.is_some_and(|encoding| encoding.is_raw)
    }
}

impl Default for Form {
    fn default() -> Self {
        Self { version: 0, encoding: None, value_bytes_max: VALUE_BYTES_MAX }
    }
}

/// A format, and what is around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// The format.
    pub format: Format,
    /// Values of more bytes than this are compressed.
    pub compressed_above: Option<usize>,
    /// Values stand under their keys without a header, for programs in other languages.
    pub is_raw: bool,
}

impl Encoding {
    /// A format as it is.
    pub const fn plain(format: Format) -> Self {
        Self { format, compressed_above: None, is_raw: false }
    }

    /// A format without a header.
    pub const fn raw(format: Format) -> Self {
        Self { is_raw: true, ..Self::plain(format) }
    }

    /// A format, compressed above 1 KiB: below, there is little to be had.
    #[cfg(feature = "compression")]
    pub const fn compressed(format: Format) -> Self {
        Self { compressed_above: Some(COMPRESSED_ABOVE), ..Self::plain(format) }
    }
}

/// Where [`Encoding::compressed`] begins to, in bytes.
pub const COMPRESSED_ABOVE: usize = 1024;

/// The formats of cachemacro's own codecs, each with the feature that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Compact, without field names.
    #[cfg(feature = "bincode")]
    Bincode,
    /// Text that other languages read.
    #[cfg(feature = "json")]
    Json,
    /// Compact, with field names.
    #[cfg(feature = "msgpack")]
    MessagePack,
    /// More compact, without field names.
    #[cfg(feature = "postcard")]
    Postcard,
}
