//! Values that are removed if they are still the ones that were looked at.

use super::{Bench, name_cases};
use crate::store::{Found, Permit, Token, Verdict};

name_cases![a_discard_removes_the_value_of_its_fill, what_was_discarded_is_led_by_one,];

async fn a_discard_removes_the_value_of_its_fill(bench: &Bench<'_>) {
    let key = bench.key("k");
    let fill_id = bench.put(&key, b"old").await;
    assert_eq!(discard(bench, &key, fill_id).await, Verdict::Accepted);
    assert!(matches!(bench.read(&key).await, Found::Absent));
}

async fn what_was_discarded_is_led_by_one(bench: &Bench<'_>) {
    let key = bench.key("k");
    let fill_id = bench.put(&key, b"old").await;
    let _ = discard(bench, &key, fill_id).await;
    let token = bench.lead(&key).await;
    assert_eq!(bench.fill(&key, Permit::Lease(token), b"new").await.1, Verdict::Accepted);
}

async fn discard(bench: &Bench<'_>, key: &[u8], fill_id: Token) -> Verdict {
    bench.store.discard(key, fill_id).await.expect("a discard is answered")
}
