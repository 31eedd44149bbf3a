use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::codec::{InProcess, Typed};
use crate::form::Form;
use crate::key::{Image, KeyPart};
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
    let form = typed::<V>();
    let permit = match l1.lookup(key, form, Lease { token, ttl: HOUR }) {
        L1Sighting::Hit(seen) => Permit::Replace(seen.fill_id),
        _ => Permit::Lease(token),
    };
    let life = Life { stamp: Stamp { fresh: HOUR, cost: Duration::ZERO }, kept: HOUR };
    let value: Shared = Arc::new(value);
    let storing = Storing { key, form, permit, mark: 0, notes: None, value: &value, life };
    l1.fill(storing).expect("it fits")
}

fn typed<V: Local>() -> Typed {
    Typed::new::<V, InProcess>(Form { version: 0, encoding: None, value_bytes_max: usize::MAX })
}

/// By what a value is found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Key,
    Image,
}

/// By the key last: what is kept by that is found by it, whatever the arguments.
const WAYS: [By; 2] = [By::Image, By::Key];

/// The arguments that a key is written of, in these tests.
fn asked_for(key: &str) -> Asked {
    let mut image = Image::new();
    key.image(&mut image);
    Asked::by_image(NonZeroU16::MIN, image.words().expect("it is short"))
}

/// What is served, by the table at first and then from here.
fn served<V: Local>(l1: &L1, key: &str) -> Option<V> {
    let [by_image, by_key] = WAYS.map(|by| served_by(l1, key, by));
    assert_eq!(by_key.is_some(), by_image.is_some(), "{key}");
    by_key.and(by_image)
}

/// The same by one way alone.
fn served_by<V: Local>(l1: &L1, key: &str, by: By) -> Option<V> {
    let mut served = None;
    for _ in 0..2 {
        served = look(l1, key, by, &mut |l1| {
            let asked = (by == By::Image).then(|| asked_for(key));
            let mut served = None;
            l1.serve(key.as_bytes(), asked, 0, &mut |found| {
                served = found.downcast_ref().cloned();
                served.is_some()
            });
            served
        });
    }
    served
}

/// What is found here, or else by what comes after.
fn look<V: Local>(l1: &L1, key: &str, by: By, or: &mut dyn FnMut(&L1) -> Option<V>) -> Option<V> {
    let found = match by {
        By::Image => l1.get_asked(asked_for(key)),
        By::Key => None,
    };
    match found {
        Some(found) => found.value()?.downcast_ref().cloned(),
        None => or(l1),
    }
}

/// Whether a value is found here, without a look at the table.
fn is_kept(l1: &L1, key: &str, by: By) -> bool {
    match by {
        By::Key => {
            let hash = l1.hot.hash(key.as_bytes());
            l1.hot.get(key.as_bytes(), hash, 0, l1.clock.now(), &mut |_| true)
        }
        By::Image => l1.get_asked(asked_for(key)).is_some(),
    }
}

