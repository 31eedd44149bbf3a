//! All that serde's attributes make of a type, over all codecs: a value comes back as it was, or is
//! refused, and never as another one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::time::Duration;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::*;
use crate::form::VALUE_BYTES_MAX;

pub(super) const STAMP: Stamp = Stamp { fresh: Duration::from_secs(60), cost: Duration::ZERO };

pub(super) const FORMATS: &[Format] = &[
    #[cfg(feature = "bincode")]
    Format::Bincode,
    #[cfg(feature = "json")]
    Format::Json,
    #[cfg(feature = "msgpack")]
    Format::MessagePack,
    #[cfg(feature = "postcard")]
    Format::Postcard,
];

fn codecs() -> impl Iterator<Item = AnyCodec> {
    let plain = FORMATS.iter().map(|format| AnyCodec(Encoding::plain(*format)));
    let compressed = FORMATS
        .iter()
        .map(|format| AnyCodec(Encoding { compressed_above: Some(0), ..Encoding::plain(*format) }));
    plain.chain(compressed)
}

/// How each codec carries a value: what came of it, in the order of the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    Itself,
    AsJson,
    Not,
}

pub(super) fn names_fields<C: Codec>(_: &C) -> bool {
    C::NAMES_FIELDS
}

fn carried<V: Storable + PartialEq + Debug>(value: &V) -> Vec<Carried> {
    codecs()
        .map(|codec| {
            let Ok(bytes) = codec.seal(Form::default(), STAMP, value) else { return Carried::Not };
            assert_eq!(codec.open::<V>(Form::default(), &bytes).as_ref().ok(), Some(value), "{codec:?}");
            match with!(codec.0, codec => names_fields(codec)) {
                false if bytes[1] & 63 == Json::ID => Carried::AsJson,
                _ => Carried::Itself,
            }
        })
        .collect()
}

macro_rules! carried {
    ($value:expr, $expected:expr) => {
        let value = $value;
        for carried in carried(&value) {
            assert!($expected.contains(&carried), "{value:?}: {carried:?}");
        }
    };
}

