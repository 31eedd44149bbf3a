//! Mutations at work: what nobody may store meanwhile, what may still be read, and how it ends.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Bench, LEASE_TTL, OVERSIZE_MAX, VALUE_TTL, name_cases};
use crate::error::ErrorKind;
use crate::store::{Entry, Found, Lease, Pattern, Permit, Put, PutVerdict, Scan, Token, Verdict};

/// Long enough never to end during a case unless it is told to.
const GUARD_TTL: Duration = Duration::from_secs(60);
/// What ends by itself while a case waits for it.
const SHORT_TTL: Duration = Duration::from_millis(1);
/// How long time that passes by itself may take; far longer than it does.
const PASSES_MAX: Duration = Duration::from_secs(20);
/// The largest payload that is carried.
const CARRIED_MAX: usize = 64 << 10;
/// The most guards of one key.
const GUARDS_MAX: usize = 1024;

name_cases![
    a_guarded_key_grants_no_lease_and_takes_no_fill,
    a_guard_takes_a_lease_away,
    a_carried_value_is_served_and_cannot_be_replaced,
    a_read_tells_the_time_that_a_carried_value_has_left,
    no_more_than_64_kib_are_carried,
    ending_the_last_guard_frees_the_key,
    a_second_guard_drops_what_is_carried,
    ending_a_lost_guard_invalidates_what_came_since,
    ending_a_guard_that_never_was_spares_the_others,
    a_put_under_the_only_guard_is_written,
    a_put_beside_another_guard_is_not_written,
    a_put_after_an_overlap_is_not_written,
    a_put_after_an_invalidation_is_not_written,
    a_put_under_a_lost_guard_invalidates_what_came_since,
    a_put_that_is_too_large_ends_its_guard,
    an_invalidation_spares_guards_and_takes_what_they_carry,
    guarding_again_under_the_same_token_is_no_overlap,
    renewing_a_standing_guard_keeps_what_is_carried,
    renewing_a_lost_guard_is_refused_and_makes_none,
    a_renewed_guard_ends_with_its_new_ttl,
    a_guard_that_runs_out_takes_the_key_with_it,
    a_guard_runs_out_beside_another,
    a_key_lives_as_long_as_the_guard_that_is_left,
    a_carried_value_ends_with_its_own_ttl,
    many_keys_are_guarded_at_once,
    a_key_takes_no_more_than_1024_guards,
    a_scan_lists_guarded_keys,
];

async fn a_guarded_key_grants_no_lease_and_takes_no_fill(bench: &Bench<'_>) {
    let key = bench.key("k");
    let guard = bench.begin(&key).await;
    let (token, found) = bench.ask_to_lead(&key).await;
    assert!(matches!(found, Found::Guarded(None)), "{found:?}");
    assert!(matches!(bench.read(&key).await, Found::Guarded(None)));
    for permit in [token, guard].map(Permit::Lease).into_iter().chain([Permit::Replace(guard)]) {
        assert_eq!(bench.fill(&key, permit, b"no").await.1, Verdict::Refused, "{permit:?}");
    }
    assert_eq!(bench.release(&key, guard).await, Verdict::Refused, "a guard is no lease");
    assert_eq!(bench.renew(&key, guard, SHORT_TTL).await, Verdict::Refused, "a guard is no lease");
    assert_eq!(bench.end(&key, guard).await, Verdict::Accepted, "it still stands");
}

async fn a_guard_takes_a_lease_away(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    let guard = bench.begin(&key).await;
    assert_eq!(bench.renew(&key, token, LEASE_TTL).await, Verdict::Refused);
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"old").await.1, Verdict::Refused);
    assert_eq!(bench.release(&key, token).await, Verdict::Refused);
    assert_eq!(bench.end(&key, guard).await, Verdict::Accepted);
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"old").await.1, Verdict::Refused);
    assert!(matches!(bench.read(&key).await, Found::Absent));
}

