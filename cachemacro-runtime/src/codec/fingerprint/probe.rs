//! The deserializer that goes one way, writes down what is asked for at its end, and fails.

use std::any::type_name;
use std::collections::HashMap;
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::graph::{Graph, Hint, Kind, NodeId};
use super::made::make;

/// An end that is meant, or a made-up value that was not accepted. It keeps no text: that may hold a value.
#[derive(Debug)]
pub(super) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shape of the type is being asked for")
    }
}

impl std::error::Error for Failed {}

impl de::Error for Failed {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}

/// What is known so far, and where the pass under way is.
#[derive(Debug)]
pub(super) struct State {
    pub(super) graph: Graph,
    pub(super) is_human_readable: bool,
    /// What the pass found at its end, and whether that is new.
    pub(super) arrived: Option<(NodeId, bool)>,
    /// The name of the type that is deserialized, as far as it is known.
    pub(super) seed: &'static str,
    root: &'static str,
    /// The steps from the root to what is looked for, and how many were taken.
    route: Vec<(NodeId, usize)>,
    level: usize,
    is_over: bool,
    /// Which made-up value each type that asked for one gets.
    choices: HashMap<String, usize>,
    /// Those of this pass, and how many there are of each.
    chosen: Vec<(String, usize)>,
}

impl State {
    pub(super) fn new(is_human_readable: bool, root: &'static str) -> Self {
        Self {
            graph: Graph::default(),
            is_human_readable,
            arrived: None,
            seed: root,
            root,
            route: Vec::new(),
            level: 0,
            is_over: false,
            choices: HashMap::new(),
            chosen: Vec::new(),
        }
    }

    /// Begins a pass; false if what it is after is too deep.
    pub(super) fn begin(&mut self, target: Option<(NodeId, usize)>, depth_max: usize) -> bool {
        self.route = self.graph.route(target);
        (self.level, self.is_over, self.arrived, self.seed) = (0, false, None, self.root);
        self.chosen.clear();
        self.route.len() <= depth_max
    }

    /// Changes something for the next pass, as this one did not arrive; false if there is nothing left.
    pub(super) fn try_another(&mut self) -> bool {
        while let Some((who, count)) = self.chosen.pop() {
            let choice = self.choices.entry(who).or_default();
            *choice += 1;
            if *choice < count {
                return true;
            }
            *choice = 0;
        }
        let Some((id, _)) = self.route.last() else { return false };
        let node = self.graph.node_mut(*id);
        let may_be_ordered = matches!(node.kind, Kind::Struct(_)) && !node.by_order;
        node.by_order |= may_be_ordered;
        may_be_ordered
    }

    /// Which of `count` made-up values this one gets.
    pub(super) fn choose(&mut self, who: String, count: usize) -> usize {
        let choice = self.choices.get(&who).copied().unwrap_or_default();
        self.chosen.push((who, count));
        choice
    }

    /// The edge to go on by from a node of this kind; `Err` where the way ends.
    fn step(&mut self, kind: Kind, text: String, who: Option<&'static str>) -> Result<usize, Failed> {
        if self.is_over {
            return Err(Failed);
        }
        let Some((id, edge)) = self.route.get(self.level).copied() else {
            let parent = self.route.last().copied();
            self.arrived = Some(match who {
                Some(who) => self.graph.meet(kind, text, who, parent),
                None => self.graph.add(kind, text, parent),
            });
            self.is_over = true;
            return Err(Failed);
        };
        if self.graph.node(id).kind != kind {
            // It asks for something else each time; what it is cannot be said.
            self.is_over = true;
            return Err(Failed);
        }
        self.level += 1;
        Ok(edge)
    }

    /// Whether the fields of the struct that was just stepped through are read in their order.
    fn is_by_order(&self) -> bool {
        self.graph.node(self.route[self.level - 1].0).by_order
    }
}

/// Goes one way.
#[derive(Debug)]
pub(super) struct Probe<'a> {
    state: &'a mut State,
}

impl<'a> Probe<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        Self { state }
    }

    fn step<'de, V: Visitor<'de>>(&mut self, kind: Kind, text: String) -> Result<usize, Failed> {
        self.state.step(kind, text, Some(type_name::<V>()))
    }

    fn leaf<'de, V: Visitor<'de>>(mut self, hint: Hint, visitor: &V) -> Result<V::Value, Failed> {
        self.step::<V>(Kind::Leaf(hint), text(visitor))?;
        Err(Failed)
    }

    fn fields<'de, V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        edge: usize,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        if self.state.is_by_order() {
            return visitor.visit_seq(Elements { state: self.state, before: edge });
        }
        visitor.visit_map(OneField { state: self.state, name: Some(names[edge]) })
    }
}

