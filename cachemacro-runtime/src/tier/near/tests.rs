use std::num::NonZeroU16;

use bytes::Bytes;

use super::*;
use crate::codec::InProcess;
use crate::error::{Error, ErrorKind};
use crate::form::Form;
use crate::key::{Image, KeyPart};
use crate::store::Token;

const KEY: &[u8] = b"user:1";

fn near(bytes_max: u64) -> Near {
    let clock = Clock::manual();
    // So that there are moments before now.
    clock.advance(Duration::from_secs(100));
    let limits = NearLimits { bytes_max, staleness: Duration::from_secs(1) };
    Near::new(limits, [&b"user:"[..]], &[], clock)
}

/// A near tier whose store has told, and whose time is 500 s now.
fn confirmed(bytes_max: u64) -> Near {
    let near = near(bytes_max);
    near.opened(true);
    confirm(&near);
    near
}

fn confirm(near: &Near) {
    let sent_at = near.clock.now();
    near.confirmed(Beat { sent_at, store_time: Duration::from_secs(500) });
}

fn keep(near: &Near, key: &[u8], ticket: Ticket, entry: &Entry) {
    keep_stamped(near, key, ticket, entry, None);
}

fn keep_stamped(near: &Near, key: &[u8], ticket: Ticket, entry: &Entry, stamp: Option<Stamp>) {
    let seen = &Seen::of(entry, stamp, Arc::new(7_u64));
    near.keep(key, ticket, Keeping { seen, version: 1, bytes: 8, entry });
}

fn entry(filled_at: Duration, ttl: Duration) -> Entry {
    let (fill_id, payload) = (Token::random(), Bytes::new());
    Entry { fill_id, payload, ttl, ttl_left: None, filled_at: Some(filled_at), age: None }
}

/// What is served by the key, and by the arguments; from the map at first, and then from the slots.
fn get(near: &Near, key: &[u8], version: u64) -> Option<u64> {
    let asked = asked_for(key, version);
    let mut served = [None; 4];
    for (at, served) in served.iter_mut().enumerate() {
        let found = (at % 2 == 1).then(|| near.get_asked(asked)).flatten();
        *served = match found {
            Some(found) => found.value().and_then(|value| value.downcast_ref().copied()),
            None => {
                let mut value = None;
                near.serve(key, (at % 2 == 1).then_some(asked), version, &mut |found| {
                    value = found.downcast_ref().copied();
                    value.is_some()
                });
                value
            }
        };
    }
    assert!(served.iter().all(|value| *value == served[0]), "{served:?}");
    served[0]
}

/// The arguments of these keys: a function for each version, as a function has one.
fn asked_for(key: &[u8], version: u64) -> Asked {
    let mut image = Image::new();
    std::str::from_utf8(key).expect("text").image(&mut image);
    let function = u16::try_from(version).ok().and_then(|version| NonZeroU16::new(version + 1));
    Asked::by_image(function.expect("a small one"), image.words().expect("it is short"))
}

fn fresh() -> Entry {
    entry(Duration::from_secs(500), Duration::from_secs(60))
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "watch", "lost")
}

#[test]
fn what_is_kept_is_served_to_its_version_alone() {
    let near = confirmed(1 << 20);
    keep(&near, KEY, near.ticket(KEY).unwrap(), &fresh());
    assert_eq!(get(&near, KEY, 1), Some(7));
    assert_eq!(get(&near, KEY, 2), None);
    assert_eq!(get(&near, b"user:2", 1), None);
}

#[test]
fn keys_that_are_not_told_of_are_not_kept() {
    let near = confirmed(1 << 20);
    assert!(near.ticket(b"users:1").is_none() && near.ticket(b"team:1").is_none());
}

#[test]
fn whatever_is_told_after_a_ticket_refuses_it() {
    let changes: [fn(&Near); 6] = [
        |near| near.changed(KEY),
        |near| near.sweep(&Pattern::new("user:*")),
        |near| near.invalidate(KEY),
        |near| near.flushed(),
        |near| near.closed(lost()),
        |near| {
            near.closed(lost());
            near.opened(true);
        },
    ];
    for change in changes {
        let near = confirmed(1 << 20);
        let ticket = near.ticket(KEY).unwrap();
        change(&near);
        confirm(&near);
        keep(&near, KEY, ticket, &fresh());
        assert_eq!(get(&near, KEY, 1), None);
    }
}

