//! What generated code hands over: a call, or a key to be invalidated.

use std::time::Duration;

use crate::cache::{Cache, Resolved};
use crate::key::{Image, Key, KeyBuf, KeyPart};
use crate::policy::Terms;
use crate::site::Site;
use crate::store::{Pattern, push_literal};
use crate::tag::Tag;

/// One call of a cached function. `P` is what its attribute says of its value.
#[derive(Debug)]
pub struct Call<'a, P = Duration> {
    /// The function.
    pub site: &'static Site,
    /// The cache that the attribute names, if it does.
    pub cache: Option<Cache>,
    /// The key of the arguments: borrowed, as to move it costs more than to look it up.
    pub key: &'a KeyBuf,
    /// Whether a value is kept, and how long: a duration, or more [terms](crate::policy::Terms).
    pub ttl: P,
    /// What it is for, of what the key does not tell apart: the `impl` of a method.
    pub instance: Option<&'static str>,
}

/// A call whose key is not written yet: it may be answered by what its arguments are.
#[derive(Debug)]
pub struct Unwritten<P = Duration> {
    /// The function.
    pub site: &'static Site,
    /// The cache that the attribute names, if it does.
    pub cache: Option<Cache>,
    /// As of a [`Call`].
    pub ttl: P,
    /// The arguments, as they stand in the key.
    pub image: Image,
}

/// A call that owns its key, and whose value lives as long as any other does.
#[derive(Debug)]
pub struct Owned {
    /// The function.
    pub site: &'static Site,
    /// The cache that the attribute names, if it does.
    pub cache: Option<Cache>,
    /// The key of the arguments.
    pub key: KeyBuf,
    /// How long a value is kept.
    pub ttl: Duration,
}

impl<P> Call<'_, P> {
    /// The cache that answers it, if one does: the function may read this key, its attribute applies to the call,
    /// and the cache is not closed.
    pub(crate) fn take_cache<V>(&mut self) -> Option<Resolved>
    where
        P: Terms<V>,
    {
        let Self { site, cache, key, ttl, instance } = self;
        if !site.is_enabled() || !site.admits(*instance) || !ttl.applies() || key.is_unusable() {
            return None;
        }
        Some(Resolved::new(cache.take())).filter(|cache| !cache.inner.tasks.is_closed())
    }
}

/// What a look at what is stored in this process brought.
#[derive(Debug)]
pub enum Sought<'a, O, P> {
    /// The answer.
    Found(O),
    /// The call, which is still to be answered.
    Missed(Call<'a, P>),
}

/// What is to be invalidated: a key, of a function or as it stands, in a cache or in the current one.
#[derive(Clone, Debug)]
pub struct Target {
    /// The function, where it is one's.
    pub site: Option<&'static Site>,
    /// The cache, where one is named.
    pub cache: Option<Cache>,
    /// The key.
    pub key: Key,
}

/// What a mutation invalidates: one target, or all that matches in a cache or in the current one.
#[derive(Clone, Debug)]
pub enum Targets {
    /// One.
    One(Target),
    /// All values under a tag.
    Tagged {
        /// The cache, where one is named.
        cache: Option<Cache>,
        /// The tag.
        tag: Tag,
    },
    /// All keys that match.
    Matching {
        /// The cache, where one is named.
        cache: Option<Cache>,
        /// The keys.
        pattern: Pattern,
    },
}

impl From<Target> for Targets {
    fn from(target: Target) -> Self {
        Self::One(target)
    }
}

/// A pattern under construction: what is written between its texts stands for itself.
#[derive(Clone, Debug, Default)]
pub struct PatternBuf(String);

impl PatternBuf {
    /// An empty pattern.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a part of the pattern as it stands.
    pub fn push_glob(&mut self, glob: &str) {
        self.0.push_str(glob);
    }

    /// Writes what a key has there.
    pub fn push_part(&mut self, part: &(impl KeyPart + ?Sized)) {
        let mut key = KeyBuf::new();
        part.write(&mut key);
        self.push_written(&key);
    }

    /// Writes what a key has there, as it was written before.
    pub fn push_written(&mut self, key: &KeyBuf) {
        push_literal(&mut self.0, key.as_str());
    }
}

impl From<PatternBuf> for Pattern {
    fn from(pattern: PatternBuf) -> Self {
        Self::new(pattern.0)
    }
}
