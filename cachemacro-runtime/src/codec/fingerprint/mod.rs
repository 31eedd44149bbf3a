//! The shape of a type, asked of its own `Deserialize`: no derive, and no value of it.
//!
//! Each pass deserializes the type once and goes one step farther along one path than those before: it
//! chooses one field, one variant or one element at each level, writes down what the type asks for there,
//! and fails on purpose. What stands before an element of a tuple is [made up](made), as most types
//! accept something; where one accepts nothing, what is behind it is a [blind spot](BlindSpot).
//!
//! A type that is met again is the same node: passes grow with the number of types and fields, not with
//! the number of paths, and recursion ends.

mod graph;
mod made;
mod probe;
#[cfg(test)]
mod tests;

use std::any::{TypeId, type_name};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{OnceLock, PoisonError, RwLock};

use serde::de::DeserializeOwned;

pub(super) use graph::{Graph, Hint, Kind, NodeId};
use probe::{Probe, State};

/// What is looked at of one type, at most. A type with a thousand fields takes a thousand passes.
const PASSES_MAX: usize = 20_000;
const EDGES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 64;

/// How many made-up values are tried before one element.
const ATTEMPTS_MAX: usize = 200;

/// What a type looks like to a codec: names, order and types of its fields and variants, recursively.
#[derive(Debug)]
pub(crate) struct Fingerprint {
    /// Equal for equal shapes: the type's own name does not matter.
    pub(crate) hash: u64,
    /// What was seen, for the [check](super::checked) of what is encoded.
    pub(super) graph: Graph,
    /// What was not.
    pub(crate) blind_spots: Vec<BlindSpot>,
    /// Whether no format with field names can carry the type.
    pub(super) is_hollow: bool,
    /// Whether a codec without field names can carry the type: it is seen, and a few bytes cannot stand
    /// for much of it, be it deep or long.
    pub(super) is_plain: bool,
    /// How many times the type was deserialized for it.
    #[cfg(test)]
    passes: usize,
}

impl Fingerprint {
    /// Whether all of the type was seen, and nothing of it asks the data what it is.
    pub(super) fn is_seen(&self) -> bool {
        self.blind_spots.is_empty()
    }
}

/// A part of a type in which changes are not noticed, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlindSpot {
    /// `User.address[].street`
    path: String,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Any,
    Flattened,
    Unreached,
}

impl fmt::Display for BlindSpot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Any => "takes what it is from the data",
            Why::Flattened => "is flattened, so that its fields are not seen",
            Why::Unreached => "is decided by its own Deserialize",
        };
        write!(f, "`{}` {why}; when it changes, change `version`", self.path)
    }
}

/// The fingerprint of a type, as formats of this kind see it; taken once for each.
pub(crate) fn of<V: DeserializeOwned + 'static>(is_human_readable: bool) -> &'static Fingerprint {
    type Memo = RwLock<HashMap<(TypeId, bool), &'static Fingerprint>>;
    static MEMO: OnceLock<Memo> = OnceLock::new();
    let memo = MEMO.get_or_init(Memo::default);
    let key = (TypeId::of::<V>(), is_human_readable);
    if let Some(known) = memo.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return known;
    }
    // Outside of the lock, as it runs code of the type. Two threads may do it at once; one is kept.
    let taken = take::<V>(is_human_readable);
    let mut memo = memo.write().unwrap_or_else(PoisonError::into_inner);
    // As many as there are types in the program.
    memo.entry(key).or_insert_with(|| Box::leak(Box::new(taken)))
}

fn take<V: DeserializeOwned>(is_human_readable: bool) -> Fingerprint {
    let mut state = State::new(is_human_readable, type_name::<V>());
    let mut passes = 0;
    let mut targets = VecDeque::from([None]);
    while let Some(target) = targets.pop_front() {
        let found = find::<V>(&mut state, target, &mut passes);
        let id = match found {
            Some((id, is_new)) => {
                if is_new && state.graph.edges() <= EDGES_MAX {
                    targets.extend((0..state.graph.node(id).edges.len()).map(|edge| Some((id, edge))));
                }
                id
            }
            None => state.graph.add(Kind::Unseen, state.seed.to_owned(), target).0,
        };
        state.graph.connect(target, id);
    }
    let blind_spots = blind_spots(&state.graph, short_name::<V>());
    Fingerprint {
        hash: state.graph.hash(),
        is_hollow: state.graph.is_hollow(),
        is_plain: blind_spots.is_empty() && state.graph.is_bounded(),
        graph: state.graph,
        blind_spots,
        #[cfg(test)]
        passes,
    }
}

/// The node at an edge, and whether it is a new one; `None` if no pass gets there.
fn find<V: DeserializeOwned>(
    state: &mut State,
    target: Option<(NodeId, usize)>,
    passes: &mut usize,
) -> Option<(NodeId, bool)> {
    for _ in 0..ATTEMPTS_MAX {
        if *passes == PASSES_MAX || !state.begin(target, DEPTH_MAX) {
            return None;
        }
        *passes += 1;
        // Its own code runs on values that it has never seen; what it panics at is not known then.
        let _ = catch_unwind(AssertUnwindSafe(|| V::deserialize(Probe::new(state)).map(drop)));
        if let Some(arrived) = state.arrived.take() {
            return Some(arrived);
        }
        if !state.try_another() {
            return None;
        }
    }
    None
}

fn blind_spots(graph: &Graph, root: String) -> Vec<BlindSpot> {
    let why = |kind: &Kind, id: NodeId| match kind {
        Kind::Any => Some(Why::Any),
        Kind::Unseen => Some(Why::Unreached),
        Kind::Map if graph.is_flattened(id) => Some(Why::Flattened),
        _ => graph.node(id).edges.contains(&None).then_some(Why::Unreached),
    };
    let of = |id| Some(BlindSpot { why: why(&graph.node(id).kind, id)?, path: graph.path(id, &root) });
    // What is in something flattened is part of that.
    let within = |id| graph.ancestors(id).any(|above| graph.is_flattened(above));
    (0..graph.len()).filter(|id| !within(*id)).filter_map(of).collect()
}

/// A type's name without the modules before it.
fn short_name<V>() -> String {
    let name = type_name::<V>();
    let mut short = String::new();
    let mut word = String::new();
    for c in name.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                word.clear();
                short.push(c);
            }
        }
    }
    short + &word
}
