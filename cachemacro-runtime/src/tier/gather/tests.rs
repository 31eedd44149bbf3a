//! Who joins a batch, and what becomes of it where no task can be spawned.

use super::*;

#[test]
fn a_key_is_asked_for_once_whoever_asks() {
    let mut batch = Batch::new(0, Size::default());
    let mut join = |key: &[u8]| batch.join(key, Waker::noop());
    assert_eq!([join(b"one"), join(b"two"), join(b"one"), join(b"")], [0, 1, 2, 3].map(Some));
    assert_eq!(batch.keys.all(), [&b"one"[..], b"two", b""]);
    let places: Vec<usize> = batch.members.iter().map(|member| member.at).collect();
    assert_eq!(places, [0, 1, 0, 2]);
}

#[test]
fn a_batch_that_is_sent_or_full_is_not_joined() {
    let mut batch = Batch::new(0, Size::default());
    assert_eq!(batch.join(b"one", Waker::noop()), Some(0));
    for number in 1..KEYS_MAX {
        assert!(batch.join(&number.to_be_bytes(), Waker::noop()).is_some());
    }
    assert_eq!(batch.join(b"more", Waker::noop()), None);
    assert!(batch.join(b"one", Waker::noop()).is_some(), "that takes no room");
    batch.at = BatchAt::Sent;
    assert_eq!(batch.join(b"one", Waker::noop()), None);
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn where_no_task_can_be_spawned_everybody_asks_for_itself() {
    use crate::store::redis::{RedisConfig, RedisStore};

    let store = RedisStore::connect_lazily(RedisConfig::new("redis://127.0.0.1:1")).expect("a usable config");
    let gatherers = Arc::new(Gatherers::new(Arc::new(Gate::new(Arc::new(store))), Tasks::closed()));
    let under_way = gatherers.asks(b"key").expect("it has lanes");
    let (first, second) = (gatherers.join(b"key"), gatherers.join(b"key"));
    let (first, second) = tokio::join!(first.expect("it is calm"), second.expect("it is calm"));
    assert!(matches!((first, second), (Some(Found::Absent), Some(Found::Absent))));
    drop(under_way);
    assert!(gatherers.join(b"key").expect("it is calm").await.is_none(), "nothing is under way");
}

#[test]
fn a_batch_has_room_at_once_for_as_many_as_the_one_before_but_not_for_any_number() {
    let mut batch = Batch::new(0, Size::default());
    for number in 0..100_usize {
        batch.join(&number.to_be_bytes(), Waker::noop());
    }
    let next = Batch::new(1, batch.size());
    assert!(next.members.capacity() >= 100 && next.keys.hashes.capacity() >= 100);
    assert!(next.keys.bytes.capacity() >= 800);
    for _ in 0..100_000 {
        batch.join(&[0; 8], Waker::noop());
    }
    batch.join(&[1; 1 << 20], Waker::noop());
    let next = Batch::new(2, batch.size());
    assert!(next.members.capacity() <= MEMBERS_EXPECTED_MAX);
    assert!(next.keys.bytes.capacity() <= KEY_BYTES_EXPECTED_MAX);
}
