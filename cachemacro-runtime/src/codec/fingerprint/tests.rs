//! Pairs of types, and whether their shapes are one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU64};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::*;

fn shape<V: DeserializeOwned + 'static>() -> [u64; 2] {
    [of::<V>(false).hash, of::<V>(true).hash]
}

/// Types that are written down here, each in a module of its own, so that two may have one name.
macro_rules! shapes {
    ($($module:ident { $($item:item)+ })+) => {$(
        #[allow(dead_code)]
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(#[derive(Deserialize)] $item)+
        }
    )+};
}

macro_rules! pairs {
    ($name:ident: $verdict:ident { $($what:literal: $left:ty, $right:ty;)+ }) => {
        #[test]
        fn $name() {
            $(
                for (ours, theirs) in shape::<$left>().into_iter().zip(shape::<$right>()) {
                    assert_eq!(ours == theirs, $verdict, "{}: {} and {}", $what, stringify!($left), stringify!($right));
                }
            )+
        }
    };
}

const SAME: bool = true;
const DIFFERENT: bool = false;

shapes! {
    base { pub(super) struct User { id: u64, name: String } }
    moved { pub(super) struct User { id: u64, name: String } }
    retitled { pub(super) struct Person { id: u64, name: String } }
    renamed { pub(super) struct User { id: u64, title: String } }
    reordered { pub(super) struct User { name: String, id: u64 } }
    added { pub(super) struct User { id: u64, name: String, age: u8 } }
    removed { pub(super) struct User { id: u64 } }
    retyped { pub(super) struct User { id: u32, name: String } }
    swapped { pub(super) struct User { id: String, name: u64 } }
    optional { pub(super) struct User { id: u64, name: Option<String> } }
    by_attribute { pub(super) struct User { id: u64, #[serde(rename = "name")] title: String } }
    renamed_by_attribute { pub(super) struct User { id: u64, #[serde(rename = "title")] name: String } }
    all_renamed { #[serde(rename_all = "UPPERCASE")] pub(super) struct User { id: u64, name: String } }
    with_default { pub(super) struct User { id: u64, #[serde(default)] name: String } }
    with_alias { pub(super) struct User { id: u64, #[serde(alias = "title")] name: String } }
    with_skipped { pub(super) struct User { id: u64, name: String, #[serde(skip)] cached: u8 } }
    boxed { pub(super) struct User { id: Box<u64>, name: Arc<str> } }
    strict { #[serde(deny_unknown_fields)] pub(super) struct User { id: u64, name: String } }
    with_phantom { pub(super) struct User { id: u64, name: String, of: PhantomData<u8> } }
    transparent { #[serde(transparent)] pub(super) struct User { id: u64 } }
    new { pub(super) struct User(u64); }
    pair { pub(super) struct User(u64, String); }
    pair_swapped { pub(super) struct User(String, u64); }
    unit { pub(super) struct User; }
    shared { pub(super) struct User { id: u64, home: Address, work: Address } pub(super) struct Address { street: String } }
    split { pub(super) struct User { id: u64, home: Address, work: Place } pub(super) struct Address { street: String } pub(super) struct Place { street: String } }
    split_apart { pub(super) struct User { id: u64, home: Address, work: Place } pub(super) struct Address { street: String } pub(super) struct Place { street: Option<String> } }
    inner { pub(super) struct Address { street: String, code: u32 } }
    inner_changed { pub(super) struct Address { street: String, code: String } }
    colors { pub(super) enum Color { Red, Green, Blue } }
    colors_again { pub(super) enum Paint { Red, Green, Blue } }
    colors_renamed { pub(super) enum Color { Red, Green, Cyan } }
    colors_reordered { pub(super) enum Color { Green, Red, Blue } }
    colors_added { pub(super) enum Color { Red, Green, Blue, White } }
    colors_by_attribute { #[serde(rename_all = "lowercase")] pub(super) enum Color { Red, Green, Blue } }
    forms { pub(super) enum Form { Unit, New(u64), Pair(u64, String), Named { id: u64, name: String } } }
    forms_unit { pub(super) enum Form { Unit(u8), New(u64), Pair(u64, String), Named { id: u64, name: String } } }
    forms_new { pub(super) enum Form { Unit, New(u32), Pair(u64, String), Named { id: u64, name: String } } }
    forms_pair { pub(super) enum Form { Unit, New(u64), Pair(u64, u64), Named { id: u64, name: String } } }
    forms_named { pub(super) enum Form { Unit, New(u64), Pair(u64, String), Named { id: u64, title: String } } }
    forms_last { pub(super) enum Form { Unit, New(u64), Pair(u64, String), Named { id: u64, name: u8 } } }
    tree { pub(super) struct Tree { value: u64, children: Vec<Tree> } }
    tree_again { pub(super) struct Node { value: u64, children: Vec<Node> } }
    tree_changed { pub(super) struct Tree { value: u32, children: Vec<Tree> } }
    tree_after { pub(super) struct Tree { children: Vec<Tree>, value: u32 } }
    tree_unrolled { pub(super) struct Tree { value: u64, children: Vec<Inner> } pub(super) struct Inner { value: u64, children: Vec<Tree> } }
    list { pub(super) struct List { next: Option<Box<List>>, value: u8 } }
    list_changed { pub(super) struct List { next: Option<Box<List>>, value: i8 } }
    mutual { pub(super) struct A { b: Option<Box<B>>, x: u8 } pub(super) struct B { a: Option<Box<A>>, y: u8 } }
    mutual_changed { pub(super) struct A { b: Option<Box<B>>, x: u8 } pub(super) struct B { a: Option<Box<A>>, y: u16 } }
    bare_tree { #[serde(transparent)] pub(super) struct Tree { children: Vec<Tree> } }
    deep { pub(super) struct Deep { first: (uuid::Uuid, NonZeroU8), last: Last } pub(super) struct Last { at: [Inner; 32] } pub(super) struct Inner { x: u8 } }
    deep_changed { pub(super) struct Deep { first: (uuid::Uuid, NonZeroU8), last: Last } pub(super) struct Last { at: [Inner; 32] } pub(super) struct Inner { x: u16 } }
    expr { pub(super) enum Expr { Neg(Box<Expr>), Add(Box<Expr>, Box<Expr>), Number(u64) } }
    expr_changed { pub(super) enum Expr { Neg(Box<Expr>), Add(Box<Expr>, Box<Expr>), Number(u32) } }
    converted { #[serde(from = "base::User")] pub(super) struct User { pub(super) other: u8 } }
    tried { #[serde(try_from = "String")] pub(super) struct Mail { pub(super) text: String } }
    by_function { pub(super) struct Flag { #[serde(deserialize_with = "as_text")] on: bool } }
    flag { pub(super) struct Flag { on: bool } }
    tagged { #[serde(tag = "kind")] pub(super) enum Event { Made { id: u64 }, Gone } }
    tagged_other { #[serde(tag = "kind")] pub(super) enum Other { Made { id: u64 }, Gone } }
    adjacent { #[serde(tag = "kind", content = "of")] pub(super) enum Event { Made { id: u64 }, Gone } }
    untagged { #[serde(untagged)] pub(super) enum Event { Made { id: u64 }, Gone(u8) } }
    flattened { pub(super) struct Page { number: u64, #[serde(flatten)] rest: Rest } pub(super) struct Rest { size: u64 } }
    wide { pub(super) struct Wide { a: [u8; 32], b: (u8, u16, u32), c: HashMap<String, Vec<Option<NonZeroU64>>> } }
    wide_changed { pub(super) struct Wide { a: [u8; 32], b: (u8, u16, u32), c: HashMap<String, Vec<Option<u64>>> } }
    generic { pub(super) struct Of<T> { value: T, more: Vec<T> } }
    generic_changed { pub(super) struct Of<T> { value: T, more: Option<T> } }
}

impl From<base::User> for converted::User {
    fn from(_: base::User) -> Self {
        Self { other: 0 }
    }
}

impl TryFrom<String> for tried::Mail {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.contains('@') { Ok(Self { text }) } else { Err("no mail address") }
    }
}

fn as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    String::deserialize(deserializer).map(|text| text == "on")
}

/// Accepts no made-up value.
#[derive(Debug)]
struct Picky;

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "open sesame" => Ok(Self),
            _ => Err(de::Error::custom("closed")),
        }
    }
}

/// Panics at all of them.
#[derive(Debug)]
struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        assert_eq!(text, "open sesame");
        Ok(Self)
    }
}

pairs! { one_shape_under_another_name: SAME {
    "another module": base::User, moved::User;
    "another name": base::User, retitled::Person;
    "the name in serde": base::User, by_attribute::User;
    "a default": base::User, with_default::User;
    "a field that is skipped": base::User, with_skipped::User;
    "in boxes": base::User, boxed::User;
    "strictness": base::User, strict::User;
    "transparent": u64, Box<u64>;
    "from another": base::User, converted::User;
    "variants of another name": colors::Color, colors_again::Paint;
    "recursion": tree::Tree, tree_again::Node;
    "recursion, unrolled once": tree::Tree, tree_unrolled::Tree;
    "one type twice, or two alike": shared::User, split::User;
    "pointers": Vec<u64>, Arc<Vec<Box<u64>>>;
    "text": String, Cow<'static, str>;
    "text in a box": String, Box<str>;
    "text in an Arc": String, Arc<str>;
    "tuples": (u8, (u16,)), (Box<u8>, (u16,));
    "a mail is text": tried::Mail, String;
    "recursion, unrolled without a name": bare_tree::Tree, Vec<bare_tree::Tree>;
    "generics": generic::Of<u8>, generic::Of<Box<u8>>;
} }

pairs! { fields_are_told_apart: DIFFERENT {
    "renamed": base::User, renamed::User;
    "reordered": base::User, reordered::User;
    "added": base::User, added::User;
    "removed": base::User, removed::User;
    "retyped": base::User, retyped::User;
    "types swapped": base::User, swapped::User;
    "made optional": base::User, optional::User;
    "renamed in serde": base::User, renamed_by_attribute::User;
    "all renamed in serde": base::User, all_renamed::User;
    "an alias": base::User, with_alias::User;
    "a phantom": base::User, with_phantom::User;
    "no names": base::User, pair::User;
    "of a pair swapped": pair::User, pair_swapped::User;
    "a struct of one": removed::User, transparent::User;
    "a newtype": removed::User, new::User;
    "a unit": new::User, unit::User;
    "a type that was another": shared::User, split_apart::User;
    "a newtype and its inside": new::User, u64;
    "a function decides": by_function::Flag, flag::Flag;
} }

pairs! { variants_are_told_apart: DIFFERENT {
    "renamed": colors::Color, colors_renamed::Color;
    "reordered": colors::Color, colors_reordered::Color;
    "added": colors::Color, colors_added::Color;
    "renamed in serde": colors::Color, colors_by_attribute::Color;
    "a unit that holds something": forms::Form, forms_unit::Form;
    "another content": forms::Form, forms_new::Form;
    "another element": forms::Form, forms_pair::Form;
    "another field": forms::Form, forms_named::Form;
    "another field's type": forms::Form, forms_last::Form;
    "tags beside": colors::Color, adjacent::Event;
    "tags within and beside": tagged::Event, adjacent::Event;
    "no tags": tagged::Event, untagged::Event;
    "tagged, of another name": tagged::Event, tagged_other::Other;
} }

pairs! { what_is_within_is_told_apart: DIFFERENT {
    "in a Vec": Vec<inner::Address>, Vec<inner_changed::Address>;
    "in an Option": Option<inner::Address>, Option<inner_changed::Address>;
    "in a Box": Box<inner::Address>, Box<inner_changed::Address>;
    "in a map": HashMap<String, inner::Address>, HashMap<String, inner_changed::Address>;
    "in the key of a map": BTreeMap<u8, u64>, BTreeMap<u16, u64>;
    "in a set": BTreeSet<u8>, BTreeSet<i8>;
    "in a tuple": (u8, inner::Address), (u8, inner_changed::Address);
    "in a Result": Result<u8, inner::Address>, Result<u8, inner_changed::Address>;
    "in the argument of a generic": generic::Of<inner::Address>, generic::Of<inner_changed::Address>;
    "in a generic": generic::Of<u8>, generic_changed::Of<u8>;
    "in an array": [inner::Address; 32], [inner_changed::Address; 32];
    "the length of an array": [u8; 31], [u8; 32];
    "in recursion": tree::Tree, tree_changed::Tree;
    "the order in recursion": tree_changed::Tree, tree_after::Tree;
    "behind recursion": list::List, list_changed::List;
    "in mutual recursion": mutual::A, mutual_changed::A;
    "in mutual recursion, from within": mutual::B, mutual_changed::B;
    "in a variant that recursion is before": expr::Expr, expr_changed::Expr;
    "far down": deep::Deep, deep_changed::Deep;
    "in all of these": wide::Wide, wide_changed::Wide;
    "an Option more": Option<Option<u8>>, Option<u8>;
    "a Vec more": Vec<Vec<u8>>, Vec<u8>;
} }

pairs! { leaves_are_told_apart: DIFFERENT {
    "signs": u32, i32;
    "widths": u32, u64;
    "wide": u128, i128;
    "floats": f32, f64;
    "a float and a number": f64, u64;
    "text and a character": String, char;
    "text and numbers": String, u64;
    "bytes and text": Vec<u8>, String;
    "a unit": (), u8;
    "a truth": bool, u8;
    "not zero": u8, NonZeroU8;
    "addresses": IpAddr, Ipv4Addr;
    "addresses with ports": IpAddr, SocketAddr;
    "durations": Duration, u64;
    "ids": uuid::Uuid, String;
    "dates": chrono::NaiveDate, chrono::NaiveDateTime;
    "times": time::Date, time::OffsetDateTime;
    "two crates' dates": time::Date, chrono::NaiveDate;
    "urls": url::Url, uuid::Uuid;
} }

pairs! { what_is_around_types_that_reject_made_up_values_is_told_apart: DIFFERENT {
    "ids": (uuid::Uuid, u8), (uuid::Uuid, u16);
    "not zero": (NonZeroU8, NonZeroU64, u8), (NonZeroU8, NonZeroU64, u16);
    "dates": (chrono::NaiveDate, u8), (chrono::NaiveDate, u16);
    "dates with times": (chrono::DateTime<chrono::Utc>, u8), (chrono::DateTime<chrono::Utc>, u16);
    "urls": (url::Url, u8), (url::Url, u16);
    "addresses": (IpAddr, SocketAddr, u8), (IpAddr, SocketAddr, u16);
    "times": (time::Date, time::OffsetDateTime, u8), (time::Date, time::OffsetDateTime, u16);
    "durations": (Duration, u8), (Duration, u16);
    "arrays": ([u8; 32], u8), ([u8; 32], u16);
    "in keys": HashMap<uuid::Uuid, u8>, HashMap<uuid::Uuid, u16>;
    "what is tried": (tried::Mail, u8), (tried::Mail, u16);
    "variants": (expr::Expr, u8), (expr::Expr, u16);
    "structs": (deep::Deep, u8), (deep::Deep, u16);
} }

fn blind_spots<V: DeserializeOwned + 'static>() -> Vec<String> {
    of::<V>(false).blind_spots.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_seen_in_whole_has_no_blind_spot() {
    assert_eq!(blind_spots::<deep::Deep>(), [""; 0]);
    assert_eq!(blind_spots::<expr::Expr>(), [""; 0]);
    assert_eq!(blind_spots::<mutual::A>(), [""; 0]);
    assert_eq!(
        blind_spots::<HashMap<uuid::Uuid, (chrono::NaiveDate, url::Url, time::Date, IpAddr)>>(),
        [""; 0]
    );
}

#[test]
fn blind_spots_are_named_by_their_paths() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Account {
        id: u64,
        events: Vec<untagged::Event>,
        pages: HashMap<String, flattened::Page>,
        picky: (Picky, u8),
        fine: u8,
    }
    assert_eq!(
        blind_spots::<Account>(),
        [
            "`Account.events[]` takes what it is from the data; when it changes, change `version`",
            "`Account.pages{}` is flattened, so that its fields are not seen; when it changes, change `version`",
            "`Account.picky.1` is decided by its own Deserialize; when it changes, change `version`",
        ]
    );
}

#[test]
fn a_type_that_panics_at_made_up_values_is_a_blind_spot() {
    assert_eq!(blind_spots::<(Panics, u8)>().len(), 1);
    assert_ne!(shape::<(u8, Panics)>(), shape::<(u16, Panics)>());
}

#[test]
fn a_fingerprint_takes_a_pass_for_each_part_and_is_taken_once() {
    let began = Instant::now();
    let fingerprint = take::<deep::Deep>(false);
    let took = began.elapsed();
    assert!(fingerprint.passes < 30, "{} passes", fingerprint.passes);
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert!(std::ptr::eq(of::<deep::Deep>(false), of::<deep::Deep>(false)));
    println!("{} passes, {took:?}", fingerprint.passes);
}

/// Types of which each holds all others: paths without end, and a few passes.
#[test]
fn passes_grow_with_the_types_and_not_with_the_paths() {
    macro_rules! web {
        ($($name:ident)+) => { web!(@ [$($name)+] $($name)+); };
        (@ $all:tt $($name:ident)+) => { $( web!(= $name $all); )+ };
        (= $name:ident [$($all:ident)+]) => {
            #[derive(Deserialize)]
            #[allow(dead_code, non_snake_case)]
            struct $name { $($all: Option<Box<$all>>),+ }
        };
    }
    web!(A B C D E F G H I J K L);
    let fingerprint = take::<A>(false);
    assert!(fingerprint.passes < 400, "{} passes", fingerprint.passes);
    assert_eq!(fingerprint.blind_spots, []);
}

#[test]
fn too_much_is_a_blind_spot_and_ends() {
    let fingerprint = take::<Endless>(false);
    assert!(!fingerprint.blind_spots.is_empty());
}

/// Asks for something that it has never asked for.
#[derive(Debug)]
struct Endless;

impl<'de> Deserialize<'de> for Endless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(1_000_000_000, Nothing)
    }
}

struct Nothing;

impl<'de> de::Visitor<'de> for Nothing {
    type Value = Endless;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a thousand million")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut elements: A) -> Result<Endless, A::Error> {
        while elements.next_element::<u8>()?.is_some() {}
        Ok(Endless)
    }
}
