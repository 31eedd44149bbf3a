//! What is known of a type that is stored: its fingerprints, and whether it has to go as JSON.

use std::any::{TypeId, type_name};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use serde::de::DeserializeOwned;

use super::Codec;
use super::fingerprint::{self, Fingerprint};
use crate::error::{Error, ErrorKind};

/// How a type is carried.
#[derive(Debug)]
pub(super) struct Carriage {
    type_name: &'static str,
    compact: &'static Fingerprint,
    /// As a format that people read sees it: an address is text there.
    readable: &'static Fingerprint,
    /// A codec without field names could not carry a value of it, or never could.
    falls_back: AtomicBool,
    is_noted: AtomicBool,
}

thread_local! {
    /// The one that was asked for last: a value that is read asks for its type more than once.
    static LAST: Cell<Option<(TypeId, &'static Carriage)>> = const { Cell::new(None) };
}

/// That of a type.
pub(super) fn of<V: DeserializeOwned + 'static>() -> &'static Carriage {
    match LAST.get() {
        Some((of, carriage)) if of == TypeId::of::<V>() => carriage,
        _ => {
            let carriage = known_or_made::<V>();
            LAST.set(Some((TypeId::of::<V>(), carriage)));
            carriage
        }
    }
}

fn known_or_made<V: DeserializeOwned + 'static>() -> &'static Carriage {
    type Memo = RwLock<HashMap<TypeId, &'static Carriage>>;
    static MEMO: OnceLock<Memo> = OnceLock::new();
    let memo = MEMO.get_or_init(Memo::default);
    let known = |memo: &HashMap<_, _>| memo.get(&TypeId::of::<V>()).copied();
    if let Some(carriage) = known(&memo.read().unwrap_or_else(PoisonError::into_inner)) {
        return carriage;
    }
    let (compact, readable) = (fingerprint::of::<V>(false), fingerprint::of::<V>(true));
    let mut memo = memo.write().unwrap_or_else(PoisonError::into_inner);
    // As many as there are types in the program.
    memo.entry(TypeId::of::<V>()).or_insert_with(|| {
        Box::leak(Box::new(Carriage {
            type_name: type_name::<V>(),
            compact,
            readable,
            falls_back: AtomicBool::new(!compact.is_plain),
            is_noted: AtomicBool::new(false),
        }))
    })
}

impl Carriage {
    pub(super) fn fingerprint<C: Codec>(&self) -> &'static Fingerprint {
        if C::IS_HUMAN_READABLE { self.readable } else { self.compact }
    }

    /// Whether a codec without field names can carry any value of it at all.
    pub(super) fn is_plain(&self) -> bool {
        self.compact.is_plain
    }

    /// Whether values go as JSON, where a codec without field names is asked for.
    pub(super) fn falls_back(&self) -> bool {
        self.falls_back.load(Ordering::Relaxed)
    }

    /// From now on they do.
    pub(super) fn fall_back<C: Codec>(&self) {
        self.falls_back.store(true, Ordering::Relaxed);
        self.note::<C>();
    }

    /// Says, once, what is to be known of the type: to the status, and aloud if it goes as JSON.
    pub(super) fn note<C: Codec>(&self) {
        let falls_back = !C::NAMES_FIELDS && self.falls_back();
        let blind_spots = &self.fingerprint::<C>().blind_spots;
        let has_something_to_say = falls_back || !blind_spots.is_empty();
        if !has_something_to_say || self.is_noted.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
        notes.extend(blind_spots.iter().map(ToString::to_string));
        if falls_back {
            let as_what = if cfg!(feature = "json") {
                "is stored as json"
            } else {
                "is not stored; enable the feature `json`"
            };
            let note = format!("`{}` cannot be carried by {}, and {as_what}", self.type_name, C::NAME);
            crate::trace::warn_once(&Error::new(ErrorKind::Unstorable, "encoding of a value", note.clone()));
            notes.push(note);
        }
    }
}

/// As many as there are types in the program, and blind spots in them.
static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What was found out about the types that this process has stored.
pub(crate) fn notes() -> Vec<String> {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