/// What a visitor says it expects.
fn text<'de>(visitor: &impl Visitor<'de>) -> String {
    (visitor as &dyn Expected).to_string()
}

macro_rules! leaves {
    ($($method:ident $hint:ident),+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
            self.leaf(Hint::$hint, &visitor)
        }
    )+};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Failed;

    leaves!(deserialize_bool Bool, deserialize_i8 I8, deserialize_i16 I16, deserialize_i32 I32,
            deserialize_i64 I64, deserialize_i128 I128, deserialize_u8 U8, deserialize_u16 U16,
            deserialize_u32 U32, deserialize_u64 U64, deserialize_u128 U128, deserialize_f32 F32,
            deserialize_f64 F64, deserialize_char Char, deserialize_str Str, deserialize_string Str,
            deserialize_bytes Bytes, deserialize_byte_buf Bytes, deserialize_unit Unit,
            deserialize_identifier Identifier, deserialize_ignored_any Ignored);

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        // What is in it is not seen; the name of the type is at least one thing that tells it apart.
        let text = format!("{} of {}", text(&visitor), self.state.seed);
        self.step::<V>(Kind::Any, text)?;
        Err(Failed)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(mut self, _: &'static str, _: V) -> Result<V::Value, Failed> {
        self.step::<V>(Kind::Leaf(Hint::Unit), String::new())?;
        Err(Failed)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        self.step::<V>(Kind::Option, String::new())?;
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.step::<V>(Kind::Newtype, String::new())?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        self.step::<V>(Kind::Seq, text(&visitor))?;
        visitor.visit_seq(Elements { state: self.state, before: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        let before = self.step::<V>(Kind::Tuple(len), text(&visitor))?;
        visitor.visit_seq(Elements { state: self.state, before })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let before = self.step::<V>(Kind::Tuple(len), String::new())?;
        visitor.visit_seq(Elements { state: self.state, before })
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let edge = self.step::<V>(Kind::Map, text(&visitor))?;
        visitor.visit_map(OneEntry { state: self.state, is_key: edge == 0 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let edge = self.step::<V>(Kind::Struct(names), String::new())?;
        self.fields(names, edge, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let edge = self.step::<V>(Kind::Enum(names), String::new())?;
        visitor.visit_enum(Variant { state: self.state, name: names[edge] })
    }

    fn is_human_readable(&self) -> bool {
        self.state.is_human_readable
    }
}

/// Made-up elements, and then the one that is looked for.
struct Elements<'a> {
    state: &'a mut State,
    before: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Failed;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failed> {
        if self.state.is_over {
            return Err(Failed);
        }
        if self.before > 0 {
            self.before -= 1;
            return make(self.state, seed).map(Some);
        }
        go_on(self.state, seed).map(Some)
    }
}

/// One field, by its name.
struct OneField<'a> {
    state: &'a mut State,
    name: Option<&'static str>,
}

impl<'de> MapAccess<'de> for OneField<'_> {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed> {
        let name = self.name.take().ok_or(Failed)?;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failed> {
        go_on(self.state, seed)
    }
}

/// One entry of a map, of which the key is looked for, or the value behind one that is made up.
struct OneEntry<'a> {
    state: &'a mut State,
    is_key: bool,
}

impl<'de> MapAccess<'de> for OneEntry<'_> {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed> {
        match (self.state.is_over, self.is_key) {
            (true, _) => Err(Failed),
            (false, true) => go_on(self.state, seed).map(Some),
            (false, false) => make(self.state, seed).map(Some),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failed> {
        go_on(self.state, seed)
    }
}

/// One variant, by its name.
struct Variant<'a> {
    state: &'a mut State,
    name: &'static str,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Failed;
    type Variant = Content<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content<'a>), Failed> {
        let value = seed.deserialize(BorrowedStrDeserializer::new(self.name))?;
        Ok((value, Content { state: self.state }))
    }
}

/// What a variant holds: it is asked for as the parts of a struct are.
struct Content<'a> {
    state: &'a mut State,
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Failed;

    fn unit_variant(self) -> Result<(), Failed> {
        self.state.step(Kind::Leaf(Hint::Unit), String::new(), None)?;
        Err(Failed)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failed> {
        self.state.step(Kind::Newtype, String::new(), None)?;
        go_on(self.state, seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        let before = self.state.step(Kind::Tuple(len), String::new(), None)?;
        visitor.visit_seq(Elements { state: self.state, before })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let edge = self.state.step(Kind::Struct(names), String::new(), None)?;
        Probe::new(self.state).fields(names, edge, visitor)
    }
}

fn go_on<'de, T: DeserializeSeed<'de>>(state: &mut State, seed: T) -> Result<T::Value, Failed> {
    state.seed = type_name::<T::Value>();
    seed.deserialize(Probe::new(state))
}
