use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::codec::InProcess;
use crate::form::Form;
use crate::policy::{Life, Stamp};
use crate::shape::{Local, Shared};
use crate::store::memory::MemoryLimits;
use crate::store::{Lease, Permit, Verdict};
use crate::tier::Storing;
use crate::tier::l1::{L1, L1Sighting};

const HOUR: Duration = Duration::from_secs(3600);

fn l1(bytes_max: u64) -> L1 {
    L1::new(MemoryLimits { bytes_max, ..MemoryLimits::default() }, &[], Clock::manual())
}

fn store<V: Local>(l1: &L1, key: &str, value: V) -> Verdict {
    let (key, token) = (key.as_bytes(), l1.token());
    let permit = match l1.lookup::<V>(key, 0, Lease { token, ttl: HOUR }) {
        L1Sighting::Hit(seen) => Permit::Replace(seen.fill_id),
        _ => Permit::Lease(token),
    };
    let form = Form { version: 0, encoding: None, value_bytes_max: usize::MAX };
    let life = Life { stamp: Stamp { fresh: HOUR, cost: Duration::ZERO }, kept: HOUR };
    let storing = Storing { key, form, permit, mark: 0, notes: None, value: &Arc::new(value), life };
    l1.fill::<V, InProcess>(storing).expect("it fits")
}

/// What is served, by the table at first and then from here.
fn served<V: Local>(l1: &L1, key: &str) -> Option<V> {
    let mut served = None;
    for _ in 0..2 {
        served = None;
        l1.serve(key.as_bytes(), 0, &mut |found| {
            served = found.downcast_ref().cloned();
            served.is_some()
        });
    }
    served
}

/// Whether the slot of a key is in use on this processor's desk.
fn is_kept(l1: &L1, key: &str) -> bool {
    let hash = l1.hot.hash(key.as_bytes());
    l1.hot.own_slot(hash).is_some_and(|slot| slot.is_some())
}

#[test]
fn what_is_read_is_kept_here_and_served() {
    let l1 = l1(1 << 20);
    assert_eq!(served::<u64>(&l1, "k"), None);
    assert_eq!(store(&l1, "k", 7_u64), Verdict::Accepted);
    assert!(!is_kept(&l1, "k"), "it has not been read yet");
    assert_eq!(served(&l1, "k"), Some(7_u64));
    assert!(is_kept(&l1, "k"));
    assert_eq!(served::<u32>(&l1, "k"), None, "it is of another type");
    assert!(!l1.serve(b"k", 1, &mut |_| true), "it is of another version");
    assert_eq!(served::<u64>(&l1, "l"), None);
}

#[test]
fn no_thread_is_served_what_was_invalidated_replaced_or_guarded() {
    let l1 = l1(1 << 20);
    let everywhere = |expected: Option<u64>| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(served(&l1, "k"), expected));
            }
        });
    };
    let _ = store(&l1, "k", 1_u64);
    everywhere(Some(1));
    let _ = store(&l1, "k", 2_u64);
    everywhere(Some(2));
    l1.invalidate(b"k");
    everywhere(None);
    let _ = store(&l1, "k", 3_u64);
    everywhere(Some(3));
    let guard = Lease { token: l1.token(), ttl: HOUR };
    l1.begin(&[b"k"], guard).expect("the only one");
    everywhere(None);
    l1.end(b"k", guard.token);
    everywhere(None);
}

#[test]
fn nothing_is_served_once_all_was_invalidated() {
    let l1 = l1(1 << 20);
    for key in ["a", "b"] {
        assert_eq!(store(&l1, key, 1_u64), Verdict::Accepted);
        assert_eq!(served(&l1, key), Some(1_u64));
    }
    l1.invalidate_all();
    assert_eq!((served::<u64>(&l1, "a"), served::<u64>(&l1, "b")), (None, None));
}

#[test]
fn what_expires_is_not_served() {
    let l1 = l1(1 << 20);
    let _ = store(&l1, "k", 1_u64);
    assert_eq!(served(&l1, "k"), Some(1_u64));
    l1.clock.advance(HOUR);
    assert_eq!(served::<u64>(&l1, "k"), None);
}

#[test]
fn what_was_found_before_an_invalidation_is_neither_served_nor_kept_after_it() {
    let hot = Arc::new(Hot::new(1 << 20).0);
    hot.open();
    let (hash, now, value) = (hot.hash(b"k"), Moment::FIRST, Arc::new(7_u64));
    let stamp = Stamp { fresh: HOUR, cost: Duration::ZERO };
    let stored = Stored::new(b"k", Arc::clone(&value) as Shared, 0, stamp);
    let ticket = hot.ticket(hash);
    hot.gone(b"k");
    hot.forget(b"k");
    hot.keep(stored, ticket, now, now + HOUR);
    assert!(!hot.get(b"k", hash, 0, now, &mut |_| true));
    assert_eq!(Arc::strong_count(&value), 1, "it takes no room either");
}

