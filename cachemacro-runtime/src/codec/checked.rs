//! The check between a value and its codec: what would come back as something else is an error.
//!
//! A codec without field names writes one value behind the other, so it must be told exactly what the
//! type's `Deserialize` will ask for: the fields of its [fingerprint](super::fingerprint), in their order,
//! none skipped. A codec with names writes both `None` and `()` as nothing, so that a `Some` of them is
//! none; and JSON has no number that is not finite.

use serde::ser::{self, Error as _, Serialize, Serializer};

use super::fingerprint::{Graph, Hint, Kind, NodeId};

/// What is nested deeper is not encoded: no codec decodes it within a thread's stack.
pub(super) const DEPTH_MAX: u8 = 100;

/// What a value is held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'g> {
    /// The shape that its type was seen to have.
    pub(super) shape: Option<&'g Graph>,
    /// What the forms with names cannot tell apart.
    pub(super) names: Option<Names>,
}

/// What a form with names can carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// Whether its numbers are finite.
    pub(super) finite: bool,
}

/// A value that serializes as it does, or fails.
pub(super) struct Checked<'a, V: ?Sized> {
    value: &'a V,
    at: At<'a>,
}

impl<'a, V> Checked<'a, V> {
    pub(super) fn new(value: &'a V, rules: Rules<'a>) -> Self {
        Self { value, at: At { rules, node: 0, in_some: false, depth: 0 } }
    }
}

impl<V: Serialize + ?Sized> Serialize for Checked<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Checking { inner: serializer, at: self.at })
    }
}

/// A place in a value, and in the shape of its type.
#[derive(Clone, Copy, Debug)]
struct At<'g> {
    rules: Rules<'g>,
    node: NodeId,
    /// Whether nothing, here, would be taken for a `None` around it.
    in_some: bool,
    depth: u8,
}

impl<'g> At<'g> {
    /// Whether the shape, if that is a rule, is of this kind here.
    fn is<E: ser::Error>(self, kind: impl FnOnce(&Kind) -> bool) -> Result<Self, E> {
        match self.rules.shape {
            Some(graph) if !kind(&graph.node(self.node).kind) => {
                Err(E::custom("it is written in another form than it is read in"))
            }
            _ => Ok(self),
        }
    }

    fn leaf<E: ser::Error>(self, hint: Hint) -> Result<(), E> {
        if hint == Hint::Unit {
            self.nothing()?;
        }
        self.is(|kind| *kind == Kind::Leaf(hint)).map(drop)
    }

    fn nothing<E: ser::Error>(self) -> Result<(), E> {
        match self.rules.names {
            Some(_) if self.in_some => Err(E::custom("a `Some` of nothing would be a `None`")),
            _ => Ok(()),
        }
    }

    fn float<E: ser::Error>(self, is_finite: bool) -> Result<(), E> {
        match self.rules.names {
            Some(Names { finite: true }) if !is_finite => Err(E::custom("a number is not finite")),
            _ => Ok(()),
        }
    }

    /// The place of a part.
    fn part<E: ser::Error>(self, edge: usize) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX {
            return Err(E::custom("it is nested too deep"));
        }
        let node = match self.rules.shape {
            None => 0,
            Some(graph) => {
                let node = graph.node(self.node);
                // Of an array, the first stands for all.
                let edge = if let Kind::Tuple(_) = node.kind {
                    edge.min(node.edges.len().saturating_sub(1))
                } else {
                    edge
                };
                let to = node.edges.get(edge).copied().flatten();
                to.ok_or_else(|| E::custom("there is more of it than is read"))?
            }
        };
        Ok(Self { node, in_some: false, depth, ..self })
    }

    fn variant<E: ser::Error>(self, index: u32, name: &str) -> Result<Self, E> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let here = self.is(|kind| matches!(kind, Kind::Enum(names) if names.get(index) == Some(&name)))?;
        here.part(index)
    }
}

struct Checking<'g, S> {
    inner: S,
    at: At<'g>,
}

/// The parts of something: each is held to the next edge.
pub(super) struct Parts<'g, S> {
    inner: S,
    at: At<'g>,
    next: usize,
    len: usize,
}

impl<'g, S> Parts<'g, S> {
    fn of(inner: S, at: At<'g>, len: usize) -> Self {
        Self { inner, at, next: 0, len }
    }

    fn next<'v, V: ?Sized, E: ser::Error>(&mut self, value: &'v V) -> Result<Checked<'v, V>, E>
    where
        'g: 'v,
    {
        if self.next == self.len {
            return Err(E::custom("there is more of it than was announced"));
        }
        let at = self.at.part(self.next)?;
        self.next += 1;
        Ok(Checked { value, at })
    }

    fn field<'v, V: ?Sized, E: ser::Error>(&mut self, name: &str, value: &'v V) -> Result<Checked<'v, V>, E>
    where
        'g: 'v,
    {
        let at = self.next;
        self.at.is(|kind| matches!(kind, Kind::Struct(names) if names.get(at) == Some(&name)))?;
        self.next(value)
    }

    fn whole<E: ser::Error>(self) -> Result<S, E> {
        match self.next == self.len {
            true => Ok(self.inner),
            false => Err(E::custom("there is less of it than was announced")),
        }
    }
}

macro_rules! leaves {
    ($($method:ident $type:ty, $hint:ident);+) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.at.leaf(Hint::$hint)?;
            self.inner.$method(value)
        }
    )+};
}

