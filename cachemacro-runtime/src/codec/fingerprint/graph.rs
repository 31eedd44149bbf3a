//! What was seen of a type: a node for each type in it, and edges to what they are made of.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_128};

pub(in crate::codec) type NodeId = usize;

/// What a type asks a deserializer for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::codec) enum Kind {
    /// Something without parts.
    Leaf(Hint),
    /// Whatever the data is.
    Any,
    /// No pass got there.
    Unseen,
    Option,
    Newtype,
    Seq,
    /// Of so many elements; of an array, the first stands for all.
    Tuple(usize),
    /// A key and a value.
    Map,
    Struct(&'static [&'static str]),
    Enum(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[rustfmt::skip]
pub(in crate::codec) enum Hint {
    Bool, I8, I16, I32, I64, I128, U8, U16, U32, U64, U128, F32, F64, Char, Str, Bytes, Unit, Identifier, Ignored,
}

#[derive(Debug)]
pub(in crate::codec) struct Node {
    pub(in crate::codec) kind: Kind,
    /// What its visitor says it expects, where that is not a name alone.
    text: String,
    /// To what each part is; `None` where that was not looked at.
    pub(in crate::codec) edges: Vec<Option<NodeId>>,
    /// The edge that it was found by.
    parent: Option<(NodeId, usize)>,
    /// Whether its fields are only read in their order.
    pub(super) by_order: bool,
}

/// What was seen of a type; the root is the first node.
#[derive(Debug, Default)]
pub(in crate::codec) struct Graph {
    nodes: Vec<Node>,
    /// By what they ask for and who asks: the type of a visitor has the type's name and arguments in it.
    known: HashMap<(Kind, String, &'static str), NodeId>,
    edges: usize,
}

impl Graph {
    pub(in crate::codec) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id]
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn edges(&self) -> usize {
        self.edges
    }

    pub(super) fn add(
        &mut self,
        kind: Kind,
        text: String,
        parent: Option<(NodeId, usize)>,
    ) -> (NodeId, bool) {
        let parts = match &kind {
            Kind::Leaf(_) | Kind::Any | Kind::Unseen => 0,
            Kind::Option | Kind::Newtype | Kind::Seq => 1,
            Kind::Tuple(len) if text.starts_with("an array of length") => 1.min(*len),
            Kind::Tuple(len) => *len,
            Kind::Map => 2,
            Kind::Struct(names) | Kind::Enum(names) => names.len(),
        };
        // One more than is looked at, if there are too many: it stays `None`, and is reported.
        let parts = parts.min(super::EDGES_MAX + 1);
        self.edges += parts;
        self.nodes.push(Node { kind, text, edges: vec![None; parts], parent, by_order: false });
        (self.nodes.len() - 1, true)
    }

    /// The node of a type that is met, which may be a known one.
    pub(super) fn meet(
        &mut self,
        kind: Kind,
        text: String,
        who: &'static str,
        parent: Option<(NodeId, usize)>,
    ) -> (NodeId, bool) {
        let key = (kind, text, who);
        if let Some(known) = self.known.get(&key) {
            return (*known, false);
        }
        let (id, is_new) = self.add(key.0.clone(), key.1.clone(), parent);
        self.known.insert(key, id);
        (id, is_new)
    }

    pub(super) fn connect(&mut self, from: Option<(NodeId, usize)>, to: NodeId) {
        if let Some((id, edge)) = from {
            self.nodes[id].edges[edge] = Some(to);
        }
    }

    /// The nodes above one, by the way it was found.
    pub(super) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.nodes[id].parent, |(id, _)| self.nodes[*id].parent).map(|(id, _)| id)
    }

    /// The steps from the root to an edge.
    pub(super) fn route(&self, to: Option<(NodeId, usize)>) -> Vec<(NodeId, usize)> {
        let mut route: Vec<_> = std::iter::successors(to, |(id, _)| self.nodes[*id].parent).collect();
        route.reverse();
        route
    }

    /// Whether a map is a struct with flattened fields: its keys are names of fields.
    pub(super) fn is_flattened(&self, id: NodeId) -> bool {
        let node = &self.nodes[id];
        let key = node.edges.first().copied().flatten();
        node.kind == Kind::Map && key.is_some_and(|key| self.nodes[key].kind == Kind::Leaf(Hint::Identifier))
    }

    /// Whether a value takes at least a byte for each item and each level that it has, to no great depth:
    /// no type holds itself, and no list is of what takes no bytes at all.
    pub(super) fn is_bounded(&self) -> bool {
        let mut heights = vec![None; self.nodes.len()];
        let no_cycle = (0..self.nodes.len()).all(|id| self.height(id, &mut heights).is_some());
        no_cycle && (0..self.nodes.len()).all(|id| !self.is_list_of_nothing(id))
    }

    /// Whether a value could hold itself within a text that does not: `struct List(Option<Box<List>>)`, of
    /// which formats with names write neither the struct nor the `Some`, and which they never stop reading.
    pub(super) fn is_hollow(&self) -> bool {
        let inner = |id: &NodeId| match self.nodes[*id].kind {
            Kind::Option | Kind::Newtype => self.nodes[*id].edges[0],
            _ => None,
        };
        // Each has one way at most: one that is longer than there are nodes goes round.
        (0..self.nodes.len()).any(|id| std::iter::successors(Some(id), inner).nth(self.nodes.len()).is_some())
    }

    /// How many levels there are below; `None` if there is no end to them.
    fn height(&self, id: NodeId, heights: &mut [Option<usize>]) -> Option<usize> {
        match heights[id] {
            // Still being looked at, further up.
            Some(0) => return None,
            Some(height) => return Some(height),
            None => heights[id] = Some(0),
        }
        let mut below = 0;
        for edge in self.nodes[id].edges.iter().flatten() {
            below = below.max(self.height(*edge, heights)?);
        }
        heights[id] = Some(below + 1);
        heights[id]
    }

    fn is_list_of_nothing(&self, id: NodeId) -> bool {
        let node = &self.nodes[id];
        matches!(node.kind, Kind::Seq | Kind::Map)
            && node.edges.iter().flatten().all(|part| self.is_nothing(*part))
    }

    /// Whether it takes no bytes. Asked of what has no cycle.
    fn is_nothing(&self, id: NodeId) -> bool {
        let node = &self.nodes[id];
        match &node.kind {
            Kind::Leaf(hint) => matches!(hint, Hint::Unit | Hint::Ignored),
            Kind::Newtype | Kind::Tuple(_) | Kind::Struct(_) => {
                node.edges.iter().flatten().all(|part| self.is_nothing(*part))
            }
            _ => false,
        }
    }

    /// `User.address[].street`
    pub(super) fn path(&self, id: NodeId, root: &str) -> String {
        let mut path = root.to_owned();
        for (id, edge) in self.route(self.nodes[id].parent) {
            let _ = match &self.nodes[id].kind {
                Kind::Struct(names) => write!(path, ".{}", names[edge]),
                Kind::Enum(names) => write!(path, "::{}", names[edge]),
                Kind::Tuple(_) | Kind::Newtype => write!(path, ".{edge}"),
                Kind::Seq => write!(path, "[]"),
                Kind::Map if edge == 0 => write!(path, "{{key}}"),
                Kind::Map => write!(path, "{{}}"),
                Kind::Option | Kind::Leaf(_) | Kind::Any | Kind::Unseen => Ok(()),
            };
        }
        path
    }

    /// Equal for graphs that unfold to the same tree, however much of it is shared.
    ///
    /// Nodes are sorted into classes until no class splits (as the states of an automaton are, to make it
    /// minimal), and the classes are then written down in the order in which they are reached.
    pub(super) fn hash(&self) -> u64 {
        let mut classes: Vec<u128> = self.nodes.iter().map(|node| node.label()).collect();
        let count = |classes: &[u128]| classes.iter().collect::<HashSet<_>>().len();
        let mut distinct = count(&classes);
        loop {
            let next: Vec<u128> = (0..self.nodes.len()).map(|id| self.refined(id, &classes)).collect();
            let now = count(&next);
            if now == distinct {
                break;
            }
            (classes, distinct) = (next, now);
        }
        self.written(&classes)
    }

    fn refined(&self, id: NodeId, classes: &[u128]) -> u128 {
        let mut bytes = classes[id].to_be_bytes().to_vec();
        for edge in &self.nodes[id].edges {
            bytes.extend(edge.map_or(0, |to| classes[to]).to_be_bytes());
        }
        xxh3_128(&bytes)
    }

    fn written(&self, classes: &[u128]) -> u64 {
        let mut hash = Xxh3Default::new();
        let mut places = HashMap::new();
        let mut open = vec![Some(0)];
        while let Some(at) = open.pop() {
            let Some(id) = at.filter(|id| *id < self.nodes.len()) else {
                hash.update(b"-");
                continue;
            };
            let place = places.len();
            if let Some(place) = places.get(&classes[id]) {
                hash.update(b"^");
                hash.update(&usize::to_be_bytes(*place));
                continue;
            }
            places.insert(classes[id], place);
            hash.update(b"+");
            hash.update(&self.nodes[id].label().to_be_bytes());
            open.extend(self.nodes[id].edges.iter().rev());
        }
        hash.digest()
    }
}

