//! What is stored, for how long, and how it is replaced and removed.

use std::time::Duration;

use bytes::Bytes;

use super::{Bench, OVERSIZE_MAX, VALUE_TTL, name_cases};
use crate::error::ErrorKind;
use crate::store::{Fill, Found, Permit, Token, Verdict};

name_cases![
    a_value_is_hit_with_and_without_a_lease,
    payloads_are_kept_byte_for_byte,
    a_replacement_needs_the_very_fill,
    a_replacement_after_an_invalidation_is_refused,
    a_replacement_of_a_lease_or_of_nothing_is_refused,
    a_read_tells_the_ttl_and_the_time_left,
    a_replacement_brings_its_own_ttl,
    an_expired_value_is_gone,
    a_ttl_of_one_millisecond_ends,
    invalidating_removes_a_value_and_counts_it,
    invalidating_what_is_absent_counts_nothing,
    invalidating_many_keys_counts_those_that_were_there,
    too_large_a_payload_is_refused_and_costs_nothing,
];

async fn a_value_is_hit_with_and_without_a_lease(bench: &Bench<'_>) {
    let key = bench.key("k");
    let fill_id = bench.put(&key, b"payload").await;
    let (_, asked) = bench.ask_to_lead(&key).await;
    for found in [asked, bench.read(&key).await] {
        let Found::Hit(entry) = found else { panic!("{found:?}") };
        assert_eq!((entry.fill_id, &entry.payload[..]), (fill_id, &b"payload"[..]));
    }
}

async fn payloads_are_kept_byte_for_byte(bench: &Bench<'_>) {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let long: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    for (name, payload) in
        [("empty", &b""[..]), ("bytes", &all_bytes), ("lines", b"\r\n\0\r\n"), ("long", &long)]
    {
        let key = bench.key(name);
        bench.put(&key, payload).await;
        assert!(bench.hit(&key).await.payload == payload, "the payload `{name}` came back different");
    }
}

async fn a_replacement_needs_the_very_fill(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.put(&key, b"one").await;
    assert_eq!(bench.fill(&key, Permit::Replace(Token::random()), b"no").await.1, Verdict::Refused);
    assert_eq!(bench.fill(&key, Permit::Lease(first), b"no").await.1, Verdict::Refused);
    let (second, verdict) = bench.fill(&key, Permit::Replace(first), b"two").await;
    assert_eq!(verdict, Verdict::Accepted);
    assert_eq!(bench.fill(&key, Permit::Replace(first), b"late").await.1, Verdict::Refused);
    let entry = bench.hit(&key).await;
    assert_eq!((entry.fill_id, &entry.payload[..]), (second, &b"two"[..]));
}

async fn a_replacement_after_an_invalidation_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.put(&key, b"one").await;
    bench.invalidate(&key).await;
    assert_eq!(bench.fill(&key, Permit::Replace(first), b"old").await.1, Verdict::Refused);
    assert!(matches!(bench.read(&key).await, Found::Absent));
    let new = bench.put(&key, b"new").await;
    assert_eq!(bench.fill(&key, Permit::Replace(first), b"old").await.1, Verdict::Refused);
    assert_eq!(bench.hit(&key).await.fill_id, new);
}

async fn a_replacement_of_a_lease_or_of_nothing_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    assert_eq!(bench.fill(&key, Permit::Replace(Token::random()), b"no").await.1, Verdict::Refused);
    let token = bench.lead(&key).await;
    assert_eq!(bench.fill(&key, Permit::Replace(token), b"no").await.1, Verdict::Refused);
    assert_eq!(bench.release(&key, token).await, Verdict::Accepted, "the lease is still held");
}

async fn a_read_tells_the_ttl_and_the_time_left(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"v").await;
    let entry = bench.hit(&key).await;
    let left = entry.ttl_left.expect("a read without a lease tells the time left");
    assert_eq!(entry.ttl, VALUE_TTL);
    assert!(left <= VALUE_TTL && left > VALUE_TTL / 2, "{left:?}");
}

async fn a_replacement_brings_its_own_ttl(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.put(&key, b"one").await;
    let ttl = Duration::from_millis(90_500);
    assert_eq!(bench.fill_for(&key, Permit::Replace(first), b"two", ttl).await.1, Verdict::Accepted);
    let entry = bench.hit(&key).await;
    assert_eq!(entry.ttl, ttl);
    assert!(entry.ttl_left.is_some_and(|left| left <= ttl), "{entry:?}");
}

async fn an_expired_value_is_gone(bench: &Bench<'_>) {
    let key = bench.key("k");
    let fill_id = bench.put(&key, b"v").await;
    bench.elapse(&key, VALUE_TTL).await;
    assert!(matches!(bench.read(&key).await, Found::Absent));
    assert_eq!(bench.fill(&key, Permit::Replace(fill_id), b"late").await.1, Verdict::Refused);
    bench.lead(&key).await;
}

async fn a_ttl_of_one_millisecond_ends(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    let ttl = Duration::from_millis(1);
    assert_eq!(bench.fill_for(&key, Permit::Lease(token), b"v", ttl).await.1, Verdict::Accepted);
    bench.elapse(&key, ttl).await;
    assert!(matches!(bench.read(&key).await, Found::Absent));
}

async fn invalidating_removes_a_value_and_counts_it(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"v").await;
    assert_eq!(bench.invalidate(&key).await, 1);
    assert!(matches!(bench.read(&key).await, Found::Absent));
    assert_eq!(bench.invalidate(&key).await, 0, "it may be asked again");
}

async fn invalidating_what_is_absent_counts_nothing(bench: &Bench<'_>) {
    assert_eq!(bench.invalidate(&bench.key("absent")).await, 0);
    assert_eq!(bench.store.invalidate(&[]).await.expect("no keys are no trouble"), 0);
}

async fn invalidating_many_keys_counts_those_that_were_there(bench: &Bench<'_>) {
    let keys: Vec<Vec<u8>> = (0..300).map(|at| bench.key(format!("{at}"))).collect();
    for (at, key) in keys.iter().enumerate() {
        match at % 3 {
            0 => drop(bench.put(key, b"v").await),
            1 => drop(bench.lead(key).await),
            _ => {}
        }
    }
    let kept = bench.key("kept");
    bench.put(&kept, b"v").await;
    let slices: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    assert_eq!(bench.store.invalidate(&slices).await.expect("an invalidation is answered"), 200);
    for key in &keys {
        assert!(matches!(bench.read(key).await, Found::Absent));
    }
    bench.hit(&kept).await;
}

async fn too_large_a_payload_is_refused_and_costs_nothing(bench: &Bench<'_>) {
    let bound = bench.store.capabilities().value_bytes_max;
    if bound >= OVERSIZE_MAX {
        return;
    }
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    let fill = Fill {
        key: &key,
        permit: Permit::Lease(token),
        fill_id: Token::random(),
        payload: Bytes::from(vec![0; bound + 1]),
        ttl: VALUE_TTL,
    };
    let error = bench.store.fill(fill).await.expect_err("too large a payload is an error");
    assert_eq!(error.kind(), ErrorKind::Unstorable);
    assert_eq!(
        bench.fill(&key, Permit::Lease(token), b"v").await.1,
        Verdict::Accepted,
        "the lease is still held"
    );
}
