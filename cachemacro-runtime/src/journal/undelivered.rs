//! What waits, within bounds: keys, and past the bounds the templates of keys.

use std::collections::{BTreeMap, BTreeSet};

use super::Doomed;
use crate::key::{ERA_KEY, Template};
use crate::site::registry;
use crate::store::{Pattern, Token};

/// How many guards of one key are ended by name; those past it end when their time is over.
const GUARDS_MAX: usize = 8;

/// How many patterns are kept; past it, all keys are to be invalidated.
const PATTERNS_MAX: usize = 1000;

/// What one key costs beside its bytes, about: the map's entry and the allocations.
const KEY_OVERHEAD_BYTES: usize = 96;

/// How many invalidations are kept that the store has not taken yet, and of the last minute.
///
/// Past either bound nothing is lost: what is kept then is the templates of the keys, nothing is read from
/// the store, and when it answers again all its keys of these templates are invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLimits {
    /// The number of keys; 100,000 by default.
    pub keys_max: usize,
    /// Their bytes, with about 100 for each key itself; 32 MiB by default.
    pub bytes_max: usize,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self { keys_max: 100_000, bytes_max: 32 << 20 }
    }
}

impl JournalLimits {
    /// Whether so many keys of so many bytes are too much.
    pub(super) fn are_exceeded(self, keys: usize, bytes: usize) -> bool {
        keys > self.keys_max || bytes + keys * KEY_OVERHEAD_BYTES > self.bytes_max
    }
}

/// What waits.
pub(super) struct Undelivered {
    limits: JournalLimits,
    // In order, so that a simulation sends the same batches for the same seed.
    keys: BTreeMap<Box<[u8]>, Kept>,
    /// Each with the number of the last invalidation by it.
    patterns: BTreeMap<Pattern, u64>,
    bytes: usize,
    /// What too many keys were made into, and the number of the last one of them.
    overflow: Option<(BTreeSet<Overflown>, u64)>,
    /// Whether there was a key too many that no template is known of: nothing brings that back.
    lost: bool,
}

struct Kept {
    /// The number of its last invalidation: a delivery of the one before does not settle it.
    number: u64,
    guards: Vec<Token>,
    template: Option<Template>,
}

/// One key to be delivered.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) key: Box<[u8]>,
    pub(super) guards: Vec<Token>,
    number: u64,
}

/// A template, ordered by what it looks like.
#[derive(Clone, Copy)]
struct Overflown(Template);

impl Undelivered {
    pub(super) fn new(limits: JournalLimits) -> Self {
        Self {
            limits,
            keys: BTreeMap::new(),
            patterns: BTreeMap::new(),
            bytes: 0,
            overflow: None,
            lost: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.patterns.is_empty() && !self.has_overflowed()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len() + self.patterns.len()
    }

    /// Whether all keys there are wait.
    pub(super) fn has_overflowed(&self) -> bool {
        self.overflow.is_some() || self.lost
    }

    pub(super) fn holds(&self, key: &[u8]) -> bool {
        self.has_overflowed()
            || self.keys.contains_key(key)
            // All of them at once.
            || self.keys.contains_key(ERA_KEY)
            || self.patterns.keys().any(|pattern| pattern.matches(key))
    }

    pub(super) fn keep(&mut self, doomed: Doomed<'_>, guard: Option<Token>, number: u64) {
        let Doomed { key, site } = doomed;
        if !self.keys.contains_key(key) {
            if self.limits.are_exceeded(self.keys.len() + 1, self.bytes + key.len()) {
                self.make_templates(number);
            }
            if let Some(template) = site.map(|site| site.template()).or_else(|| template_of(key))
                && let Some((templates, last)) = &mut self.overflow
            {
                templates.insert(Overflown(template));
                *last = number;
                return;
            }
            if self.limits.are_exceeded(self.keys.len() + 1, self.bytes + key.len()) {
                self.lost = true;
                return;
            }
            self.bytes += key.len();
        }
        let template = site.map(|site| site.template());
        let kept = self.keys.entry(key.into()).or_insert(Kept { number, guards: Vec::new(), template });
        kept.number = number;
        if let Some(guard) = guard.filter(|guard| !kept.guards.contains(guard)) {
            kept.guards.push(guard);
            let too_many = kept.guards.len().saturating_sub(GUARDS_MAX);
            kept.guards.drain(..too_many);
        }
    }

    /// Makes the keys into their templates, where these are known.
    fn make_templates(&mut self, number: u64) {
        let (templates, last) = self.overflow.get_or_insert_with(|| (BTreeSet::new(), number));
        *last = number;
        let bytes = &mut self.bytes;
        self.keys.retain(|key, kept| {
            let Some(template) = kept.template.or_else(|| template_of(key)) else { return true };
            templates.insert(Overflown(template));
            *bytes -= key.len();
            false
        });
    }

    pub(super) fn keep_pattern(&mut self, pattern: &Pattern, number: u64) {
        if self.patterns.len() >= PATTERNS_MAX && !self.patterns.contains_key(pattern) {
            self.patterns.clear();
            self.patterns.insert(Pattern::new("*"), number);
            return;
        }
        self.patterns.insert(pattern.clone(), number);
    }

    /// All patterns that wait, each with its number.
    pub(super) fn patterns(&self) -> Vec<(Pattern, u64)> {
        self.patterns.iter().map(|(pattern, number)| (pattern.clone(), *number)).collect()
    }

    /// The store was swept for a pattern, for all up to this number.
    pub(super) fn forget_pattern(&mut self, pattern: &Pattern, number: u64) {
        if self.patterns.get(pattern) == Some(&number) {
            self.patterns.remove(pattern);
        }
    }

    /// All keys that wait.
    pub(super) fn all(&self) -> Vec<Waiting> {
        let waiting = self.keys.iter().map(|(key, kept)| Waiting {
            key: key.clone(),
            guards: kept.guards.clone(),
            number: kept.number,
        });
        waiting.collect()
    }

    /// The templates that the store is to be swept for, and the number of the last key in them.
    pub(super) fn overflow(&self) -> Option<(Vec<Template>, u64)> {
        let (templates, number) = self.overflow.as_ref()?;
        Some((templates.iter().map(|overflown| overflown.0).collect(), *number))
    }

    /// The store was swept for all up to this number.
    pub(super) fn swept(&mut self, number: u64) {
        if self.overflow.as_ref().is_some_and(|(_, last)| *last == number) {
            self.overflow = None;
        }
    }

    pub(super) fn forget(&mut self, delivered: &[Waiting]) {
        for Waiting { key, number, .. } in delivered {
            if self.keys.get(key).is_some_and(|kept| kept.number == *number) {
                self.keys.remove(key);
                self.bytes -= key.len();
            }
        }
    }
}

/// The template of a function that could have made a key.
fn template_of(key: &[u8]) -> Option<Template> {
    registry().iter().map(|site| site.template()).find(|template| template.matches(key))
}

impl Ord for Overflown {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.to_string().cmp(&other.0.to_string())
    }
}

