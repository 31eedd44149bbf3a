//! Who may fill, and what takes that away.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Bench, LEASE_TTL, name_cases, new_lease};
use crate::store::{Ask, Found, Permit, Token, Verdict};

name_cases![
    the_first_who_asks_leads_and_the_second_waits,
    a_lease_is_held_under_one_token_only,
    a_fill_under_its_lease_is_accepted_once,
    a_fill_with_another_token_is_refused,
    a_fill_without_a_lease_is_refused,
    a_fill_after_an_invalidation_is_refused,
    a_fill_after_a_release_is_refused,
    a_fill_after_the_lease_expired_is_refused,
    a_fill_under_a_lease_that_another_took_over_is_refused,
    a_refused_fill_leaves_the_value_of_another,
    releasing_a_held_lease_is_accepted_and_frees_the_key,
    releasing_a_lost_lease_is_refused_and_touches_nothing,
    releasing_a_lease_that_was_filled_leaves_the_value,
    renewing_a_held_lease_is_accepted,
    renewing_a_lost_lease_is_refused_and_makes_none,
    renewing_leaves_the_ttl_of_a_value,
    a_renewed_lease_ends_with_its_new_ttl,
    of_fifty_tasks_exactly_one_leads,
];

async fn the_first_who_asks_leads_and_the_second_waits(bench: &Bench<'_>) {
    let key = bench.key("k");
    bench.lead(&key).await;
    let (_, found) = bench.ask_to_lead(&key).await;
    assert!(matches!(found, Found::Busy), "{found:?}");
}

async fn a_lease_is_held_under_one_token_only(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.lead(&key).await;
    let (second, found) = bench.ask_to_lead(&key).await;
    assert!(matches!(found, Found::Busy), "{found:?}");
    assert_eq!(bench.fill(&key, Permit::Lease(second), b"late").await.1, Verdict::Refused);
    assert_eq!(bench.fill(&key, Permit::Lease(first), b"first").await.1, Verdict::Accepted);
    assert_eq!(&bench.hit(&key).await.payload[..], b"first");
}

async fn a_fill_under_its_lease_is_accepted_once(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    let (fill_id, verdict) = bench.fill(&key, Permit::Lease(token), b"one").await;
    assert_eq!(verdict, Verdict::Accepted);
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"two").await.1, Verdict::Refused);
    let entry = bench.hit(&key).await;
    assert_eq!((entry.fill_id, &entry.payload[..]), (fill_id, &b"one"[..]));
}

async fn a_fill_with_another_token_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    assert_eq!(bench.fill(&key, Permit::Lease(Token::random()), b"no").await.1, Verdict::Refused);
    // A lease's token is not a fill's id.
    assert_eq!(bench.fill(&key, Permit::Replace(token), b"no").await.1, Verdict::Refused);
    assert!(matches!(bench.read(&key).await, Found::Absent));
    assert_eq!(bench.release(&key, token).await, Verdict::Accepted, "the lease is still held");
}

async fn a_fill_without_a_lease_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    assert_eq!(bench.fill(&key, Permit::Lease(Token::random()), b"no").await.1, Verdict::Refused);
    assert!(matches!(bench.read(&key).await, Found::Absent));
}

async fn a_fill_after_an_invalidation_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    assert_eq!(bench.invalidate(&key).await, 1, "a lease counts");
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"old").await.1, Verdict::Refused);
    assert!(matches!(bench.read(&key).await, Found::Absent));
}

async fn a_fill_after_a_release_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    assert_eq!(bench.release(&key, token).await, Verdict::Accepted);
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"late").await.1, Verdict::Refused);
    assert!(matches!(bench.read(&key).await, Found::Absent));
}

async fn a_fill_after_the_lease_expired_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    bench.elapse(&key, LEASE_TTL).await;
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"late").await.1, Verdict::Refused);
    bench.lead(&key).await;
}