impl<'g, S: Serializer> Serializer for Checking<'g, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Items<'g, S::SerializeSeq>;
    type SerializeTuple = Parts<'g, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'g, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'g, S::SerializeTupleVariant>;
    type SerializeMap = Items<'g, S::SerializeMap>;
    type SerializeStruct = Parts<'g, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'g, S::SerializeStructVariant>;

    leaves!(serialize_bool bool, Bool; serialize_i8 i8, I8; serialize_i16 i16, I16; serialize_i32 i32, I32;
            serialize_i64 i64, I64; serialize_i128 i128, I128; serialize_u8 u8, U8; serialize_u16 u16, U16;
            serialize_u32 u32, U32; serialize_u64 u64, U64; serialize_u128 u128, U128;
            serialize_char char, Char; serialize_str &str, Str; serialize_bytes &[u8], Bytes);

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.at.leaf(Hint::F32)?;
        self.at.float(value.is_finite())?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.at.leaf(Hint::F64)?;
        self.at.float(value.is_finite())?;
        self.inner.serialize_f64(value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.at.leaf(Hint::Unit)?;
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.at.leaf(Hint::Unit)?;
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.at.nothing()?;
        self.at.is(|kind| *kind == Kind::Option)?;
        self.inner.serialize_none()
    }

    fn serialize_some<V: Serialize + ?Sized>(self, value: &V) -> Result<S::Ok, S::Error> {
        let at = At { in_some: true, ..self.at.is(|kind| *kind == Kind::Option)?.part(0)? };
        self.inner.serialize_some(&Checked { value, at })
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &V,
    ) -> Result<S::Ok, S::Error> {
        // It is written as what is in it.
        let in_some = self.at.in_some;
        let at = At { in_some, ..self.at.is(|kind| *kind == Kind::Newtype)?.part(0)? };
        self.inner.serialize_newtype_struct(name, &Checked { value, at })
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.at.variant(index, variant)?.leaf(Hint::Unit)?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &V,
    ) -> Result<S::Ok, S::Error> {
        let at = self.at.variant(index, variant)?.is(|kind| *kind == Kind::Newtype)?.part(0)?;
        self.inner.serialize_newtype_variant(name, index, variant, &Checked { value, at })
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let at = self.at.is(|kind| *kind == Kind::Seq)?;
        Ok(Items { inner: self.inner.serialize_seq(len)?, at, left: len })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let at = self.at.is(|kind| *kind == Kind::Tuple(len))?;
        Ok(Parts::of(self.inner.serialize_tuple(len)?, at, len))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let at = self.at.is(|kind| *kind == Kind::Tuple(len))?;
        Ok(Parts::of(self.inner.serialize_tuple_struct(name, len)?, at, len))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let at = self.at.variant(index, variant)?.is(|kind| *kind == Kind::Tuple(len))?;
        Ok(Parts::of(self.inner.serialize_tuple_variant(name, index, variant, len)?, at, len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let at = self.at.is(|kind| *kind == Kind::Map)?;
        Ok(Items { inner: self.inner.serialize_map(len)?, at, left: len })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        let at = self.at.is(|kind| matches!(kind, Kind::Struct(names) if names.len() == len))?;
        Ok(Parts::of(self.inner.serialize_struct(name, len)?, at, len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let at = self.at.variant(index, variant)?;
        let at = at.is(|kind| matches!(kind, Kind::Struct(names) if names.len() == len))?;
        Ok(Parts::of(self.inner.serialize_struct_variant(name, index, variant, len)?, at, len))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! parts {
    ($($trait:ident::$method:ident),+) => {$(
        impl<S: ser::$trait> ser::$trait for Parts<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), S::Error> {
                let value = self.next(value)?;
                self.inner.$method(&value)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.whole()?.end()
            }
        }
    )+};
}

parts!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! fields {
    ($($trait:ident),+) => {$(
        impl<S: ser::$trait> ser::$trait for Parts<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<V: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &V,
            ) -> Result<(), S::Error> {
                let value = self.field(name, value)?;
                self.inner.serialize_field(name, &value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
                match self.at.rules.shape {
                    Some(_) => Err(S::Error::custom("a field is skipped")),
                    None => self.inner.skip_field(name),
                }
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.whole()?.end()
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);

/// Items of one type: as many as were announced, if that was said.
pub(super) struct Items<'g, S> {
    inner: S,
    at: At<'g>,
    left: Option<usize>,
}

impl<'g, S> Items<'g, S> {
    fn one<E: ser::Error>(&mut self) -> Result<(), E> {
        match &mut self.left {
            Some(0) => Err(E::custom("there is more of it than was announced")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn whole<E: ser::Error>(self) -> Result<S, E> {
        match self.left.unwrap_or_default() {
            0 => Ok(self.inner),
            _ => Err(E::custom("there is less of it than was announced")),
        }
    }
}

impl<S: ser::SerializeSeq> ser::SerializeSeq for Items<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_element<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), S::Error> {
        self.one()?;
        self.inner.serialize_element(&Checked { value, at: self.at.part(0)? })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.whole()?.end()
    }
}

impl<S: ser::SerializeMap> ser::SerializeMap for Items<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<K: Serialize + ?Sized>(&mut self, key: &K) -> Result<(), S::Error> {
        self.one()?;
        self.inner.serialize_key(&Checked { value: key, at: self.at.part(0)? })
    }

    fn serialize_value<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), S::Error> {
        self.inner.serialize_value(&Checked { value, at: self.at.part(1)? })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.whole()?.end()
    }
}
