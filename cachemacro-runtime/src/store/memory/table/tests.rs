use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn table(bytes_max: u64, entries_max: u64) -> LeaseTable<u32> {
    LeaseTable::new(MemoryLimits { bytes_max, entries_max }, Clock::manual())
}

fn store(table: &LeaseTable<u32>, key: &str, bytes: usize) -> Verdict {
    let token = Token::random();
    let lease = Lease { token, ttl: Duration::from_secs(3) };
    match table.lookup(key.as_bytes(), Some(lease)) {
        Sighting::Lead => table.fill(
            key.as_bytes(),
            TableFill {
                permit: Permit::Lease(token),
                fill_id: Token::random(),
                value: 7,
                bytes,
                ttl: Duration::from_secs(60),
                serves: Duration::from_secs(60),
            },
        ),
        other => panic!("{key} is not absent: {other:?}"),
    }
}

#[test]
fn it_stays_within_its_bytes() {
    let table = table(1 << 20, 1 << 20);
    for n in 0..10_000 {
        let _ = store(&table, &format!("k:{n}"), 1000);
        assert!(table.bytes() <= 1 << 20, "{} bytes after {n} fills", table.bytes());
    }
    assert!(table.bytes() > 1 << 19, "it evicts more than it needs to: {} bytes left", table.bytes());
}

#[test]
fn it_stays_within_its_entries() {
    let table = table(1 << 30, 1000);
    for n in 0..10_000 {
        let _ = store(&table, &format!("k:{n}"), 1);
    }
    assert!(table.len() <= 1000, "{} entries", table.len());
    assert!(table.len() > 500, "{} entries", table.len());
}

#[test]
fn what_cannot_be_kept_is_told_apart_before_it_is_stored() {
    let table = table(1 << 20, 1 << 20);
    assert!(!table.fits(b"k", 1 << 20));
    let largest = usize::try_from(table.entry_weight_max() - SLOT_OVERHEAD_BYTES).unwrap() - 1;
    assert!(table.fits(b"k", largest));
    assert_eq!(store(&table, "k", largest), Verdict::Accepted);
    assert!(table.get(b"k").is_some(), "the largest that fits is kept");
}

#[test]
fn leases_and_values_end_when_their_time_is_over() {
    let table = table(1 << 20, 1 << 20);
    assert_eq!(store(&table, "k", 1), Verdict::Accepted);
    table.clock.advance(Duration::from_secs(60));
    assert!(table.get(b"k").is_none());
    assert!(table.keys(&Pattern::new("*")).is_empty());
    assert!(!table.invalidate(b"k"), "an expired value counts as none");
}

#[test]
fn no_pressure_evicts_a_guard() {
    let table = table(1 << 20, 1 << 20);
    let guard = Lease { token: Token::random(), ttl: Duration::from_secs(10) };
    assert_eq!(store(&table, "filled", 1000), Verdict::Accepted);
    for key in ["filled", "absent"] {
        assert_eq!(table.begin(key.as_bytes(), guard), Begun::Guarded);
    }
    for n in 0..10_000 {
        let key = format!("k:{n}");
        let _ = store(&table, &key, 1000);
        assert!(table.bytes() <= 1 << 20, "{} bytes after {n} fills", table.bytes());
        // What is read again presses on what is kept longest too.
        let _ = (table.get(key.as_bytes()), table.get(key.as_bytes()));
    }
    assert!(matches!(table.lookup(b"filled", None), Sighting::Guarded(Some(_))));
    assert!(matches!(table.lookup(b"absent", None), Sighting::Guarded(None)));
    for key in ["filled", "absent"] {
        assert_eq!(table.end(key.as_bytes(), guard.token), Verdict::Accepted, "{key}");
    }
}

