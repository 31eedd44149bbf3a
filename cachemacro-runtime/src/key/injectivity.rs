//! Different arguments never make the same key, and equal ones always do, and so it is with images: over random pairs.
//!
//! `PAIRS=10000000 cargo test --release -p cachemacro-runtime --lib injectivity -- --nocapture` draws ten
//! million; `SEED=…` draws those of a failure again.

use std::env;

use cachemacro_derive::KeyPart as DeriveKeyPart;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::{Image, KeyBuf, KeyPart};

/// What an ordinary run draws.
const PAIRS: u64 = 20_000;

/// What text is made of: all that could be taken for what composites and templates write.
const TOKENS: [&str; 20] = [
    "", "a", "b", "%", "3A", "%3A", ":", ",", "/", "[", "]", "[]", "<", ">", "<none>", "none", "Leaf", "0",
    "-1", "\u{a0}",
];

/// Draws values. Both of a pair may be made of the same tokens, cut in other places.
struct Source {
    random: StdRng,
    tokens: Vec<&'static str>,
    at: usize,
    /// How many pairs had images to compare.
    images: u64,
}

impl Source {
    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound)
    }

    fn token(&mut self) -> &'static str {
        self.at += 1;
        if self.tokens.len() < self.at {
            let token = TOKENS[self.below(TOKENS.len())];
            self.tokens.push(token);
        }
        self.tokens[self.at - 1]
    }
}

trait Draw: KeyPart + PartialEq {
    fn draw(source: &mut Source) -> Self;
}

macro_rules! draw {
    ($([$($param:ident)?] $type:ty: |$source:ident| $value:expr),+ $(,)?) => {$(
        impl$(<$param: Draw>)? Draw for $type {
            fn draw($source: &mut Source) -> Self {
                $value
            }
        }
    )+};
}

#[derive(PartialEq, DeriveKeyPart)]
#[key_part(crate = crate)]
struct Name(String);

#[derive(PartialEq, DeriveKeyPart)]
#[key_part(crate = crate)]
struct Page<T> {
    of: T,
    number: u8,
}

#[derive(PartialEq, DeriveKeyPart)]
#[key_part(crate = crate)]
enum Tree<T> {
    Leaf,
    Text(T),
    List(Vec<T>),
    Pair { left: T, right: T },
}

#[derive(PartialEq, DeriveKeyPart)]
#[key_part(crate = crate)]
enum Order {
    Newest,
    By(String),
    Between { first: u8, last: Option<u8> },
}

/// `<…:hash>`
struct Hashed<T>(T);

impl<T: PartialEq> PartialEq for Hashed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Serialize> KeyPart for Hashed<T> {
    type Form = Self;

    fn write(&self, key: &mut KeyBuf) {
        key.push_hash(&self.0);
    }
}

draw! {
    [] u8: |source| source.below(3) as u8,
    [] i64: |source| source.below(4) as i64 - 2,
    [] bool: |source| source.below(2) == 0,
    [] char: |source| [':', ',', 'a', '0', '%'][source.below(5)],
    [] String: |source| (0..source.below(4)).map(|_| source.token()).collect(),
    [] Name: |source| Name(String::draw(source)),
    [T] Option<T>: |source| (source.below(3) > 0).then(|| T::draw(source)),
    [T] Vec<T>: |source| (0..source.below(4)).map(|_| T::draw(source)).collect(),
    [] Order: |source| match source.below(3) {
        0 => Order::Newest,
        1 => Order::By(String::draw(source)),
        _ => Order::Between { first: u8::draw(source), last: Option::draw(source) },
    },
    [T] Page<T>: |source| Page { of: T::draw(source), number: u8::draw(source) },
    [T] Tree<T>: |source| match source.below(4) {
        0 => Tree::Leaf,
        1 => Tree::Text(T::draw(source)),
        2 => Tree::List(Vec::draw(source)),
        _ => Tree::Pair { left: T::draw(source), right: T::draw(source) },
    },
}

impl<A: Draw, B: Draw> Draw for (A, B) {
    fn draw(source: &mut Source) -> Self {
        (A::draw(source), B::draw(source))
    }
}