impl PartialOrd for Overflown {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Overflown {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Overflown {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Piece::{Hole, Text};
    use crate::site::{Site, SiteSpec};

    static USER: Site =
        Site::new(SiteSpec { template: Template(&[Text("user:"), Hole("id")]), ..SiteSpec::PLAIN });

    fn user(key: &'static str) -> Doomed<'static> {
        Doomed { key: key.as_bytes(), site: Some(&USER) }
    }

    fn stranger(key: &'static str) -> Doomed<'static> {
        Doomed { key: key.as_bytes(), site: None }
    }

    fn of(keys_max: usize) -> Undelivered {
        Undelivered::new(JournalLimits { keys_max, bytes_max: 1 << 20 })
    }

    #[test]
    fn a_delivery_does_not_settle_what_came_after_it() {
        let mut undelivered = of(10);
        undelivered.keep(user("user:1"), None, 1);
        let delivered = undelivered.all();
        undelivered.keep(user("user:1"), None, 2);
        undelivered.forget(&delivered);
        assert!(undelivered.holds(b"user:1"));
        undelivered.forget(&undelivered.all());
        assert!(undelivered.is_empty() && undelivered.bytes == 0);
    }

    #[test]
    fn past_its_bounds_it_keeps_templates_and_holds_every_key() {
        let mut undelivered = of(2);
        for (number, key) in (1..).zip(["user:1", "user:2", "user:3", "user:4"]) {
            undelivered.keep(user(key), None, number);
        }
        assert!(undelivered.holds(b"team:1") && undelivered.all().is_empty());
        let (templates, number) = undelivered.overflow().unwrap();
        assert_eq!((templates.len(), number), (1, 4));
        undelivered.swept(3);
        assert!(undelivered.has_overflowed(), "one came during the sweep");
        undelivered.swept(4);
        assert!(undelivered.is_empty());
    }

    #[test]
    fn keys_that_no_template_is_known_of_stay_as_they_are_as_long_as_they_fit() {
        let mut undelivered = of(2);
        undelivered.keep(stranger("a"), None, 1);
        undelivered.keep(stranger("b"), None, 2);
        undelivered.keep(user("user:1"), None, 3);
        assert_eq!(undelivered.len(), 2);
        undelivered.swept(3);
        assert!(!undelivered.has_overflowed() && undelivered.holds(b"a"));
        undelivered.keep(stranger("c"), None, 4);
        undelivered.swept(4);
        assert!(undelivered.has_overflowed(), "nothing brings that key back");
    }

    #[test]
    fn a_pattern_holds_what_matches_until_it_is_swept() {
        let mut undelivered = of(10);
        let pattern = Pattern::new("user:*");
        undelivered.keep_pattern(&pattern, 1);
        undelivered.keep_pattern(&pattern, 2);
        assert!(undelivered.holds(b"user:1") && !undelivered.holds(b"team:1"));
        undelivered.forget_pattern(&pattern, 1);
        assert!(undelivered.holds(b"user:1"), "it came again");
        undelivered.forget_pattern(&pattern, 2);
        assert!(!undelivered.holds(b"user:1") && undelivered.is_empty());
    }

    #[test]
    fn too_many_patterns_become_one_of_every_key() {
        let mut undelivered = of(10);
        for at in 0..=PATTERNS_MAX {
            undelivered.keep_pattern(&Pattern::new(format!("user:{at}:*")), 1);
        }
        assert_eq!(undelivered.patterns(), [(Pattern::new("*"), 1)]);
        assert!(undelivered.holds(b"user:1:a"));
    }

    #[test]
    fn a_few_guards_are_ended_by_name() {
        let mut undelivered = of(2);
        let tokens: Vec<Token> = (0..12).map(|n| Token::from([n; 16])).collect();
        for (number, token) in (1..).zip(&tokens) {
            undelivered.keep(user("user:1"), Some(*token), number);
        }
        assert_eq!(undelivered.all()[0].guards, tokens[4..]);
    }
}