#[test]
fn whatever_is_told_removes_what_is_kept() {
    let changes: [fn(&Near); 5] = [
        |near| near.changed(KEY),
        |near| near.sweep(&Pattern::new("user:*")),
        |near| near.invalidate(KEY),
        |near| near.flushed(),
        |near| near.closed(lost()),
    ];
    for change in changes {
        let near = confirmed(1 << 20);
        keep(&near, KEY, near.ticket(KEY).unwrap(), &fresh());
        assert_eq!(get(&near, KEY, 1), Some(7), "it is in the slots from here on");
        change(&near);
        confirm(&near);
        assert_eq!(get(&near, KEY, 1), None);
        assert_eq!(near.status().entries, 0);
    }
}

#[test]
fn nothing_is_served_that_was_confirmed_too_long_ago() {
    let near = confirmed(1 << 20);
    keep(&near, KEY, near.ticket(KEY).unwrap(), &fresh());
    // The tick of the clock is taken off.
    near.clock.advance(Duration::from_millis(989));
    assert_eq!(get(&near, KEY, 1), Some(7));
    near.clock.advance(Duration::from_millis(1));
    assert_eq!(get(&near, KEY, 1), None);
    assert!(near.status().coherent_for.is_none() && near.status().why_not.is_some());
    confirm(&near);
    assert_eq!(get(&near, KEY, 1), Some(7));
    assert!(near.status().coherent_for.is_some());
}

#[test]
fn a_value_has_the_time_that_it_has_left_in_the_store() {
    let near = confirmed(1 << 20);
    let beat = near.clock.now();
    near.clock.advance(Duration::from_millis(500));
    // Of 60 s, 20 were over when the store told its time, which was not before the beat was sent.
    let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
    let until = |filled_at, serves| near.until(&entry(second * filled_at, minute), serves);
    assert_eq!(until(480, minute), Some(beat + Duration::from_secs(40)));
    assert_eq!(until(480, second * 30), Some(beat + second * 10), "what is kept longer is served no longer");
    assert_eq!(until(400, minute), None);
    assert_eq!(near.until(&Entry { filled_at: None, ..fresh() }, minute), None);
}

#[test]
fn what_is_kept_past_its_ttl_for_those_who_serve_such_is_not_served_here() {
    let (near, second) = (confirmed(1 << 20), Duration::from_secs(1));
    let find =
        |near: &Near| near.find(KEY, Typed::new::<u64, InProcess>(Form { version: 1, ..Form::default() }));
    let stamp = Stamp { fresh: second * 21, cost: second };
    // Kept for a minute, of which it is fresh for 21 s, 20 of them over.
    let entry = entry(second * 480, second * 60);
    keep_stamped(&near, KEY, near.ticket(KEY).unwrap(), &entry, Some(stamp));
    let seen = find(&near).expect("a value");
    assert_eq!((seen.fill_id, seen.stamp, seen.age), (entry.fill_id, stamp, second * 20));
    near.clock.advance(second / 2);
    assert_eq!(find(&near).expect("a value").age, second * 20 + second / 2);
    near.clock.advance(second / 2);
    confirm(&near);
    assert!(find(&near).is_none() && get(&near, KEY, 1).is_none());
}

#[test]
fn no_number_of_keys_or_changes_takes_more_than_its_bytes() {
    let near = confirmed(1 << 20);
    for n in 0..20_000 {
        let key = format!("user:{n}");
        keep(&near, key.as_bytes(), near.ticket(key.as_bytes()).unwrap(), &fresh());
        near.changed(format!("user:{}", n / 2).as_bytes());
        assert!(near.status().bytes <= 1 << 20);
    }
    assert!(near.status().entries > 1000, "{}", near.status());
    let entry = &fresh();
    let large = Keeping { seen: &Seen::of(entry, None, Arc::new(7_u64)), version: 1, bytes: 1 << 20, entry };
    near.keep(KEY, near.ticket(KEY).unwrap(), large);
    assert_eq!(get(&near, KEY, 1), None);
}

#[tokio::test]
async fn who_waits_for_a_change_is_woken_by_one_that_came_before_the_wait() {
    let near = confirmed(1 << 20);
    let change = near.change(KEY);
    near.changed(KEY);
    change.await;
    let change = near.change(KEY);
    near.closed(lost());
    change.await;
}