async fn a_carried_value_is_served_and_cannot_be_replaced(bench: &Bench<'_>) {
    let key = bench.key("k");
    let fill_id = bench.put(&key, b"before").await;
    bench.begin(&key).await;
    assert_eq!(bench.fill(&key, Permit::Replace(fill_id), b"no").await.1, Verdict::Refused);
    for found in [bench.ask_to_lead(&key).await.1, bench.read(&key).await] {
        let Found::Guarded(Some(entry)) = found else { panic!("{found:?}") };
        assert_eq!((entry.fill_id, &entry.payload[..]), (fill_id, &b"before"[..]));
        assert_eq!(entry.ttl, VALUE_TTL);
    }
}

async fn a_read_tells_the_time_that_a_carried_value_has_left(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"v").await;
    bench.begin(&key).await;
    let left = bench.carried(&key).await.and_then(|entry| entry.ttl_left);
    let left = left.expect("a read without a lease tells the time left");
    assert!(left <= VALUE_TTL && left > VALUE_TTL / 2, "{left:?}");
}

async fn no_more_than_64_kib_are_carried(bench: &Bench<'_>) {
    for (bytes, carried) in [(CARRIED_MAX, true), (CARRIED_MAX + 1, false)] {
        if bytes > bench.store.capabilities().value_bytes_max {
            return;
        }
        let key = bench.key(bytes.to_string());
        bench.put(&key, &vec![7; bytes]).await;
        bench.begin(&key).await;
        let entry = bench.carried(&key).await;
        assert_eq!(entry.is_some(), carried, "{bytes} bytes");
        assert!(entry.is_none_or(|entry| entry.payload == vec![7; bytes]));
    }
}

async fn ending_the_last_guard_frees_the_key(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let guard = bench.begin(&key).await;
    assert_eq!(bench.end(&key, guard).await, Verdict::Accepted);
    assert!(matches!(bench.read(&key).await, Found::Absent));
    bench.put(&key, b"after").await;
    assert_eq!(bench.end(&key, guard).await, Verdict::Refused, "it is gone");
}

async fn a_second_guard_drops_what_is_carried(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let (first, second) = (bench.begin(&key).await, bench.begin(&key).await);
    assert!(bench.carried(&key).await.is_none(), "either may run out unseen");
    assert!(matches!(bench.ask_to_lead(&key).await.1, Found::Guarded(None)));
    assert_eq!(bench.end(&key, second).await, Verdict::Accepted);
    assert!(matches!(bench.ask_to_lead(&key).await.1, Found::Guarded(None)));
    assert_eq!(bench.end(&key, first).await, Verdict::Accepted);
    bench.lead(&key).await;
}

async fn ending_a_lost_guard_invalidates_what_came_since(bench: &Bench<'_>) {
    let (filled, leased) = (bench.key("filled"), bench.key("leased"));
    for key in [&filled, &leased] {
        let guard = bench.begin(key).await;
        bench.elapse(key, GUARD_TTL).await;
        let token = bench.lead(key).await;
        if *key == filled {
            assert_eq!(bench.fill(key, Permit::Lease(token), b"old").await.1, Verdict::Accepted);
        }
        assert_eq!(bench.end(key, guard).await, Verdict::Refused);
        assert_eq!(bench.fill(key, Permit::Lease(token), b"old").await.1, Verdict::Refused);
        assert!(matches!(bench.read(key).await, Found::Absent));
    }
}

async fn ending_a_guard_that_never_was_spares_the_others(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let guard = bench.begin(&key).await;
    assert_eq!(bench.end(&key, Token::random()).await, Verdict::Refused);
    assert!(bench.carried(&key).await.is_none(), "somebody was told that it is old");
    assert_eq!(bench.end_with(&key, guard, b"after").await.1, PutVerdict::NotWritten);
    bench.lead(&key).await;
}

