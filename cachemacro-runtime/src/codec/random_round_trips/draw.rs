//! Random values of the types that others are made of.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Text that could be taken for a name, a number, or nothing.
const TEXTS: [&str; 12] = [
    "",
    "id",
    "kind",
    "of",
    "name",
    "Made",
    "1",
    "null",
    "true",
    "\u{1F600}\0",
    "a b",
    "999999999999999999999",
];

pub(super) struct Source {
    random: StdRng,
    depth: usize,
}

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), depth: 0 }
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound)
    }

    /// How many there are of something: fewer, the deeper it is.
    fn few(&mut self) -> usize {
        let bound = 4_usize.saturating_sub(self.depth) + 1;
        self.below(bound)
    }

    pub(super) fn within<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let drawn = draw(self);
        self.depth -= 1;
        drawn
    }
}

pub(super) trait Draw {
    fn draw(source: &mut Source) -> Self;
}

macro_rules! draw {
    ($([$($param:ident)*] $type:ty: |$source:ident| $value:expr),+ $(,)?) => {$(
        impl<$($param: Draw),*> Draw for $type {
            fn draw($source: &mut Source) -> Self {
                $value
            }
        }
    )+};
}

macro_rules! numbers {
    ($($type:ident)+) => {$(
        impl Draw for $type {
            fn draw(source: &mut Source) -> Self {
                match source.below(4) {
                    0 => <$type>::MAX,
                    1 => <$type>::MIN,
                    2 => source.random.random(),
                    _ => source.random.random_range(0..4) as $type,
                }
            }
        }
    )+};
}

numbers!(u8 u16 u32 u64 i8 i32 i64);

draw! {
    [] bool: |source| source.below(2) == 0,
    [] char: |source| ['a', '1', '\0', '\u{1F600}'][source.below(4)],
    [] f64: |source| match source.below(6) {
        0 => f64::INFINITY,
        1 => f64::from(u8::draw(source)),
        2 => 0.1 + 0.2,
        3 => f64::MAX,
        4 => -0.0,
        _ => f64::from_bits(source.random.random_range(0..f64::INFINITY.to_bits())),
    },
    [] String: |source| match source.below(8) {
        0 => "again ".repeat(source.below(400)),
        _ => TEXTS[source.below(TEXTS.len())].to_owned(),
    },
    [] (): |_source| (),
    [T] Option<T>: |source| (source.below(3) > 0).then(|| T::draw(source)),
    [T] Box<T>: |source| Self::new(T::draw(source)),
    [T] Vec<T>: |source| source.within(|source| (0..source.few()).map(|_| T::draw(source)).collect()),
    [A B] (A, B): |source| (A::draw(source), B::draw(source)),
    [A B C] (A, B, C): |source| (A::draw(source), B::draw(source), C::draw(source)),
    [A B] Result<A, B>: |source| if source.below(2) == 0 { Ok(A::draw(source)) } else { Err(B::draw(source)) },
    [T] BTreeMap<String, T>: |source| {
        source.within(|source| (0..source.few()).map(|_| (String::draw(source), T::draw(source))).collect())
    },
    [T] HashMap<u8, T>: |source| {
        source.within(|source| (0..source.few()).map(|_| (u8::draw(source), T::draw(source))).collect())
    },
    [] Cow<'static, str>: |source| match source.below(2) {
        0 => Cow::Borrowed(TEXTS[source.below(TEXTS.len())]),
        _ => Cow::Owned(String::draw(source)),
    },
}
