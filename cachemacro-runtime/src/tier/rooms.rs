//! Functions whose values have a part of this process's memory of their own.
//!
//! Which room a value is in follows from its key alone, as no two functions make equal keys unless they share them: so
//! whoever knows a key, and not its function, finds the same room.

use crate::site::Site;

/// A room for each function with a `memory` of its own, and one for all others.
#[derive(Debug)]
pub(crate) struct Rooms<T> {
    common: T,
    own: Box<[Room<T>]>,
}

#[derive(Debug)]
struct Room<T> {
    site: &'static Site,
    /// What all of its keys begin with.
    start: &'static str,
    inside: T,
}

impl<T> Rooms<T> {
    /// The room of all others, and one, of so many bytes, for each of these functions that has its own.
    pub(crate) fn new(common: T, sites: &[&'static Site], make: impl Fn(u64) -> T) -> Self {
        let own = sites.iter().filter_map(|&site| {
            let start = site.template().literal_start().unwrap_or_default();
            Some(Room { site, start, inside: make(site.memory()?) })
        });
        Self { common, own: own.collect() }
    }

    /// The room of a key.
    #[inline]
    pub(crate) fn of(&self, key: &[u8]) -> &T {
        // Most programs have none, and a hit asks no more than that.
        if self.own.is_empty() { &self.common } else { self.find(key) }
    }

    #[inline(never)]
    fn find(&self, key: &[u8]) -> &T {
        let is_its =
            |room: &&Room<T>| key.starts_with(room.start.as_bytes()) && room.site.template().matches(key);
        self.own.iter().find(is_its).map_or(&self.common, |room| &room.inside)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.common).chain(self.own.iter().map(|room| &room.inside))
    }

    /// The rooms of single functions.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&'static Site, &T)> {
        self.own.iter().map(|room| (room.site, &room.inside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Piece::{Hole, Text};
    use crate::key::Template;
    use crate::site::SiteSpec;

    #[test]
    fn a_key_is_in_the_room_of_the_function_that_makes_it() {
        static REPORT: Site = Site::new(SiteSpec {
            template: Template(&[Text("report:"), Hole("id"), Text(":"), Hole("year")]),
            memory: Some(1 << 20),
            ..SiteSpec::PLAIN
        });
        static PLAIN: Site =
            Site::new(SiteSpec { template: Template(&[Text("user:"), Hole("id")]), ..SiteSpec::PLAIN });
        let rooms = Rooms::new(0, &[&PLAIN, &REPORT], |bytes| bytes);
        for (key, room) in [
            ("report:7:2026", 1 << 20),
            ("report:7", 0),
            ("report:7:2026:draft", 0),
            ("user:7", 0),
            ("rep", 0),
        ] {
            assert_eq!(*rooms.of(key.as_bytes()), room, "{key}");
        }
        assert_eq!(rooms.all().copied().collect::<Vec<_>>(), [0, 1 << 20]);
    }
}