#[test]
fn what_is_taken_from_the_table_takes_no_room_here() {
    let (l1, dropped) = (l1(1 << 20), Arc::new(()));
    let _ = store(&l1, "invalidated", Arc::clone(&dropped));
    let _ = store(&l1, "evicted", Arc::clone(&dropped));
    for key in ["invalidated", "evicted"] {
        assert_eq!(served(&l1, key), Some(Arc::clone(&dropped)));
    }
    assert_eq!(Arc::strong_count(&dropped), 3);
    l1.invalidate(b"invalidated");
    assert_eq!(Arc::strong_count(&dropped), 2);
    for n in 0..20_000 {
        let key = format!("k:{n}");
        let _ = store(&l1, &key, n);
        // What is read presses on what was read before.
        assert_eq!(served(&l1, &key), Some(n));
    }
    assert_eq!(Arc::strong_count(&dropped), 1, "nothing of what was evicted is left");
}

#[test]
fn the_table_is_asked_again_after_a_while_so_that_it_knows_what_is_read() {
    let l1 = l1(1 << 20);
    let _ = store(&l1, "k", 1_u64);
    for _ in 0..100 {
        assert_eq!(served(&l1, "k"), Some(1_u64));
        let hash = l1.hot.hash(b"k");
        assert!(l1.hot.get(b"k", hash, 0, l1.clock.now(), &mut |_| true));
        l1.clock.advance(AGAIN);
        assert!(!l1.hot.get(b"k", hash, 0, l1.clock.now(), &mut |_| true));
        let _ = store(&l1, "other", 1_u64);
    }
    for n in 0..20_000 {
        let key = format!("k:{n}");
        let _ = store(&l1, &key, n);
        assert_eq!(served(&l1, &key), Some(n));
        if n % 100 == 0 {
            l1.clock.advance(AGAIN);
            assert_eq!(
                served(&l1, "k"),
                Some(1_u64),
                "what is read all the time is evicted after {n} others"
            );
        }
    }
}

#[test]
fn a_value_may_ask_the_cache_as_it_is_cloned_and_dropped() {
    static L1_OF_ODD: OnceLock<L1> = OnceLock::new();
    static CLONED: AtomicU64 = AtomicU64::new(0);

    struct Odd;
    impl Clone for Odd {
        fn clone(&self) -> Self {
            CLONED.fetch_add(1, Ordering::Relaxed);
            let l1 = L1_OF_ODD.get().expect("it was made before the value");
            assert!(l1.serve(b"k", 0, &mut |found| found.is::<Odd>()));
            l1.invalidate(b"k");
            Self
        }
    }
    impl Drop for Odd {
        fn drop(&mut self) {
            let l1 = L1_OF_ODD.get().expect("it was made before the value");
            l1.serve(b"k", 0, &mut |found| found.is::<Odd>());
            l1.invalidate(b"other");
        }
    }

    let l1 = L1_OF_ODD.get_or_init(|| l1(1 << 20));
    let _ = store(l1, "k", Odd);
    assert!(served::<Odd>(l1, "k").is_none(), "the first clone has invalidated it");
    assert_eq!(CLONED.load(Ordering::Relaxed), 1);
}

/// Writers count a source up and invalidate; whoever asks after that finds no less.
#[test]
fn readers_on_many_threads_see_every_invalidation_that_was_over_before() {
    let (l1, source, acknowledged) = (l1(1 << 20), AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    let reads = || {
        let mut hits = 0_u64;
        while !is_over.load(Ordering::Relaxed) {
            let least = acknowledged.load(Ordering::SeqCst);
            match served::<u64>(&l1, "k") {
                Some(version) => {
                    assert!(version >= least, "{version} was served after {least} was acknowledged");
                    hits += 1;
                }
                None => {
                    let token = l1.token();
                    if let L1Sighting::Lead = l1.lookup::<u64>(b"k", 0, Lease { token, ttl: HOUR }) {
                        let version = source.load(Ordering::SeqCst);
                        let form = Form { version: 0, encoding: None, value_bytes_max: usize::MAX };
                        let life = Life { stamp: Stamp { fresh: HOUR, cost: Duration::ZERO }, kept: HOUR };
                        let (permit, value) = (Permit::Lease(token), &Arc::new(version));
                        let storing = Storing { key: b"k", form, permit, mark: 0, notes: None, value, life };
                        if l1.fill::<u64, InProcess>(storing).expect("it fits") == Verdict::Refused {
                            let _ = l1.release(b"k", token);
                        }
                    }
                }
            }
        }
        hits
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(reads)).collect();
        for version in 1..=10_000 {
            source.store(version, Ordering::SeqCst);
            l1.invalidate(b"k");
            acknowledged.store(version, Ordering::SeqCst);
            if version % 16 == 0 {
                std::thread::yield_now();
            }
        }
        is_over.store(true, Ordering::Relaxed);
        let hits: u64 = readers.into_iter().map(|reader| reader.join().expect("nothing stale")).sum();
        assert!(hits > 0, "nothing was ever served");
    });
}