async fn a_put_under_the_only_guard_is_written(bench: &Bench<'_>) {
    for before in [false, true] {
        let key = bench.key(format!("{before}"));
        if before {
            bench.put(&key, b"before").await;
        }
        let guard = bench.begin(&key).await;
        let (fill_id, verdict) = bench.end_with(&key, guard, b"after").await;
        assert_eq!(verdict, PutVerdict::Written);
        let entry = bench.hit(&key).await;
        assert_eq!((entry.fill_id, &entry.payload[..]), (fill_id, &b"after"[..]));
        let left = entry.ttl_left.expect("a read without a lease tells the time left");
        assert!(entry.ttl == VALUE_TTL && left <= VALUE_TTL && left > VALUE_TTL / 2, "{entry:?}");
        assert_eq!(bench.fill(&key, Permit::Replace(fill_id), b"next").await.1, Verdict::Accepted);
    }
}

async fn a_put_beside_another_guard_is_not_written(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let (first, second) = (bench.begin(&key).await, bench.begin(&key).await);
    assert_eq!(bench.end_with(&key, first, b"first").await.1, PutVerdict::NotWritten);
    assert!(bench.carried(&key).await.is_none());
    assert_eq!(bench.end(&key, second).await, Verdict::Accepted, "the other stands");
    bench.lead(&key).await;
}

async fn a_put_after_an_overlap_is_not_written(bench: &Bench<'_>) {
    let key = bench.key("k");
    let (first, second) = (bench.begin(&key).await, bench.begin(&key).await);
    assert_eq!(bench.end(&key, second).await, Verdict::Accepted);
    assert_eq!(bench.end_with(&key, first, b"first").await.1, PutVerdict::NotWritten);
    bench.lead(&key).await;
}

async fn a_put_after_an_invalidation_is_not_written(bench: &Bench<'_>) {
    let key = bench.key("k");
    let guard = bench.begin(&key).await;
    assert_eq!(bench.invalidate(&key).await, 0, "a guard does not count");
    assert_eq!(bench.end_with(&key, guard, b"late").await.1, PutVerdict::NotWritten);
    bench.lead(&key).await;
}

async fn a_put_under_a_lost_guard_invalidates_what_came_since(bench: &Bench<'_>) {
    let key = bench.key("k");
    let guard = bench.begin(&key).await;
    bench.elapse(&key, GUARD_TTL).await;
    bench.put(&key, b"since").await;
    assert_eq!(bench.end_with(&key, guard, b"late").await.1, PutVerdict::NotWritten);
    assert!(matches!(bench.read(&key).await, Found::Absent));
}

async fn a_put_that_is_too_large_ends_its_guard(bench: &Bench<'_>) {
    let bound = bench.store.capabilities().value_bytes_max;
    if bound >= OVERSIZE_MAX {
        return;
    }
    let key = bench.key("k");
    let guard = bench.begin(&key).await;
    assert_eq!(bench.end_with(&key, guard, &vec![0; bound + 1]).await.1, PutVerdict::NotWritten);
    bench.lead(&key).await;
}

async fn an_invalidation_spares_guards_and_takes_what_they_carry(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let guard = bench.begin(&key).await;
    assert_eq!(bench.invalidate(&key).await, 1, "a carried value counts");
    assert_eq!(bench.invalidate(&key).await, 0, "it is gone");
    assert!(matches!(bench.ask_to_lead(&key).await.1, Found::Guarded(None)));
    assert_eq!(bench.end(&key, guard).await, Verdict::Accepted, "it still stands");
}

async fn guarding_again_under_the_same_token_is_no_overlap(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let guard = bench.begin(&key).await;
    bench.begin_for(&[&key, &key], guard, GUARD_TTL).await;
    assert!(bench.carried(&key).await.is_some());
    assert_eq!(bench.end_with(&key, guard, b"after").await.1, PutVerdict::Written);
}

async fn renewing_a_standing_guard_keeps_what_is_carried(bench: &Bench<'_>) {
    let (key, other) = (bench.key("k"), bench.key("other"));
    bench.put(&key, b"before").await;
    let guard = Token::random();
    bench.begin_for(&[&key, &other], guard, GUARD_TTL).await;
    assert_eq!(bench.renew_guards(&[&key, &other], guard, GUARD_TTL * 2).await, Verdict::Accepted);
    assert!(bench.carried(&key).await.is_some());
    assert_eq!(bench.end_with(&key, guard, b"after").await.1, PutVerdict::Written, "nothing came between");
}

