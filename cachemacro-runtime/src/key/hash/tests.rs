//! What is hashed differs wherever values do.

use super::*;
use std::collections::{BTreeMap, HashMap};

fn hash<T: Serialize + ?Sized>(value: &T) -> String {
    let mut key = KeyBuf::new();
    push(value, &mut key);
    assert!(!key.is_unusable());
    key.as_str().to_owned()
}

/// Encodings, not their hashes: what the hash is given must differ already.
fn assert_all_differ(encodings: Vec<Vec<u8>>) {
    let (mut sorted, count) = (encodings.clone(), encodings.len());
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), count, "{encodings:?}");
}

macro_rules! encodings {
    ($($value:expr),+ $(,)?) => { vec![$(encoded(&$value, Lists::Ordered).unwrap()),+] };
}

#[derive(serde::Serialize)]
enum Kind {
    A,
    B,
    C(u8),
    D { a: u8 },
    E { b: u8 },
    F(u8, u8),
}

#[test]
fn a_hash_is_128_bits_of_lower_case_hexadecimal_digits() {
    let hash = hash("a");
    assert_eq!(hash.len(), 32);
    assert!(hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{hash}");
    // It is stored in other processes: it stays what it is.
    assert_eq!(hash, expected_of_a());
}

fn expected_of_a() -> String {
    let mut bytes = vec![VERSION, Tag::Str as u8];
    bytes.extend_from_slice(&1_u64.to_le_bytes());
    bytes.push(b'a');
    blake3::hash(&bytes).to_hex()[..32].to_owned()
}

#[test]
fn values_of_different_kinds_differ() {
    assert_all_differ(encodings![
        1_u8,
        1_u16,
        1_u32,
        1_u64,
        1_u128,
        1_i8,
        1_i16,
        1_i32,
        1_i64,
        1_i128,
        1_f32,
        1_f64,
        "1",
        '1',
        true,
        (),
        None::<u8>,
        Some(1_u8),
        Some(Some(1_u8)),
        Some(None::<u8>),
        vec![1_u8],
        (1_u8,),
        Vec::<u8>::new(),
        Kind::A,
        Kind::B,
        Kind::C(1),
        Kind::D { a: 1 },
        Kind::E { b: 1 },
        Kind::F(1, 1),
    ]);
}

#[test]
fn text_does_not_run_from_one_item_into_the_next() {
    assert_all_differ(encodings![
        ("ab", "c"),
        ("a", "bc"),
        ("abc", ""),
        ("", "abc"),
        vec!["ab", "c"],
        vec!["a", "bc"],
        vec!["abc"],
    ]);
    assert_all_differ(encodings![
        vec![vec![1_u8], vec![]],
        vec![vec![], vec![1]],
        vec![vec![1]],
        vec![Vec::<u8>::new(), vec![], vec![1]],
    ]);
}

#[test]
fn maps_hash_alike_in_any_order_and_differ_by_what_is_in_them() {
    let forward: HashMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
    let backward: BTreeMap<u32, u32> = (0..100).rev().map(|n| (n, n * n)).collect();
    assert_eq!(hash(&forward), hash(&backward));
    let map = |entries: &[(&str, &str)]| -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    assert_all_differ(encodings![
        map(&[]),
        map(&[("a", "b")]),
        map(&[("b", "a")]),
        map(&[("ab", "")]),
        map(&[("", "ab")]),
        map(&[("a", "b"), ("c", "d")]),
        map(&[("a", "d"), ("c", "b")]),
        vec![("a", "b")],
    ]);
    let nested = |inner: &[(&str, &str)]| BTreeMap::from([(1_u8, map(inner))]);
    assert_all_differ(encodings![
        nested(&[]),
        nested(&[("a", "b")]),
        BTreeMap::from([(1_u8, map(&[])), (2, map(&[("a", "b")]))]),
        BTreeMap::from([(2_u8, map(&[])), (1, map(&[("a", "b")]))]),
    ]);
}

#[test]
fn fields_go_by_their_names() {
    #[derive(serde::Serialize)]
    struct Old {
        a: u8,
        b: u8,
    }
    #[derive(serde::Serialize)]
    struct New {
        a: u8,
        c: u8,
    }
    assert_all_differ(encodings![Old { a: 1, b: 2 }, New { a: 1, c: 2 }, Old { a: 2, b: 1 }]);
}

#[test]
fn equal_floats_hash_alike() {
    assert_eq!(hash(&-0.0_f64), hash(&0.0_f64));
    assert_eq!(hash(&-0.0_f32), hash(&0.0_f32));
    assert_eq!(hash(&f64::NAN), hash(&-f64::NAN));
    assert_ne!(hash(&1.5_f64), hash(&1.25_f64));
}

#[test]
fn a_value_that_does_not_serialize_makes_the_key_unusable() {
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("no"))
        }
    }
    let mut key = KeyBuf::new();
    push(&vec![Stubborn], &mut key);
    assert!(key.is_unusable());
}

#[test]
fn what_is_written_alike_is_of_the_same_kinds_in_any_order_of_its_lists() {
    use super::is_written_alike;
    assert!(is_written_alike(&(1_u8, "a", [1, 2]), &(1_u8, "a", [1, 2])));
    assert!(is_written_alike(&vec![vec![2], vec![1, 3]], &vec![vec![3, 1], vec![2]]));
    assert!(!is_written_alike(&vec![vec![1], vec![2, 3]], &vec![vec![1, 2], vec![3]]));
    assert!(!is_written_alike(&(1, 2), &(2, 1)), "a tuple is no list");
    assert!(!is_written_alike::<serde_json::Value>(&1.into(), &1.0.into()));
}