/// By every codec.
const WELL: &[Carried] = &[Carried::Itself];
/// By those with names; the others leave it to JSON.
const BY_NAME: &[Carried] = &[Carried::Itself, Carried::AsJson];
/// Not by JSON, or not by any with names.
const WITHOUT_NAMES: &[Carried] = &[Carried::Itself, Carried::Not];
const BY_NONE: &[Carried] = &[Carried::Not];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Plain {
    id: u64,
    name: String,
    #[serde(rename = "years")]
    age: Option<u8>,
    #[serde(default)]
    scores: Vec<(i32, f64)>,
    by_name: HashMap<String, BTreeMap<u16, char>>,
    state: State,
    array: [u8; 32],
    pair: Pair,
    new: New,
    unit: Unit,
    boxed: Box<i128>,
    nested: Result<NonZeroU8, String>,
    address: IpAddr,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Unit,
    New(u64),
    Pair(u64, String),
    Named { id: u64, name: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct New(f32);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

fn plain(state: State) -> Plain {
    Plain {
        id: u64::MAX,
        name: "anna\u{1F600}\0".to_owned(),
        age: Some(0),
        scores: vec![(-1, 0.1 + 0.2), (i32::MIN, f64::MIN_POSITIVE)],
        by_name: HashMap::from([("a b".to_owned(), BTreeMap::from([(1, 'x'), (256, '\u{e9}')]))]),
        state,
        array: [255; 32],
        pair: Pair(1, String::new()),
        new: New(0.1),
        unit: Unit,
        boxed: Box::new(i128::MIN),
        nested: Ok(NonZeroU8::MIN),
        address: "::1".parse().unwrap(),
    }
}

#[test]
fn plain_types_are_carried_by_every_codec() {
    for state in [
        State::Unit,
        State::New(7),
        State::Pair(1, "x".to_owned()),
        State::Named { id: 1, name: None },
        State::Named { id: 1, name: Some(String::new()) },
    ] {
        carried!(plain(state.clone()), WELL);
        carried!(vec![Some(state.clone()), None], WELL);
        carried!((state, "text".to_owned(), [1_u8, 2]), WELL);
    }
    carried!(uuid::Uuid::from_u128(7), WELL);
    carried!(chrono::DateTime::<chrono::Utc>::MIN_UTC, WELL);
    carried!((chrono::NaiveDate::MIN, std::time::Duration::MAX), WELL);
    carried!(url::Url::parse("https://a.b/c?d#e").unwrap(), WELL);
    carried!(HashSet::from([1_u8, 2, 3]), WELL);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Skips {
    id: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second: Option<u8>,
    last: u8,
}

#[test]
fn skipped_fields_go_as_json_from_the_first_that_is_skipped() {
    let full = Skips { id: 1, first: Some(2), second: Some(3), last: 4 };
    carried!(full.clone(), WELL);
    carried!(Skips { first: None, ..full.clone() }, BY_NAME);
    carried!(Skips { second: None, ..full.clone() }, BY_NAME);
    carried!(full, BY_NAME);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Always {
    id: u8,
    #[serde(skip)]
    cached: u8,
    last: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OneWay {
    #[serde(default, skip_serializing)]
    secret: u8,
    id: u8,
    last: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OtherWay {
    #[serde(skip_deserializing)]
    known: u8,
    id: u8,
    last: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum SkipsVariants {
    First,
    #[serde(skip)]
    Second,
    Third(u8),
}

#[test]
fn fields_and_variants_that_go_one_way_are_not_mistaken_for_others() {
    carried!(Always { id: 1, cached: 0, last: 2 }, WELL);
    carried!(OneWay { secret: 0, id: 1, last: 2 }, BY_NAME);
    carried!(OtherWay { known: 0, id: 1, last: 2 }, BY_NAME);
    carried!(SkipsVariants::First, WELL);
    carried!(SkipsVariants::Third(1), BY_NAME);
    carried!(SkipsVariants::Second, BY_NONE);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Made { id: u64 },
    Gone,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Made { id: u64 },
    Pair(u8, u8),
    Gone,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Float(f64),
    Number(u64),
    Text(String),
    Named { id: u64 },
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flattened {
    id: u64,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
    #[serde(flatten)]
    more: Always,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Aliased {
    #[serde(alias = "title")]
    name: String,
    last: u8,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    value: u8,
    children: Vec<Tree>,
}

#[test]
fn what_needs_names_goes_as_json() {
    carried!(Tagged::Made { id: 1 }, BY_NAME);
    carried!(vec![Tagged::Gone], BY_NAME);
    carried!(Adjacent::Made { id: 1 }, BY_NAME);
    carried!(Adjacent::Pair(1, 2), BY_NAME);
    carried!(Adjacent::Gone, BY_NAME);
    carried!(Untagged::Text("1".to_owned()), BY_NAME);
    carried!(Untagged::Named { id: 1 }, BY_NAME);
    carried!(Untagged::Float(0.5), BY_NAME);
    carried!(serde_json::json!({"a": [1, 2.5, null, "x"], "b": {}}), BY_NAME);
    let more = Always { id: 1, cached: 0, last: 2 };
    carried!(
        Flattened { id: 1, rest: HashMap::new(), more: more.clone() },
        BY_NAME.iter().chain(BY_NONE).copied().collect::<Vec<_>>()
    );
    carried!(Aliased { name: "a".to_owned(), last: 1 }, BY_NAME);
    let leaf = Tree { value: 1, children: Vec::new() };
    carried!(Tree { value: 2, children: vec![leaf.clone(), leaf] }, BY_NAME);
    carried!(vec![(), ()], BY_NAME);
}

#[test]
fn what_would_come_back_as_another_value_is_refused() {
    carried!(Untagged::Number(1), BY_NONE);
    carried!(Some(Some(None::<u8>)), WITHOUT_NAMES);
    carried!(Some(()), WITHOUT_NAMES);
    carried!(vec![Some(Unit)], WITHOUT_NAMES);
    carried!(Some(New(1.0)), WELL);
    carried!(Some(Some(1_u8)), WELL);
    carried!(vec![f64::INFINITY], WITHOUT_NAMES);
    carried!(Some(f32::NEG_INFINITY), WITHOUT_NAMES);
    carried!(HashMap::from([(Some(1_u8), 1_u8)]), WITHOUT_NAMES);
}

/// Writes one type and reads another.
#[derive(Clone, Debug, PartialEq)]
struct Asymmetric(u8);

impl Serialize for Asymmetric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(u16::from(self.0) << 8)
    }
}

impl<'de> Deserialize<'de> for Asymmetric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|number| Self((number >> 8) as u8))
    }
}

#[test]
fn a_type_that_is_written_in_another_form_than_it_is_read_in_goes_as_json() {
    carried!(Asymmetric(1), BY_NAME);
}

#[test]
fn what_is_nested_too_deep_is_refused_and_neither_written_nor_read_is_a_stack_exhausted() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct List(Option<Box<List>>);
    let list = |depth| (0..depth).fold(List(None), |list, _| List(Some(Box::new(list))));
    carried!(list(20), BY_NAME.iter().chain(BY_NONE).copied().collect::<Vec<_>>());
    carried!(list(1000), BY_NONE);
    for codec in codecs() {
        for byte in [1, b'[', 0x91, 0x81] {
            assert!(
                codec.open::<List>(Form::default(), &codec.headed::<List>(0, &vec![byte; 1 << 20])).is_err()
            );
            assert!(
                codec.open::<Tree>(Form::default(), &codec.headed::<Tree>(0, &vec![byte; 1 << 20])).is_err()
            );
        }
    }
}

#[test]
fn lengths_that_lie_neither_allocate_nor_loop() {
    let lies: [&[u8]; 6] = [
        &[253, 255, 255, 255, 255, 255, 255, 255, 127],
        &[255, 255, 255, 255, 255, 255, 255, 255, 127],
        &[0xdd, 255, 255, 255, 255],
        &[0xdf, 255, 255, 255, 255],
        &[1, 127, 255, 255, 255, 0, 0],
        &[1, 0, 128, 0, 0, 31, 0, 255, 255, 255, 255, 255, 255, 255],
    ];
    for codec in codecs() {
        for lie in lies {
            let _ = codec.open::<Vec<()>>(Form::default(), &codec.headed::<Vec<()>>(0, lie));
            let _ = codec.open::<Vec<[u64; 32]>>(Form::default(), &codec.headed::<Vec<[u64; 32]>>(0, lie));
            let _ = codec.open::<HashMap<u8, ()>>(Form::default(), &codec.headed::<HashMap<u8, ()>>(0, lie));
            let _ = codec.open::<String>(Form::default(), &codec.headed::<String>(0, lie));
        }
    }
}

#[test]
fn a_value_past_the_bound_is_refused_and_its_error_does_not_hold_it() {
    let secret = "secret".repeat(1000);
    for codec in codecs().filter(|codec| codec.0.compressed_above.is_none()) {
        let form = Form { value_bytes_max: 6000, ..Form::default() };
        let error = codec.seal(form, STAMP, &secret).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unstorable);
        assert!(!error.to_string().contains("secret"));
        assert!(codec.seal(Form { value_bytes_max: 6100, ..form }, STAMP, &secret).is_ok());
        let form = Form { value_bytes_max: usize::MAX, ..form };
        assert!(codec.seal(form, STAMP, &"x".repeat(VALUE_BYTES_MAX)).is_err());
    }
}

#[test]
fn a_type_of_the_same_shape_is_read_and_one_of_another_is_not() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Renamed(u8, String);
    for codec in codecs() {
        let bytes = codec.seal(Form::default(), STAMP, &Pair(1, "x".to_owned())).unwrap();
        assert_eq!(codec.open::<Renamed>(Form::default(), &bytes).unwrap(), Renamed(1, "x".to_owned()));
        assert!(codec.open::<(u8, String)>(Form::default(), &bytes).is_err());
        assert!(codec.open::<Renamed>(Form { version: 1, ..Form::default() }, &bytes).is_err());
    }
}

#[test]
fn the_notes_say_what_goes_as_json_and_where_changes_are_not_seen() {
    carried!(Tagged::Gone, BY_NAME);
    let notes = notes();
    assert!(notes.iter().any(|note| note.starts_with("`Tagged` takes what it is")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("Tagged` cannot be carried by ")), "{notes:?}");
}
