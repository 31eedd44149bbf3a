//! Many keys at once, odd keys, and listing them.

use std::collections::BTreeSet;

use super::{Bench, name_cases, new_lease};
use crate::store::{Ask, Found, Pattern, Scan, Verdict};

/// More pages than any scan of the suite's own keys on a server in use.
const PAGES_MAX: usize = 1_000_000;

name_cases![
    a_batch_is_answered_in_order,
    a_key_that_is_asked_twice_in_a_batch_leads_once,
    an_empty_batch_has_no_answers,
    a_batch_of_a_thousand_keys_leads_them_all,
    many_keys_are_read_in_order_and_left_as_they_are,
    a_read_without_a_lease_takes_none,
    a_read_without_a_lease_does_not_wait_for_one,
    keys_are_any_bytes,
    a_scan_lists_values_and_leases_that_match_across_pages,
    a_pattern_of_a_scan_may_be_literal,
];

async fn a_batch_is_answered_in_order(bench: &Bench<'_>) {
    let keys: Vec<Vec<u8>> = (0..40).map(|at| bench.key(format!("{at}"))).collect();
    for (at, key) in keys.iter().enumerate() {
        match at % 4 {
            0 => drop(bench.put(key, format!("payload {at}").as_bytes()).await),
            1 => drop(bench.lead(key).await),
            _ => {}
        }
    }
    let asks: Vec<Ask<'_>> =
        keys.iter().enumerate().map(|(at, key)| Ask { key, lease: (at % 4 != 3).then(new_lease) }).collect();
    let all = bench.store.lookup(&asks).await;
    assert_eq!(all.len(), asks.len());
    for (at, found) in all.into_iter().enumerate() {
        match (at % 4, found) {
            (0, Found::Hit(entry)) => assert_eq!(&entry.payload[..], format!("payload {at}").as_bytes()),
            (1, Found::Busy) | (2, Found::Lead) | (3, Found::Absent) => {}
            (_, found) => panic!("key {at}: {found:?}"),
        }
    }
}

async fn a_key_that_is_asked_twice_in_a_batch_leads_once(bench: &Bench<'_>) {
    let (key, other) = (bench.key("k"), bench.key("other"));
    let ask = |key| Ask { key, lease: Some(new_lease()) };
    let asks = [ask(&key[..]), ask(&other[..]), ask(&key[..])];
    let all = bench.store.lookup(&asks).await;
    assert!(matches!(&all[..], [Found::Lead, Found::Lead, Found::Busy]), "{all:?}");
    let first = asks[0].lease.map(|lease| lease.token).expect("a lease was asked for");
    assert_eq!(bench.release(&key, first).await, Verdict::Accepted, "the first of the two holds it");
}

async fn an_empty_batch_has_no_answers(bench: &Bench<'_>) {
    assert!(bench.store.lookup(&[]).await.is_empty());
}

async fn a_batch_of_a_thousand_keys_leads_them_all(bench: &Bench<'_>) {
    let keys: Vec<Vec<u8>> = (0..1_000).map(|at| bench.key(format!("{at}"))).collect();
    let asks: Vec<Ask<'_>> = keys.iter().map(|key| Ask { key, lease: Some(new_lease()) }).collect();
    let all = bench.store.lookup(&asks).await;
    assert_eq!(all.iter().filter(|found| matches!(found, Found::Lead)).count(), 1_000);
}