async fn renewing_a_lost_guard_is_refused_and_makes_none(bench: &Bench<'_>) {
    let (key, other) = (bench.key("k"), bench.key("other"));
    let guard = bench.begin(&key).await;
    assert_eq!(bench.renew_guards(&[&other, &key], guard, GUARD_TTL).await, Verdict::Refused);
    bench.lead(&other).await;
    assert_eq!(
        bench.renew_guards(&[&other], guard, SHORT_TTL).await,
        Verdict::Refused,
        "a lease is no guard"
    );
    assert_eq!(bench.renew_guards(&[&key], Token::random(), SHORT_TTL).await, Verdict::Refused);
    assert_eq!(bench.end(&key, guard).await, Verdict::Accepted, "it still stands");
}

async fn a_renewed_guard_ends_with_its_new_ttl(bench: &Bench<'_>) {
    let key = bench.key("k");
    let guard = bench.begin(&key).await;
    assert_eq!(bench.renew_guards(&[&key], guard, SHORT_TTL).await, Verdict::Accepted);
    bench.elapse(&key, SHORT_TTL).await;
    bench.lead(&key).await;
}

async fn a_guard_that_runs_out_takes_the_key_with_it(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let guard = bench.begin(&key).await;
    bench.elapse(&key, GUARD_TTL).await;
    assert!(matches!(bench.read(&key).await, Found::Absent));
    assert_eq!(bench.renew_guards(&[&key], guard, GUARD_TTL).await, Verdict::Refused);
    bench.lead(&key).await;
}

async fn a_guard_runs_out_beside_another(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.put(&key, b"before").await;
    let guard = bench.begin(&key).await;
    let lost = Token::random();
    bench.begin_for(&[&key], lost, SHORT_TTL).await;
    // It ends after the one beside it, by the same clock.
    let later = bench.key("later");
    bench.begin_for(&[&later], lost, SHORT_TTL).await;
    bench.elapse(&later, SHORT_TTL).await;
    assert_eq!(bench.renew_guards(&[&key], guard, GUARD_TTL).await, Verdict::Accepted);
    assert!(matches!(bench.ask_to_lead(&key).await.1, Found::Guarded(None)));
    assert_eq!(bench.renew_guards(&[&key], lost, GUARD_TTL).await, Verdict::Refused);
    assert_eq!(bench.end_with(&key, guard, b"after").await.1, PutVerdict::NotWritten);
}

async fn a_key_lives_as_long_as_the_guard_that_is_left(bench: &Bench<'_>) {
    let key = bench.key("k");
    let long = bench.begin(&key).await;
    bench.begin_for(&[&key], Token::random(), SHORT_TTL).await;
    assert_eq!(bench.end(&key, long).await, Verdict::Accepted);
    bench.elapse(&key, SHORT_TTL).await;
    bench.lead(&key).await;
}

async fn a_carried_value_ends_with_its_own_ttl(bench: &Bench<'_>) {
    let (key, clock) = (bench.key("k"), bench.key("clock"));
    let ttl = Duration::from_millis(200);
    let token = bench.lead(&key).await;
    assert_eq!(bench.fill_for(&key, Permit::Lease(token), b"v", ttl).await.1, Verdict::Accepted);
    let guard = bench.begin(&key).await;
    bench.begin_for(&[&clock], guard, ttl).await;
    bench.elapse(&clock, ttl).await;
    // An injected clock has moved; any other moves by itself.
    let start = Instant::now();
    while bench.carried(&key).await.is_some() {
        assert!(start.elapsed() < PASSES_MAX, "it is still served");
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.renew_guards(&[&key], guard, GUARD_TTL).await, Verdict::Accepted);
    assert!(matches!(bench.ask_to_lead(&key).await.1, Found::Guarded(None)), "a renewal drops it");
    assert_eq!(bench.end_with(&key, guard, b"v").await.1, PutVerdict::Written, "nothing came between");
}