impl Node {
    /// All that it is by itself, as bytes that no other node has.
    fn label(&self) -> u128 {
        let mut bytes = Vec::new();
        let number = |bytes: &mut Vec<u8>, tag: u8, number: usize| {
            bytes.push(tag);
            bytes.extend((number as u64).to_be_bytes());
        };
        match &self.kind {
            Kind::Leaf(hint) => number(&mut bytes, 1, *hint as usize),
            Kind::Any => number(&mut bytes, 2, 0),
            Kind::Unseen => number(&mut bytes, 3, 0),
            Kind::Option => number(&mut bytes, 4, 0),
            Kind::Newtype => number(&mut bytes, 5, 0),
            Kind::Seq => number(&mut bytes, 6, 0),
            Kind::Tuple(len) => number(&mut bytes, 7, *len),
            Kind::Map => number(&mut bytes, 8, 0),
            Kind::Struct(names) | Kind::Enum(names) => {
                let tag = if matches!(self.kind, Kind::Struct(_)) { 9 } else { 10 };
                number(&mut bytes, tag, names.len());
                for name in *names {
                    number(&mut bytes, 0, name.len());
                    bytes.extend(name.as_bytes());
                }
            }
        }
        bytes.extend(xxh3_64(self.text.as_bytes()).to_be_bytes());
        xxh3_128(&bytes)
    }
}