#[test]
fn a_guard_whose_time_is_over_makes_room() {
    let table = table(1 << 20, 1 << 20);
    for n in 0..10_000 {
        let guard = Lease { token: Token::random(), ttl: Duration::from_secs(10) };
        assert_eq!(table.begin(format!("g:{n}").as_bytes(), guard), Begun::Guarded);
    }
    assert!(table.len() == 10_000, "all of them are kept, whatever it takes");
    table.clock.advance(Duration::from_secs(10));
    for n in 0..10_000 {
        let _ = store(&table, &format!("k:{n}"), 1000);
    }
    assert!(table.bytes() <= 1 << 20, "{} bytes", table.bytes());
}

#[test]
fn steps_of_many_threads_on_one_key_come_one_after_the_other() {
    let table = table(1 << 20, 1 << 20);
    let writer = |_| {
        for _ in 0..2_000 {
            let guard = Lease { token: Token::random(), ttl: Duration::from_secs(10) };
            assert_eq!(table.begin(b"k", guard), Begun::Guarded);
            assert!(matches!(table.lookup(b"k", Some(guard)), Sighting::Guarded(_)));
            let (token, ttl, serves) = (guard.token, guard.ttl, guard.ttl);
            let put = TablePut { guard: token, fill_id: token, value: 7, bytes: 1, ttl, serves };
            let _ = table.put(b"k", put);
            table.invalidate(b"k");
        }
    };
    let reader = |_| {
        for _ in 0..2_000 {
            let lease = Lease { token: Token::random(), ttl: Duration::from_secs(3) };
            if let Sighting::Lead = table.lookup(b"k", Some(lease)) {
                let permit = Permit::Lease(lease.token);
                let (ttl, serves) = (lease.ttl, lease.ttl);
                let fill = TableFill { permit, fill_id: lease.token, value: 7, bytes: 1, ttl, serves };
                if table.fill(b"k", fill) == Verdict::Refused {
                    assert_eq!(table.release(b"k", lease.token), Verdict::Refused);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for at in 0..2 {
            scope.spawn(move || writer(at));
            scope.spawn(move || reader(at));
        }
    });
    assert!(!matches!(table.lookup(b"k", None), Sighting::Guarded(_)), "every guard was ended");
}

#[test]
fn nothing_is_stored_while_keys_are_listed() {
    let table = table(1 << 20, 1 << 20);
    for (key, listed) in [("before", false), ("meanwhile", true)] {
        let listing = listed.then(|| Listing::begin(&table.listings));
        let expected = if listed { Verdict::Refused } else { Verdict::Accepted };
        assert_eq!(store(&table, key, 1), expected, "{key}");
        drop(listing);
    }
    assert_eq!(table.keys(&Pattern::new("*")), [b"before".to_vec()], "a lease is given up too");
}

#[test]
fn no_keys_are_listed_while_a_value_is_between_two_places() {
    /// Dropped as it is replaced, when its place is empty.
    #[derive(Clone)]
    struct Probe(std::sync::Weak<LeaseTable<Probe>>);
    impl Drop for Probe {
        fn drop(&mut self) {
            if let Some(table) = self.0.upgrade()
                && !table.slots.contains_key(&b"k"[..])
            {
                assert!(table.listings.try_write().is_err(), "it would be in no list");
                REPLACED.store(true, Ordering::Relaxed);
            }
        }
    }
    static REPLACED: AtomicBool = AtomicBool::new(false);

    let limits = MemoryLimits { bytes_max: 1 << 20, entries_max: 1 << 20 };
    let table = Arc::new(LeaseTable::<Probe>::new(limits, Clock::manual()));
    let probe = Probe(Arc::downgrade(&table));
    let (token, ttl) = (Token::random(), Duration::from_secs(60));
    assert!(matches!(table.lookup(b"k", Some(Lease { token, ttl })), Sighting::Lead));
    for permit in [Permit::Lease(token), Permit::Replace(token)] {
        let fill = TableFill { permit, fill_id: token, value: probe.clone(), bytes: 1, ttl, serves: ttl };
        assert_eq!(table.fill(b"k", fill), Verdict::Accepted);
    }
    assert!(REPLACED.load(Ordering::Relaxed), "the old value is dropped as its place is empty");
}