async fn many_keys_are_guarded_at_once(bench: &Bench<'_>) {
    let keys: Vec<Vec<u8>> = (0..300).map(|at| bench.key(format!("{at}"))).collect();
    for (at, key) in keys.iter().enumerate() {
        match at % 3 {
            0 => drop(bench.put(key, b"v").await),
            1 => drop(bench.lead(key).await),
            _ => {}
        }
    }
    let slices: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let guard = Token::random();
    bench.begin_for(&slices, guard, GUARD_TTL).await;
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(bench.carried(key).await.is_some(), at % 3 == 0, "key {at}");
    }
    let ended = bench.store.end_guards(&slices, guard).await.expect("an end is answered");
    assert_eq!(ended, Verdict::Accepted);
    let again = bench.store.end_guards(&slices[..2], guard).await.expect("an end is answered");
    assert_eq!(again, Verdict::Refused);
    for key in &keys {
        assert!(matches!(bench.read(key).await, Found::Absent));
    }
    bench.begin_for(&[], guard, GUARD_TTL).await;
    assert_eq!(bench.renew_guards(&[], guard, GUARD_TTL).await, Verdict::Accepted, "none is lost");
}

async fn a_key_takes_no_more_than_1024_guards(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.begin(&key).await;
    for _ in 1..GUARDS_MAX {
        bench.begin(&key).await;
    }
    let one_more = Lease { token: Token::random(), ttl: GUARD_TTL };
    let error = bench.store.begin_guards(&[&key], one_more).await.expect_err("there is no room");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    bench.begin_for(&[&key], first, GUARD_TTL).await;
    assert_eq!(bench.end(&key, first).await, Verdict::Accepted);
    bench.begin(&key).await;
}

async fn a_scan_lists_guarded_keys(bench: &Bench<'_>) {
    if !bench.store.capabilities().scan {
        return;
    }
    let key = bench.key("k");
    bench.begin(&key).await;
    let pattern = Pattern::prefix(&bench.prefix);
    let mut cursor = Some(0);
    while let Some(at) = cursor {
        let scan = Scan { pattern: &pattern, cursor: at, page_len: 1_000 };
        let page = bench.store.scan(scan).await.expect("a scan is answered");
        if page.keys.contains(&key) {
            return;
        }
        cursor = page.next;
    }
    panic!("it is not listed");
}

impl Bench<'_> {
    /// Guards a key under a new token.
    async fn begin(&self, key: &[u8]) -> Token {
        let token = Token::random();
        self.begin_for(&[key], token, GUARD_TTL).await;
        token
    }

    async fn begin_for(&self, keys: &[&[u8]], token: Token, ttl: Duration) {
        self.store.begin_guards(keys, Lease { token, ttl }).await.expect("the keys are guarded");
    }

    async fn renew_guards(&self, keys: &[&[u8]], token: Token, ttl: Duration) -> Verdict {
        self.store.renew_guards(keys, Lease { token, ttl }).await.expect("a renewal is answered")
    }

    async fn end(&self, key: &[u8], token: Token) -> Verdict {
        self.store.end_guards(&[key], token).await.expect("an end is answered")
    }

    async fn end_with(&self, key: &[u8], guard: Token, payload: &[u8]) -> (Token, PutVerdict) {
        let fill_id = Token::random();
        let payload = Bytes::copy_from_slice(payload);
        let put = Put { key, guard, fill_id, payload, ttl: VALUE_TTL };
        (fill_id, self.store.put(put).await.expect("a put is answered"))
    }

    /// What the guards of a key carry, as a read without a lease is told.
    async fn carried(&self, key: &[u8]) -> Option<Entry> {
        match self.read(key).await {
            Found::Guarded(carried) => carried,
            found => panic!("it is not guarded: {found:?}"),
        }
    }
}