#[test]
fn what_is_read_is_kept_here_and_served() {
    let l1 = l1(1 << 20);
    assert_eq!(served::<u64>(&l1, "k"), None);
    assert_eq!(store(&l1, "k", 7_u64), Verdict::Accepted);
    for by in WAYS {
        assert!(!is_kept(&l1, "k", by), "it has not been read yet");
        assert_eq!(served_by(&l1, "k", by), Some(7_u64));
        assert!(is_kept(&l1, "k", by));
        assert_eq!(served_by::<u32>(&l1, "k", by), None, "it is of another type");
    }
    assert!(!l1.serve(b"k", None, 1, &mut |_| true), "it is of another version");
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
    for asked in [None, Some(asked_for("k"))] {
        let stored = Stored::new(b"k", Arc::clone(&value) as Shared, 0, stamp);
        let ticket = hot.ticket(hash);
        hot.gone(b"k");
        hot.forget(&stored);
        hot.keep(&stored, asked, ticket, now, now + HOUR);
        assert!(!hot.get(b"k", hash, 0, now, &mut |_| true));
        assert!(hot.get_asked(asked_for("k"), now).is_none());
        drop(stored);
        assert_eq!(Arc::strong_count(&value), 1, "it takes no room either");
    }
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
fn what_is_read_all_the_time_is_not_evicted_for_what_is_not() {
    for by in WAYS {
        let l1 = l1(1 << 20);
        let _ = store(&l1, "k", 1_u64);
        for n in 0..20_000 {
            assert_eq!(served_by(&l1, "k", by), Some(1_u64), "it is evicted after {n} others");
            let key = format!("k:{n}");
            let _ = store(&l1, &key, n);
            assert_eq!(served_by(&l1, &key, by), Some(n));
        }
    }
}

#[test]
fn the_table_is_asked_again_once_a_sixteenth_of_it_has_come_anew_and_after_a_while() {
    for by in WAYS {
        let l1 = l1(1 << 20);
        let _ = store(&l1, "k", 1_u64);
        assert_eq!(served_by(&l1, "k", by), Some(1_u64));
        let before = l1.hot.filled.load(Ordering::Relaxed);
        l1.hot.filled(SHARE_ASKED - before % SHARE_ASKED - 1);
        assert!(is_kept(&l1, "k", by), "without need it is not");
        l1.hot.filled(1);
        assert!(!is_kept(&l1, "k", by));
        assert_eq!(served_by(&l1, "k", by), Some(1_u64));
        l1.clock.advance(LONGEST - Duration::from_nanos(1));
        assert!(is_kept(&l1, "k", by));
        l1.clock.advance(Duration::from_nanos(1));
        assert!(!is_kept(&l1, "k", by));
    }
}

#[test]
fn two_functions_with_equal_arguments_are_not_taken_for_each_other() {
    let l1 = l1(1 << 20);
    let (ours, other) = (asked_for("k"), Asked::by_key(NonZeroU16::MIN, asked_for("k").words));
    for (key, asked, value) in [("ours", ours, 1_u64), ("other", other, 2)] {
        let _ = store(&l1, key, value);
        assert!(l1.get_asked(asked).is_none());
        assert!(l1.serve(key.as_bytes(), Some(asked), 0, &mut |found| found.is::<u64>()));
    }
    let value = |asked| l1.get_asked(asked).and_then(|found| found.value()?.downcast_ref::<u64>().copied());
    assert_eq!((value(ours), value(other)), (Some(1), Some(2)));
    l1.invalidate(b"ours");
    assert_eq!((value(ours), value(other)), (None, Some(2)));
}

#[test]
fn of_many_functions_with_equal_arguments_one_finds_what_it_has_kept() {
    // So few slots that many of them look into the same one.
    let l1 = l1(1 << 17);
    let ours = asked_for("k");
    assert_eq!(store(&l1, "k", 7_u64), Verdict::Accepted);
    assert!(l1.serve(b"k", Some(ours), 0, &mut |found| found.is::<u64>()));
    let finds = |number: &u16| {
        let function = NonZeroU16::new(*number).expect("it is not 0");
        l1.get_asked(Asked::by_image(function, ours.words)).is_some()
    };
    assert_eq!((1..4096).filter(finds).collect::<Vec<_>>(), [ours.function.get()]);
}

#[test]
fn two_functions_that_share_an_entry_both_lose_it() {
    let l1 = l1(1 << 20);
    let (ours, other) = (asked_for("k"), Asked::by_key(NonZeroU16::MIN, asked_for("k").words));
    let dropped = Arc::new(());
    let _ = store(&l1, "k", Arc::clone(&dropped));
    for asked in [ours, other, ours, other] {
        assert!(l1.serve(b"k", Some(asked), 0, &mut |found| found.is::<Arc<()>>()));
    }
    assert!(l1.get_asked(ours).is_some());
    assert!(l1.get_asked(other).is_none() && is_kept(&l1, "k", By::Key), "it finds it by the key");
    l1.invalidate(b"k");
    assert!(l1.get_asked(ours).is_none() && !is_kept(&l1, "k", By::Key));
    assert_eq!(Arc::strong_count(&dropped), 1, "nothing of it is left");
}

#[test]
fn a_slot_is_a_cache_line() {
    assert_eq!(size_of::<Slot>(), 64);
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
            assert!(l1.serve(b"k", None, 0, &mut |found| found.is::<Odd>()));
            l1.invalidate(b"k");
            Self
        }
    }
    impl Drop for Odd {
        fn drop(&mut self) {
            let l1 = L1_OF_ODD.get().expect("it was made before the value");
            l1.serve(b"k", Some(asked_for("k")), 0, &mut |found| found.is::<Odd>());
            l1.invalidate(b"other");
        }
    }

    let l1 = L1_OF_ODD.get_or_init(|| l1(1 << 20));
    for (at, by) in WAYS.into_iter().enumerate() {
        let _ = store(l1, "k", Odd);
        assert!(served_by::<Odd>(l1, "k", by).is_none(), "the first clone has invalidated it");
        assert_eq!(CLONED.load(Ordering::Relaxed), 1 + at as u64);
    }
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
            let by = WAYS[hits as usize % 2];
            match served_by::<u64>(&l1, "k", by) {
                Some(version) => {
                    assert!(version >= least, "{version} was served after {least} was acknowledged");
                    hits += 1;
                }
                None => {
                    let token = l1.token();
                    let form = typed::<u64>();
                    if let L1Sighting::Lead = l1.lookup(b"k", form, Lease { token, ttl: HOUR }) {
                        let version = source.load(Ordering::SeqCst);
                        let life = Life { stamp: Stamp { fresh: HOUR, cost: Duration::ZERO }, kept: HOUR };
                        let (permit, value) = (Permit::Lease(token), &(Arc::new(version) as Shared));
                        let storing = Storing { key: b"k", form, permit, mark: 0, notes: None, value, life };
                        if l1.fill(storing).expect("it fits") == Verdict::Refused {
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