impl<T: Draw + Serialize> Draw for Hashed<T> {
    fn draw(source: &mut Source) -> Self {
        Self(T::draw(source))
    }
}

/// Draws a pair of arguments of a function `(a: A, b: B, c: C)` with the key `k:<a>,<b>/<c>`.
fn pair<A: Draw, B: Draw, C: Draw>(source: &mut Source) -> bool {
    source.tokens.clear();
    let draw = |source: &mut Source| {
        source.at = 0;
        (A::draw(source), B::draw(source), C::draw(source))
    };
    let (first, second) = match source.below(24) {
        // The very same draws again: equal arguments.
        0 => {
            let seed = source.random.random();
            let mut seeded = || {
                let outer = std::mem::replace(&mut source.random, StdRng::seed_from_u64(seed));
                source.tokens.clear();
                let drawn = draw(source);
                source.random = outer;
                drawn
            };
            (seeded(), seeded())
        }
        1..8 => {
            let first = draw(source);
            source.tokens.clear();
            (first, draw(source))
        }
        _ => (draw(source), draw(source)),
    };
    let key = |(a, b, c): &(A, B, C)| {
        let mut key = KeyBuf::new();
        key.push_raw("k:");
        a.write(&mut key);
        key.push_raw(",");
        b.write(&mut key);
        key.push_raw("/");
        c.write(&mut key);
        key
    };
    let image = |(a, b, c): &(A, B, C)| {
        let mut image = Image::new();
        a.image(&mut image);
        b.image(&mut image);
        c.image(&mut image);
        image.words()
    };
    let (ours, theirs) = (key(&first), key(&second));
    let is_equal = first == second;
    let images = (image(&first), image(&second));
    if let (Some(our_image), Some(their_image)) = images {
        assert_eq!(is_equal, our_image == their_image, "the images of {ours:?} and {theirs:?}");
        source.images += 1;
    }
    assert_eq!(
        is_equal,
        ours.as_str() == theirs.as_str(),
        "{ours:?} and {theirs:?}, of equal arguments: {is_equal}"
    );
    is_equal
}

type Signature = fn(&mut Source) -> bool;

const SIGNATURES: [Signature; 14] = [
    pair::<String, String, String>,
    pair::<Option<String>, Option<Option<String>>, Option<Option<Option<u8>>>>,
    pair::<Vec<String>, Vec<Vec<String>>, Vec<Option<String>>>,
    pair::<(String, String), (String, (String, u8)), ((Option<String>, String), bool)>,
    pair::<Tree<String>, Option<Tree<Name>>, Vec<Tree<String>>>,
    pair::<Page<String>, Page<Vec<String>>, Option<Page<Option<Name>>>>,
    pair::<u8, i64, (char, char)>,
    pair::<Vec<u8>, Vec<Vec<Vec<bool>>>, Vec<(char, String)>>,
    pair::<Hashed<(String, String)>, Hashed<Vec<Vec<String>>>, Hashed<Option<Vec<Option<String>>>>>,
    pair::<Option<Name>, Tree<Tree<Option<String>>>, Hashed<(Vec<String>, Vec<String>)>>,
    pair::<Option<String>, Option<Name>, (bool, String)>,
    pair::<Option<Option<u8>>, Page<String>, Option<bool>>,
    pair::<(i64, Option<i64>), char, Option<u8>>,
    pair::<Order, Option<Order>, Page<Option<Order>>>,
];

#[test]
fn different_arguments_make_different_keys_and_equal_ones_equal_keys() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let pairs = number("PAIRS").unwrap_or(PAIRS);
    let seed = number("SEED").unwrap_or_else(rand::random);
    println!("{pairs} pairs, SEED={seed}");
    let mut source = Source { random: StdRng::seed_from_u64(seed), tokens: Vec::new(), at: 0, images: 0 };
    let mut equal = 0;
    for at in 0..pairs {
        equal += u64::from(SIGNATURES[at as usize % SIGNATURES.len()](&mut source));
    }
    println!("{equal} of them were equal");
    assert!(equal > pairs / 100, "equal arguments are tested too: {equal} of {pairs}");
    assert!(equal < pairs / 2);
    println!("{} of them had images", source.images);
    assert!(source.images > pairs / 10, "images are tested too: {} of {pairs}", source.images);
}
