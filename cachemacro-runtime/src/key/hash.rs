//! `<filter:hash>`: 128 bits of BLAKE3 over a value's content, for what is too long or too structured to read.
//!
//! The encoding that is hashed is injective over what `Serialize` visits, so that two values share a
//! key only if they serialize alike or BLAKE3 collides, which no input can be chosen for:
//!
//! - every value begins with the tag of its kind, so that `1_u8`, `1_u64`, `"1"` and `true` differ;
//! - text, bytes and names are preceded by their length, and everything that has items by their
//!   number, so that `("ab", "c")` and `("a", "bc")` differ, and `[[1], []]` and `[[], [1]]`;
//! - fields and variants go by their names: a renamed one is a miss;
//! - the entries of a map are sorted by their encoded keys, so that a `HashMap` hashes alike in every
//!   process. A `HashSet` serializes as a list, in an order of its own, and mostly misses: use a `BTreeSet`;
//! - floats go by their bits, but all NaN are one, and `-0.0` is `0.0`.
//!
//! What a value does not serialize (`#[serde(skip)]`) is not in its hash.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::KeyBuf;

/// Begins every encoding; another encoding gets another number.
const VERSION: u8 = 1;

/// The bytes of a hash in a key: a chosen collision takes 2^64 tries.
const HASH_BYTES: usize = 16;

/// The kinds of values.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    None,
    Some,
    Unit,
    Newtype,
    UnitVariant,
    NewtypeVariant,
    Seq,
    Tuple,
    TupleVariant,
    Map,
    Struct,
    StructVariant,
}

/// Writes the hash of a value at the end of the key, as 32 hexadecimal digits.
///
/// A value that does not serialize makes the key [unusable](KeyBuf::is_unusable).
pub(super) fn push<T: Serialize + ?Sized>(value: &T, key: &mut KeyBuf) {
    let mut encoder = Encoder { bytes: vec![VERSION], lists: Lists::Ordered };
    match value.serialize(&mut encoder) {
        Ok(()) => {
            let hash = blake3::hash(&encoder.bytes);
            key.push_hex(&hash.as_bytes()[..HASH_BYTES]);
        }
        Err(Unserializable) => key.spoil(),
    }
}

/// Whether two values serialize alike, to the kinds of their numbers; but for the order of lists, as it is not
/// told which of them are sets. What does not serialize is like nothing.
pub(crate) fn is_written_alike<T: Serialize + ?Sized>(one: &T, other: &T) -> bool {
    let [one, other] = [one, other].map(|value| encoded(value, Lists::Unordered));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}

/// Whether the order of a list matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lists {
    Ordered,
    Unordered,
}

/// A value stopped in the middle.
#[derive(Debug)]
struct Unserializable;

type Encoded = Result<(), Unserializable>;

impl Display for Unserializable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value does not serialize")
    }
}

impl std::error::Error for Unserializable {}

impl ser::Error for Unserializable {
    fn custom<T: Display>(_message: T) -> Self {
        Self
    }
}

struct Encoder {
    bytes: Vec<u8>,
    lists: Lists,
}

impl Encoder {
    fn tag(&mut self, tag: Tag) -> &mut Self {
        self.bytes.push(tag as u8);
        self
    }

    fn fixed<const N: usize>(&mut self, tag: Tag, bytes: [u8; N]) -> Encoded {
        self.tag(tag).bytes.extend_from_slice(&bytes);
        Ok(())
    }

    /// Bytes behind their length.
    fn text(&mut self, text: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(text);
        self
    }

    /// Begins items, whose number is written in front of them when it is known.
    fn items(&mut self) -> Items<'_> {
        let count_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]);
        Items { encoder: self, count_at, count: 0 }
    }
}

/// Items under way.
struct Items<'a> {
    encoder: &'a mut Encoder,
    count_at: usize,
    count: u64,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded {
        self.count += 1;
        value.serialize(&mut *self.encoder)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Encoded {
        self.encoder.text(name.as_bytes());
        self.item(value)
    }

    fn finish(self) -> Encoded {
        self.encoder.bytes[self.count_at..self.count_at + 8].copy_from_slice(&self.count.to_le_bytes());
        Ok(())
    }
}

/// The entries of a map, each encoded for itself until they can be sorted.
struct Entries<'a> {
    encoder: &'a mut Encoder,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    key: Vec<u8>,
}

/// A list under way: where each of its items begins.
struct List<'a> {
    items: Items<'a>,
    starts: Vec<usize>,
}