async fn a_fill_under_a_lease_that_another_took_over_is_refused(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.lead(&key).await;
    bench.invalidate(&key).await;
    let second = bench.lead(&key).await;
    assert_eq!(bench.fill(&key, Permit::Lease(first), b"old").await.1, Verdict::Refused);
    assert_eq!(bench.fill(&key, Permit::Lease(second), b"new").await.1, Verdict::Accepted);
    assert_eq!(&bench.hit(&key).await.payload[..], b"new");
}

async fn a_refused_fill_leaves_the_value_of_another(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.lead(&key).await;
    bench.invalidate(&key).await;
    let fill_id = bench.put(&key, b"new").await;
    assert_eq!(bench.fill(&key, Permit::Lease(first), b"old").await.1, Verdict::Refused);
    assert_eq!(bench.hit(&key).await.fill_id, fill_id);
}

async fn releasing_a_held_lease_is_accepted_and_frees_the_key(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    assert_eq!(bench.release(&key, token).await, Verdict::Accepted);
    assert_eq!(bench.release(&key, token).await, Verdict::Refused, "it is gone");
    bench.lead(&key).await;
}

async fn releasing_a_lost_lease_is_refused_and_touches_nothing(bench: &Bench<'_>) {
    let key = bench.key("k");
    let first = bench.lead(&key).await;
    bench.invalidate(&key).await;
    let second = bench.lead(&key).await;
    assert_eq!(bench.release(&key, first).await, Verdict::Refused);
    assert_eq!(
        bench.fill(&key, Permit::Lease(second), b"v").await.1,
        Verdict::Accepted,
        "the second is held"
    );
}

async fn releasing_a_lease_that_was_filled_leaves_the_value(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    let (fill_id, _) = bench.fill(&key, Permit::Lease(token), b"v").await;
    assert_eq!(bench.release(&key, token).await, Verdict::Refused);
    assert_eq!(bench.release(&key, fill_id).await, Verdict::Refused, "a fill's id is not a lease's token");
    assert_eq!(bench.hit(&key).await.fill_id, fill_id);
}

async fn renewing_a_held_lease_is_accepted(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    assert_eq!(bench.renew(&key, token, LEASE_TTL * 2).await, Verdict::Accepted);
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"v").await.1, Verdict::Accepted);
}

async fn renewing_a_lost_lease_is_refused_and_makes_none(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    bench.invalidate(&key).await;
    assert_eq!(bench.renew(&key, token, LEASE_TTL).await, Verdict::Refused);
    let second = bench.lead(&key).await;
    assert_eq!(bench.renew(&key, token, LEASE_TTL).await, Verdict::Refused, "it is another's");
    assert_eq!(bench.renew(&key, second, LEASE_TTL).await, Verdict::Accepted);
}

async fn renewing_leaves_the_ttl_of_a_value(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    let (fill_id, _) = bench.fill(&key, Permit::Lease(token), b"v").await;
    for other in [token, fill_id] {
        assert_eq!(bench.renew(&key, other, Duration::from_millis(1)).await, Verdict::Refused);
    }
    let left = bench.hit(&key).await.ttl_left.expect("a read without a lease tells the time left");
    assert!(left > super::VALUE_TTL / 2, "{left:?}");
}

async fn a_renewed_lease_ends_with_its_new_ttl(bench: &Bench<'_>) {
    let key = bench.key("k");
    let token = bench.lead(&key).await;
    let ttl = Duration::from_millis(1);
    assert_eq!(bench.renew(&key, token, ttl).await, Verdict::Accepted);
    bench.elapse(&key, ttl).await;
    bench.lead(&key).await;
}

async fn of_fifty_tasks_exactly_one_leads(bench: &Bench<'_>) {
    let key: Arc<[u8]> = bench.key("k").into();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (store, key) = (bench.store.clone(), key.clone());
        tasks.spawn(
            async move { store.lookup(&[Ask { key: &key, lease: Some(new_lease()) }]).await.remove(0) },
        );
    }
    let mut leaders = 0;
    while let Some(found) = tasks.join_next().await {
        match found.expect("a lookup does not panic") {
            Found::Lead => leaders += 1,
            Found::Busy => {}
            found => panic!("{found:?}"),
        }
    }
    assert_eq!(leaders, 1);
}
