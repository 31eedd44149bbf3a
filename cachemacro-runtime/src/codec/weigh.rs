//! How much memory a value takes, about: what its `Serialize` visits, added up.
//!
//! Values in this process are not encoded, so nobody else counts them. What is visited (text, bytes,
//! numbers, items) is what mostly lives on the heap; the value itself is added by its size.

use serde::Serialize;
use serde::ser::{self, Serializer};

/// An allocation, and the pointer, length and capacity that lead to it.
const ALLOCATION_BYTES: usize = 24 + 8;

/// The bytes that a value takes, about. A value that does not serialize counts by its size alone.
pub(crate) fn weigh<V: Serialize>(value: &V) -> usize {
    let mut scale = Scale { bytes: size_of::<V>() };
    let _ = value.serialize(&mut scale);
    scale.bytes
}

struct Scale {
    bytes: usize,
}

/// A value that stopped in the middle; what was added up by then counts.
#[derive(Debug)]
struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the value does not serialize")
    }
}

impl std::error::Error for Stopped {}

impl ser::Error for Stopped {
    fn custom<T: std::fmt::Display>(_message: T) -> Self {
        Self
    }
}

impl Scale {
    fn add(&mut self, bytes: usize) -> Result<(), Stopped> {
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    fn open(&mut self) -> Result<&mut Self, Stopped> {
        self.add(ALLOCATION_BYTES)?;
        Ok(self)
    }
}

macro_rules! sized {
    ($($method:ident $type:ty),+) => {$(
        fn $method(self, _value: $type) -> Result<(), Stopped> {
            self.add(size_of::<$type>())
        }
    )+};
}

impl Serializer for &mut Scale {
    type Ok = ();
    type Error = Stopped;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    sized!(serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
           serialize_i128 i128, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
           serialize_u128 u128, serialize_f32 f32, serialize_f64 f64, serialize_char char);

    fn serialize_str(self, text: &str) -> Result<(), Stopped> {
        self.add(ALLOCATION_BYTES + text.len())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Stopped> {
        self.add(ALLOCATION_BYTES + bytes.len())
    }

    fn serialize_none(self) -> Result<(), Stopped> {
        self.add(1)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stopped> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Stopped> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Stopped> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Stopped> {
        self.add(size_of::<usize>())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stopped> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stopped> {
        self.add(size_of::<usize>())?;
        value.serialize(self)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self, Stopped> {
        self.open()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self, Stopped> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _len: usize) -> Result<Self, Stopped> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Stopped> {
        Ok(self)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self, Stopped> {
        self.open()
    }

    fn serialize_struct(self, _: &'static str, _len: usize) -> Result<Self, Stopped> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Stopped> {
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound {
    ($($trait:ident::$method:ident($($name:ident)?)),+) => {$(
        impl ser::$trait for &mut Scale {
            type Ok = ();
            type Error = Stopped;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Result<(), Stopped> {
                $(let _ = $name;)?
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Stopped> {
                Ok(())
            }
        }
    )+};
}

compound!(
    SerializeSeq::serialize_element(),
    SerializeTuple::serialize_element(),
    SerializeTupleStruct::serialize_field(),
    SerializeTupleVariant::serialize_field(),
    SerializeStruct::serialize_field(name),
    SerializeStructVariant::serialize_field(name)
);

impl ser::SerializeMap for &mut Scale {
    type Ok = ();
    type Error = Stopped;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stopped> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Stopped> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_on_the_heap_counts() {
        assert!(weigh(&"x".repeat(1000)) > 1000);
        assert!(weigh(&vec![0_u64; 1000]) >= 8000);
        assert!(weigh(&vec![String::from("0123456789"); 100]) >= 100 * (24 + 10));
        let map: BTreeMap<u32, Vec<u8>> = (0..100).map(|key| (key, vec![0; 50])).collect();
        assert!(weigh(&map) >= 100 * (4 + 50));
    }

    #[test]
    fn a_small_value_weighs_little() {
        assert!(weigh(&7_u8) < 8);
        assert!(weigh(&Some(String::from("seven"))) < 100);
    }
}