async fn many_keys_are_read_in_order_and_left_as_they_are(bench: &Bench<'_>) {
    let keys: Vec<Vec<u8>> = (0..40).map(|at| bench.key(format!("{at}"))).collect();
    let mut led = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        match at % 3 {
            0 => drop(bench.put(key, format!("payload {at}").as_bytes()).await),
            1 => led.push((key, bench.lead(key).await)),
            _ => {}
        }
    }
    let read: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let all = bench.store.read_many(&read).await;
    assert_eq!(all.len(), keys.len());
    for (at, found) in all.into_iter().enumerate() {
        match (at % 3, found) {
            (0, Found::Hit(entry)) => assert_eq!(&entry.payload[..], format!("payload {at}").as_bytes()),
            (1 | 2, Found::Absent) => {}
            (_, found) => panic!("key {at}: {found:?}"),
        }
    }
    for (key, token) in led {
        assert_eq!(bench.release(key, token).await, Verdict::Accepted, "the lease is still held");
    }
    bench.lead(&keys[2]).await;
    assert!(bench.store.read_many(&[]).await.is_empty());
}

async fn a_read_without_a_lease_takes_none(bench: &Bench<'_>) {
    let key = bench.key("k");
    assert!(matches!(bench.read(&key).await, Found::Absent));
    bench.lead(&key).await;
}

async fn a_read_without_a_lease_does_not_wait_for_one(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    assert!(matches!(bench.read(&key).await, Found::Absent));
    assert_eq!(bench.release(&key, token).await, Verdict::Accepted, "the lease is still held");
}

async fn keys_are_any_bytes(bench: &Bench<'_>) {
    let long = [b'k'; 200];
    let names: [&[u8]; 10] = [
        b"",
        b" with spaces ",
        b"lines\r\nof\ntext",
        b"\0",
        b"\xff\xfe not utf-8",
        b"{braces}",
        b"*?[a-z]\\",
        b"\"quotes\"",
        "\u{1f980}".as_bytes(),
        &long,
    ];
    for (at, name) in names.iter().enumerate() {
        bench.put(&bench.key(name), &[at as u8]).await;
    }
    for (at, name) in names.iter().enumerate() {
        let key = bench.key(name);
        assert_eq!(&bench.hit(&key).await.payload[..], &[at as u8], "{:?}", String::from_utf8_lossy(name));
        assert_eq!(bench.invalidate(&key).await, 1, "{:?}", String::from_utf8_lossy(name));
    }
}

async fn a_scan_lists_values_and_leases_that_match_across_pages(bench: &Bench<'_>) {
    if !bench.store.capabilities().scan {
        return;
    }
    let mut expected = BTreeSet::new();
    for at in 0..300 {
        let key = bench.key(format!("yes:{at}"));
        match at % 2 {
            0 => drop(bench.put(&key, b"v").await),
            _ => drop(bench.lead(&key).await),
        }
        expected.insert(key);
        bench.put(&bench.key(format!("no:{at}")), b"v").await;
    }
    let glob = format!("{}y?s:*", bench.prefix);
    assert_eq!(scan(bench, &Pattern::new(glob), 7).await, expected, "by pages of about 7");
    assert_eq!(scan(bench, &Pattern::prefix(&format!("{}yes:", bench.prefix)), 1_000).await, expected);
    assert_eq!(scan(bench, &Pattern::prefix(&format!("{}none:", bench.prefix)), 100).await, BTreeSet::new());
}

async fn a_pattern_of_a_scan_may_be_literal(bench: &Bench<'_>) {
    if !bench.store.capabilities().scan {
        return;
    }
    let key = bench.key("a*[b]?\\c");
    bench.put(&key, b"v").await;
    bench.put(&bench.key("aXb?c"), b"v").await;
    let prefix = Pattern::prefix(&format!("{}a*[b]?\\", bench.prefix));
    assert_eq!(scan(bench, &prefix, 100).await, BTreeSet::from([key]));
}

async fn scan(bench: &Bench<'_>, pattern: &Pattern, page_len: usize) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    let mut cursor = 0;
    for _ in 0..PAGES_MAX {
        let page = bench.store.scan(Scan { pattern, cursor, page_len }).await.expect("a scan is answered");
        keys.extend(page.keys);
        match page.next {
            Some(next) => cursor = next,
            None => return keys,
        }
    }
    panic!("the scan does not end");
}
