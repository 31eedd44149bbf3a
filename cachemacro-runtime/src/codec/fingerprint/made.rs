//! Values that are made up, to get past what stands before that which is looked for.
//!
//! Many types reject most values: a `Uuid`, a date, a `NonZero`. Each type that asks gets the first of a
//! few; where the pass then fails, the next pass gives another.

use std::any::type_name;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::probe::{Failed, State};

/// What text may have to be, the likely first.
const TEXTS: [&str; 18] = [
    "a",
    "1",
    "1970-01-01",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00",
    "00:00:00",
    "00000000-0000-4000-8000-000000000001",
    "http://a.b/",
    "127.0.0.1",
    "::1",
    "127.0.0.1:80",
    "[::1]:80",
    "a@b.c",
    "1.0.0",
    "+00:00",
    "UTC",
    "Mon",
    "",
];

/// How long bytes may have to be.
const LENGTHS: [usize; 7] = [16, 4, 8, 12, 32, 20, 0];

const BYTES: [u8; 32] = [1; 32];

/// What is made up goes no deeper: a variant that holds its own type is not the one to choose.
const DEPTH_MAX: usize = 16;

/// Makes a value of a type up.
pub(super) fn make<'de, T: DeserializeSeed<'de>>(state: &mut State, seed: T) -> Result<T::Value, Failed> {
    seed.deserialize(Made { state, depth: 0 })
}

struct Made<'a> {
    state: &'a mut State,
    depth: usize,
}

impl<'a> Made<'a> {
    /// Which of so many values the type gets that asks for this.
    fn choose<'de, V: Visitor<'de>>(&mut self, hint: &str, count: usize) -> usize {
        self.state.choose(format!("{hint} {}", type_name::<V>()), count)
    }

    fn elements(self, len: usize) -> Elements<'a> {
        Elements { state: self.state, depth: self.depth, left: len, fields: &[] }
    }

    fn deeper(self) -> Result<Self, Failed> {
        if self.depth == DEPTH_MAX { Err(Failed) } else { Ok(Self { depth: self.depth + 1, ..self }) }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $one:literal $other:literal),+) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
            match self.choose::<V>(stringify!($method), 2) {
                0 => visitor.$visit($one),
                _ => visitor.$visit($other),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for Made<'_> {
    type Error = Failed;

    numbers!(deserialize_bool visit_bool true false, deserialize_i8 visit_i8 1 0, deserialize_i16 visit_i16 1 0,
             deserialize_i32 visit_i32 1 0, deserialize_i64 visit_i64 1 0, deserialize_i128 visit_i128 1 0,
             deserialize_u8 visit_u8 1 0, deserialize_u16 visit_u16 1 0, deserialize_u32 visit_u32 1 0,
             deserialize_u64 visit_u64 1 0, deserialize_u128 visit_u128 1 0, deserialize_f32 visit_f32 1.0 0.0,
             deserialize_f64 visit_f64 1.0 0.0, deserialize_char visit_char 'a' '0');

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        match self.choose::<V>("any", 6) {
            0 => visitor.visit_borrowed_str("a"),
            1 => visitor.visit_u64(1),
            2 => visitor.visit_bool(true),
            3 => visitor.visit_unit(),
            4 => visitor.visit_map(self.elements(0)),
            _ => visitor.visit_seq(self.elements(0)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_borrowed_str(TEXTS[self.choose::<V>("text", TEXTS.len())])
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_borrowed_bytes(&BYTES[..LENGTHS[self.choose::<V>("bytes", LENGTHS.len())]])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        match self.choose::<V>("option", 2) {
            0 => visitor.visit_none(),
            _ => visitor.visit_some(self.deeper()?),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_newtype_struct(self.deeper()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let len = self.choose::<V>("seq", 2);
        visitor.visit_seq(self.deeper()?.elements(len))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_seq(self.deeper()?.elements(len))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let len = self.choose::<V>("map", 2);
        visitor.visit_map(self.deeper()?.elements(len))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        match self.choose::<V>("struct", 2) {
            // The fields by their order first: by name, one that has two would be there twice.
            0 => visitor.visit_seq(self.deeper()?.elements(fields.len())),
            _ => visitor.visit_map(Elements { fields, ..self.deeper()?.elements(fields.len()) }),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let choice = self.choose::<V>("enum", variants.len());
        let name = variants.get(choice).ok_or(Failed)?;
        visitor.visit_enum(Variant { made: self.deeper()?, name })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        self.state.is_human_readable
    }
}

/// So many elements, entries or fields.
struct Elements<'a> {
    state: &'a mut State,
    depth: usize,
    left: usize,
    fields: &'static [&'static str],
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Failed;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Made { state: self.state, depth: self.depth }).map(Some)
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed> {
        match self.fields.split_first() {
            Some((name, rest)) => {
                self.fields = rest;
                self.left = rest.len();
                seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
            }
            None => self.next_element_seed(seed),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failed> {
        seed.deserialize(Made { state: self.state, depth: self.depth })
    }
}

/// A variant by its name, and then what it holds.
struct Variant<'a> {
    made: Made<'a>,
    name: &'static str,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Failed;
    type Variant = Made<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Made<'a>), Failed> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.name))?, self.made))
    }
}

impl<'de> VariantAccess<'de> for Made<'_> {
    type Error = Failed;

    fn unit_variant(self) -> Result<(), Failed> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failed> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_seq(self.elements(len))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_seq(self.elements(fields.len()))
    }
}
