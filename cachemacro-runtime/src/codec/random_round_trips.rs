//! Random values of types that use the attributes of serde, over all codecs: what is stored comes back
//! equal, or it is refused. It never comes back as another value.
//!
//! `VALUES=1000000 cargo test --release -p cachemacro-runtime --lib random_round_trips -- --nocapture` draws
//! a million; `SEED=…` draws those of a failure again.
//!
//! What a type leaves out by `skip` and `skip_serializing` is at its default here: the type itself says that it
//! is not carried. `borrow` is not among them: a type that borrows from its bytes is no `DeserializeOwned`, and not stored.

#[macro_use]
mod draw;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fmt::Debug;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::*;
use crate::codec::round_trips::STAMP;
use crate::form::Encoding;
use draw::{Draw, Source};

/// What an ordinary run draws.
const VALUES: u64 = 4_000;

/// A type, and how it is drawn: each of its fields, but for those that are given.
macro_rules! drawn {
    ($(
        $(#[$of:meta])*
        struct $name:ident { $($(#[$attr:meta])* $field:ident: $type:ty $(= $value:expr)?),+ $(,)? }
    )+) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        $(#[$of])*
        struct $name { $($(#[$attr])* $field: $type),+ }

        impl Draw for $name {
            fn draw(source: &mut Source) -> Self {
                Self { $($field: drawn!(@ source $type $(= $value)?)),+ }
            }
        }
    )+};
    ($(
        $(#[$of:meta])*
        enum $name:ident {
            $($(#[$attr:meta])* $variant:ident $(($($item:ty),+))? $({ $($(#[$inner:meta])* $field:ident: $type:ty),+ })?),+ $(,)?
        }
    )+) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        $(#[$of])*
        enum $name {
            $($(#[$attr])* $variant $(($($item),+))? $({ $($(#[$inner])* $field: $type),+ })?),+
        }

        impl Draw for $name {
            fn draw(source: &mut Source) -> Self {
                let variants: &[fn(&mut Source) -> Self] = &[$(|source| {
                    let _ = &source;
                    Self::$variant $(($(<$item>::draw(source)),+))? $({ $($field: <$type>::draw(source)),+ })?
                }),+];
                let variant = source.below(variants.len());
                source.within(variants[variant])
            }
        }
    )+};
    (@ $source:ident $type:ty = $value:expr) => { $value };
    (@ $source:ident $type:ty) => { <$type>::draw($source) };
}

/// A type of a crate that knows no serde.
#[derive(Clone, Debug, PartialEq)]
struct Foreign {
    seconds: u64,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Foreign")]
struct ForeignDef {
    seconds: u64,
    text: String,
}

draw!([] Foreign: |source| Self { seconds: u64::draw(source), text: String::draw(source) });

/// A number as text.
mod as_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A map as a list of pairs.
mod as_pairs {
    use super::*;

    pub(super) fn serialize<S: Serializer>(map: &HashMap<u8, u8>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<HashMap<u8, u8>, D::Error> {
        Vec::<(u8, u8)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

fn seven() -> u8 {
    7
}

fn is_seven(number: &u8) -> bool {
    *number == 7
}

drawn! {
    #[serde(rename_all = "camelCase", rename = "Person", expecting = "a person")]
    struct Named {
        first_name: String,
        #[serde(rename = "id")]
        number: u64,
        #[serde(alias = "title", alias = "rank")]
        grade: Option<char>,
        r#type: Option<Option<u8>>,
    }

    #[serde(default)]
    struct Defaulted {
        #[serde(skip_serializing_if = "Option::is_none")]
        first: Option<u8>,
        #[serde(default = "seven", skip_serializing_if = "is_seven")]
        second: u8,
        #[serde(skip)]
        skipped: u8 = 0,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        third: Vec<String>,
        last: u8,
    }

    #[serde(deny_unknown_fields)]
    struct Refuses {
        #[serde(skip_deserializing)]
        known: u8 = 0,
        id: u16,
    }

    struct Apart {
        id: u8,
        #[serde(rename(serialize = "written", deserialize = "read"), default)]
        text: String,
    }

    struct OneWay {
        #[serde(default, skip_serializing)]
        secret: u8 = 0,
        #[serde(skip_deserializing)]
        known: u8 = 0,
        id: u16,
        rest: (u8, String),
    }

    struct Converted {
        #[serde(with = "as_text")]
        number: u64,
        #[serde(serialize_with = "as_pairs::serialize", deserialize_with = "as_pairs::deserialize")]
        pairs: HashMap<u8, u8>,
        #[serde(with = "ForeignDef")]
        foreign: Foreign,
        text: Cow<'static, str>,
        float: f64,
    }

    struct Flat {
        key: u64,
        #[serde(flatten)]
        named: Named,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }

    struct FlatTagged {
        number: u8,
        #[serde(flatten)]
        tagged: Tagged,
        #[serde(flatten)]
        maybe: Option<OneWay>,
    }

    #[serde(transparent)]
    struct Transparent {
        of: Vec<Option<i32>>,
    }

    #[serde(from = "(u8, String)", into = "(u8, String)")]
    struct Through {
        id: u8,
        text: String,
    }

    #[serde(try_from = "i64", into = "i64")]
    struct Small {
        number: i8,
    }

    struct Deep {
        tagged: Vec<Tagged>,
        adjacent: BTreeMap<String, Adjacent>,
        untagged: Option<Box<Untagged>>,
        defaulted: Result<Defaulted, Plain>,
        renamed: HashMap<u8, Renamed>,
        unit: Option<()>,
        through: (Through, Small, Transparent),
    }
}

impl Default for Defaulted {
    fn default() -> Self {
        Self { first: None, second: 7, skipped: 0, third: Vec::new(), last: 1 }
    }
}

impl From<(u8, String)> for Through {
    fn from((id, text): (u8, String)) -> Self {
        Self { id, text }
    }
}

impl From<Through> for (u8, String) {
    fn from(Through { id, text }: Through) -> Self {
        (id, text)
    }
}

impl TryFrom<i64> for Small {
    type Error = std::num::TryFromIntError;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        number.try_into().map(|number| Self { number })
    }
}

impl From<Small> for i64 {
    fn from(small: Small) -> Self {
        small.number.into()
    }
}

drawn! {
    enum Plain {
        Unit,
        New(u64),
        Pair(u8, String),
        Made { id: u64, name: Option<String> },
    }

    #[serde(rename_all = "kebab-case", rename_all_fields = "SCREAMING_SNAKE_CASE")]
    enum Renamed {
        FirstOne,
        #[serde(rename = "2", alias = "two")]
        SecondOne(Option<u8>),
        ThirdOne { a_field: char, #[serde(default)] another: Vec<u8> },
        #[serde(skip)]
        NeverWritten,
        #[serde(untagged)]
        AnyText(String),
    }

    #[serde(tag = "kind")]
    enum Tagged {
        Made { id: u64, of: Option<String> },
        Gone,
        Inner(Through2),
        #[serde(other)]
        Unknown,
    }

    #[serde(tag = "kind", content = "of")]
    enum Adjacent {
        Unit,
        New(Option<u8>),
        Pair(u8, String),
        Made { id: u64 },
    }

    #[serde(untagged)]
    enum Untagged {
        Nothing,
        Small(u8),
        Number(i64),
        Float(f64),
        Text(String),
        List(Vec<u8>),
        Made { id: u64, #[serde(default)] name: Option<String> },
        Named { name: String },
    }
}

drawn! {
    struct Through2 {
        text: String,
        float: f64,
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: serde::de::DeserializeOwned"))]
struct Page<T> {
    items: Vec<T>,
    next: Option<T>,
}

draw!([T] Page<T>: |source| Self { items: Vec::draw(source), next: Option::draw(source) });

/// How each value can be stored.
fn forms() -> Vec<Form> {
    let formats = super::round_trips::FORMATS.iter().copied();
    let encodings = formats.flat_map(|format| {
        let plain = Encoding::plain(format);
        [plain, Encoding { compressed_above: Some(64), ..plain }, Encoding { is_raw: true, ..plain }]
    });
    let is_used = |encoding: &Encoding| {
        let names_fields = with!(*encoding, codec => super::round_trips::names_fields(codec));
        !encoding.is_raw || names_fields
    };
    encodings.filter(is_used).map(|encoding| Form { encoding: Some(encoding), ..Form::default() }).collect()
}

#[derive(Debug, Default)]
struct Tally {
    stored: u64,
    refused: u64,
}

fn goes_round<V: Draw + Storable + PartialEq + Debug>(
    source: &mut Source,
    forms: &[Form],
    tally: &mut Tally,
) {
    let value = V::draw(source);
    let codec = AnyCodec::of(None).expect("a codec");
    for form in forms {
        let Ok(bytes) = codec.seal(*form, STAMP, &value) else {
            tally.refused += 1;
            continue;
        };
        let back = codec.open::<V>(*form, &bytes);
        assert_eq!(back.as_ref().ok(), Some(&value), "{:?}: {back:?}", form.encoding);
        tally.stored += 1;
    }
}

type GoesRound = fn(&mut Source, &[Form], &mut Tally);

const TYPES: [(&str, GoesRound); 18] = [
    ("rename, alias", goes_round::<Named>),
    ("default, skip_serializing_if, skip", goes_round::<Defaulted>),
    ("skip_serializing, skip_deserializing", goes_round::<OneWay>),
    ("rename on one side", goes_round::<Apart>),
    ("deny_unknown_fields", goes_round::<Option<Refuses>>),
    ("with, serialize_with, remote", goes_round::<Converted>),
    ("flatten", goes_round::<Flat>),
    ("flatten of a tag", goes_round::<FlatTagged>),
    ("transparent", goes_round::<Transparent>),
    ("from, into", goes_round::<Through>),
    ("try_from", goes_round::<Small>),
    ("bound", goes_round::<Page<Named>>),
    ("no attribute", goes_round::<Plain>),
    ("rename_all_fields, skip, untagged variant", goes_round::<Renamed>),
    ("tag, other", goes_round::<Tagged>),
    ("tag, content", goes_round::<Adjacent>),
    ("untagged", goes_round::<Untagged>),
    ("all within each other", goes_round::<Page<Deep>>),
];

#[test]
fn a_value_comes_back_equal_or_is_refused_and_never_as_another() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let values = number("VALUES").unwrap_or(VALUES);
    let seed = number("SEED").unwrap_or_else(rand::random);
    println!("{values} values, SEED={seed}");
    let mut source = Source::new(seed);
    let (forms, mut all) = (forms(), Tally::default());
    let mut tallies: Vec<Tally> = TYPES.iter().map(|_| Tally::default()).collect();
    for at in 0..values {
        let at = at as usize % TYPES.len();
        TYPES[at].1(&mut source, &forms, &mut tallies[at]);
    }
    for ((name, _), tally) in TYPES.iter().zip(&tallies) {
        println!("{:>7} stored {:>7} refused  {name}", tally.stored, tally.refused);
        assert!(tally.stored > 0, "{name} is tested: {tally:?}");
        all.stored += tally.stored;
        all.refused += tally.refused;
    }
    assert!(all.refused > 0 && all.stored > all.refused, "{all:?}");
}