impl ser::SerializeSeq for List<'_> {
    type Ok = ();
    type Error = Unserializable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded {
        if self.items.encoder.lists == Lists::Unordered {
            self.starts.push(self.items.encoder.bytes.len());
        }
        self.items.item(value)
    }

    fn end(self) -> Encoded {
        if let Some(&first) = self.starts.first() {
            let bytes = &mut self.items.encoder.bytes;
            let ends = self.starts.iter().skip(1).copied().chain([bytes.len()]);
            let mut sorted: Vec<_> =
                self.starts.iter().zip(ends).map(|(&start, end)| &bytes[start..end]).collect();
            sorted.sort_unstable();
            let sorted = sorted.concat();
            bytes[first..].copy_from_slice(&sorted);
        }
        self.items.finish()
    }
}

fn encoded<T: Serialize + ?Sized>(value: &T, lists: Lists) -> Result<Vec<u8>, Unserializable> {
    let mut encoder = Encoder { bytes: Vec::new(), lists };
    value.serialize(&mut encoder)?;
    Ok(encoder.bytes)
}

macro_rules! fixed {
    ($($method:ident $type:ty: $tag:ident),+) => {$(
        fn $method(self, value: $type) -> Encoded {
            self.fixed(Tag::$tag, value.to_le_bytes())
        }
    )+};
}

impl<'a> Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = Unserializable;
    type SerializeSeq = List<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    fixed!(serialize_i8 i8: I8, serialize_i16 i16: I16, serialize_i32 i32: I32, serialize_i64 i64: I64,
           serialize_i128 i128: I128, serialize_u8 u8: U8, serialize_u16 u16: U16, serialize_u32 u32: U32,
           serialize_u64 u64: U64, serialize_u128 u128: U128);

    fn serialize_bool(self, value: bool) -> Encoded {
        self.fixed(Tag::Bool, [value.into()])
    }

    fn serialize_f32(self, value: f32) -> Encoded {
        let one = if value.is_nan() { f32::NAN } else { value + 0.0 };
        self.fixed(Tag::F32, one.to_bits().to_le_bytes())
    }

    fn serialize_f64(self, value: f64) -> Encoded {
        let one = if value.is_nan() { f64::NAN } else { value + 0.0 };
        self.fixed(Tag::F64, one.to_bits().to_le_bytes())
    }

    fn serialize_char(self, value: char) -> Encoded {
        self.fixed(Tag::Char, u32::from(value).to_le_bytes())
    }

    fn serialize_str(self, text: &str) -> Encoded {
        self.tag(Tag::Str).text(text.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Encoded {
        self.tag(Tag::Bytes).text(bytes);
        Ok(())
    }

    fn serialize_none(self) -> Encoded {
        self.tag(Tag::None);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Encoded {
        value.serialize(self.tag(Tag::Some))
    }

    fn serialize_unit(self) -> Encoded {
        self.tag(Tag::Unit);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Encoded {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Encoded {
        self.tag(Tag::UnitVariant).text(variant.as_bytes());
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Encoded {
        value.serialize(self.tag(Tag::Newtype))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Encoded {
        value.serialize(self.tag(Tag::NewtypeVariant).text(variant.as_bytes()))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<List<'a>, Unserializable> {
        Ok(List { items: self.tag(Tag::Seq).items(), starts: Vec::new() })
    }

    fn serialize_tuple(self, _len: usize) -> Result<Items<'a>, Unserializable> {
        Ok(self.tag(Tag::Tuple).items())
    }

    fn serialize_tuple_struct(self, _: &'static str, _len: usize) -> Result<Items<'a>, Unserializable> {
        Ok(self.tag(Tag::Tuple).items())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Unserializable> {
        Ok(self.tag(Tag::TupleVariant).text(variant.as_bytes()).items())
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<'a>, Unserializable> {
        Ok(Entries { encoder: self.tag(Tag::Map), entries: Vec::new(), key: Vec::new() })
    }

    fn serialize_struct(self, _: &'static str, _len: usize) -> Result<Items<'a>, Unserializable> {
        Ok(self.tag(Tag::Struct).items())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Unserializable> {
        Ok(self.tag(Tag::StructVariant).text(variant.as_bytes()).items())
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),+) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Unserializable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded {
                self.item(value)
            }

            fn end(self) -> Encoded {
                self.finish()
            }
        }
    )+};
}

items!(SerializeTuple serialize_element, SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

macro_rules! fields {
    ($($trait:ident),+) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Unserializable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Encoded {
                self.field(name, value)
            }

            fn end(self) -> Encoded {
                self.finish()
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Unserializable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Encoded {
        self.key = encoded(key, self.encoder.lists)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded {
        self.entries.push((std::mem::take(&mut self.key), encoded(value, self.encoder.lists)?));
        Ok(())
    }

    fn end(mut self) -> Encoded {
        self.entries.sort();
        self.encoder.bytes.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        for (key, value) in &self.entries {
            // What is encoded ends by itself: no length is needed between the two.
            self.encoder.bytes.extend_from_slice(key);
            self.encoder.bytes.extend_from_slice(value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
