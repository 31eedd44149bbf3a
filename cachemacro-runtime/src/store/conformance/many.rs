//! Many keys in one go: each is answered as if it were alone.

use bytes::Bytes;

use super::{Bench, VALUE_TTL, name_cases};
use crate::store::{Fill, Found, Permit, Token, Verdict};

name_cases![
    fills_of_many_keys_are_judged_each_by_itself,
    a_key_twice_among_fills_is_filled_once,
    hundreds_of_keys_are_filled_and_released_in_one_go,
    releases_of_many_leases_are_judged_each_by_itself,
    a_lease_twice_among_releases_is_released_once,
    nothing_to_fill_or_to_release_is_nothing,
];

async fn fills_of_many_keys_are_judged_each_by_itself(bench: &Bench<'_>) {
    let keys: Vec<Vec<u8>> = ["held", "other", "none", "gone", "old"].map(|name| bench.key(name)).into();
    let (held, _) = (bench.lead(&keys[0]).await, bench.lead(&keys[1]).await);
    let gone = bench.lead(&keys[3]).await;
    bench.invalidate(&keys[3]).await;
    let old = bench.put(&keys[4], b"old").await;
    let permits = [
        Permit::Lease(held),
        Permit::Lease(Token::random()),
        Permit::Lease(Token::random()),
        Permit::Lease(gone),
        Permit::Replace(old),
    ];
    let fills = keys.iter().zip(permits).map(|(key, permit)| fill(key, permit, b"new"));
    let verdicts = bench.store.fill_many(fills.collect()).await;
    let verdicts: Vec<Verdict> = verdicts.into_iter().map(|verdict| verdict.expect("a verdict")).collect();
    use Verdict::{Accepted, Refused};
    assert_eq!(verdicts, [Accepted, Refused, Refused, Refused, Accepted]);
    for at in [0, 4] {
        assert_eq!(&bench.hit(&keys[at]).await.payload[..], b"new");
    }
    for at in [1, 2, 3] {
        assert!(matches!(bench.read(&keys[at]).await, Found::Absent), "{at}");
    }
}

async fn a_key_twice_among_fills_is_filled_once(bench: &Bench<'_>) {
    let (key, beside) = (bench.key("k"), bench.key("beside"));
    let (token, other) = (bench.lead(&key).await, bench.lead(&beside).await);
    let first = fill(&key, Permit::Lease(token), b"first");
    let fill_id = first.fill_id;
    let fills = vec![
        first,
        fill(&beside, Permit::Lease(other), b"beside"),
        fill(&key, Permit::Lease(token), b"second"),
        fill(&key, Permit::Replace(fill_id), b"third"),
    ];
    let verdicts = bench.store.fill_many(fills).await;
    let verdicts: Vec<Verdict> = verdicts.into_iter().map(|verdict| verdict.expect("a verdict")).collect();
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::Accepted, Verdict::Refused, Verdict::Accepted]);
    assert_eq!(&bench.hit(&key).await.payload[..], b"third");
}

async fn hundreds_of_keys_are_filled_and_released_in_one_go(bench: &Bench<'_>) {
    let mut led = Vec::new();
    for at in 0..300 {
        let key = bench.key(at.to_string());
        let token = bench.lead(&key).await;
        led.push((key, token));
    }
    let (released, filled) = led.split_at(100);
    let leases: Vec<(&[u8], Token)> = released.iter().map(|(key, token)| (&key[..], *token)).collect();
    let verdicts = bench.store.release_many(&leases).await;
    assert_eq!(verdicts.len(), released.len());
    let fills = led.iter().map(|(key, token)| fill(key, Permit::Lease(*token), &key[key.len() - 2..]));
    let filled_many = bench.store.fill_many(fills.collect()).await;
    for (at, verdict) in filled_many.into_iter().enumerate() {
        assert_eq!(verdict.expect("a verdict"), Verdict::from(at >= released.len()), "{at}");
    }
    for (key, _) in filled {
        assert_eq!(&bench.hit(key).await.payload[..], &key[key.len() - 2..]);
    }
}

async fn releases_of_many_leases_are_judged_each_by_itself(bench: &Bench<'_>) {
    let keys: Vec<Vec<u8>> = ["held", "other", "none", "filled"].map(|name| bench.key(name)).into();
    let (held, other) = (bench.lead(&keys[0]).await, bench.lead(&keys[1]).await);
    let filled = bench.lead(&keys[3]).await;
    assert_eq!(bench.fill(&keys[3], Permit::Lease(filled), b"value").await.1, Verdict::Accepted);
    let tokens = [held, Token::random(), Token::random(), filled];
    let leases: Vec<(&[u8], Token)> = keys.iter().map(Vec::as_slice).zip(tokens).collect();
    let verdicts = bench.store.release_many(&leases).await;
    let verdicts: Vec<Verdict> = verdicts.into_iter().map(|verdict| verdict.expect("a verdict")).collect();
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::Refused, Verdict::Refused, Verdict::Refused]);
    bench.lead(&keys[0]).await;
    assert_eq!(bench.release(&keys[1], other).await, Verdict::Accepted, "it is still held");
    assert_eq!(&bench.hit(&keys[3]).await.payload[..], b"value");
}

async fn a_lease_twice_among_releases_is_released_once(bench: &Bench<'_>) {
    let (key, beside) = (bench.key("k"), bench.key("beside"));
    let (token, other) = (bench.lead(&key).await, bench.lead(&beside).await);
    let verdicts = bench.store.release_many(&[(&key, token), (&beside, other), (&key, token)]).await;
    let verdicts: Vec<Verdict> = verdicts.into_iter().map(|verdict| verdict.expect("a verdict")).collect();
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::Accepted, Verdict::Refused]);
}

async fn nothing_to_fill_or_to_release_is_nothing(bench: &Bench<'_>) {
    assert!(bench.store.fill_many(Vec::new()).await.is_empty());
    assert!(bench.store.release_many(&[]).await.is_empty());
}

fn fill<'a>(key: &'a [u8], permit: Permit, payload: &[u8]) -> Fill<'a> {
    Fill { key, permit, fill_id: Token::random(), payload: Bytes::copy_from_slice(payload), ttl: VALUE_TTL }
}
