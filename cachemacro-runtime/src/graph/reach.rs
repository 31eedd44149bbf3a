//! Which functions an entry of a mutation reaches.

use super::{Entry, Mutation};
use crate::key::{Piece, Template};
use crate::site::Site;

/// The functions whose values an entry may invalidate, by their places; those that share their entries go together.
pub(super) fn reached(mutation: &Mutation, entry: &Entry, functions: &[&'static Site]) -> Vec<usize> {
    let of = |reaches: &dyn Fn(&'static Site) -> bool| {
        (0..functions.len()).filter(|&at| reaches(functions[at])).collect()
    };
    match entry {
        Entry::Function(named) => {
            let named = named();
            of(&|site| std::ptr::eq(named, site) || named.template().may_meet(site.template()))
        }
        Entry::Named(name) => {
            let module = module_of(mutation.path);
            let near: Vec<usize> = of(&|site| is_named(site, name) && site.path().starts_with(module));
            if near.is_empty() { of(&|site| is_named(site, name)) } else { near }
        }
        Entry::Key(template) => of(&|site| template.may_meet(site.template())),
        Entry::Tag(tag) => of(&|site| site.tags().iter().any(|declared| tag.may_meet(*declared))),
        Entry::Pattern(pattern) => {
            let pattern = globs(*pattern);
            of(&|site| may_match(&pattern, &texts(site.template())))
        }
    }
}

/// `app::users::` of `app::users::rename`
fn module_of(path: &str) -> &str {
    path.rfind("::").map_or("", |at| &path[..at + 2])
}

/// Whether a path as it is written, `row::<User>` or `Self::find`, may be that of a function.
fn is_named(site: &Site, written: &str) -> bool {
    let plain = without_arguments(written);
    let name = plain.strip_prefix("Self::").unwrap_or(&plain);
    site.path().strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with("::"))
}

/// `Repo::find` of `Repo::<User>::find`
fn without_arguments(path: &str) -> String {
    let (mut plain, mut depth) = (String::new(), 0_usize);
    for character in path.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    plain.replace("::::", "::").trim_end_matches("::").to_owned()
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Glob {
    One(char),
    /// Any one character.
    Any,
    /// Any text.
    Star,
}

/// What a pattern matches; of a set only that it is one character.
fn globs(pattern: Template) -> Vec<Glob> {
    let mut globs = Vec::new();
    for piece in pattern.0 {
        let Piece::Text(text) = piece else {
            globs.push(Glob::Star);
            continue;
        };
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            globs.push(match character {
                '*' => Glob::Star,
                '?' => Glob::Any,
                '[' => {
                    rest.by_ref().find(|character| *character == ']');
                    Glob::Any
                }
                '\\' => rest.next().map_or(Glob::One('\\'), Glob::One),
                other => Glob::One(other),
            });
        }
    }
    globs
}

/// What keys a template makes.
fn texts(template: Template) -> Vec<Glob> {
    let mut globs = Vec::new();
    for piece in template.0 {
        match piece {
            Piece::Text(text) => globs.extend(text.chars().map(Glob::One)),
            Piece::Hole(_) | Piece::Impl => globs.push(Glob::Star),
        }
    }
    globs
}

/// Whether some text is matched by both: row by row over what is left of the first.
fn may_match(ours: &[Glob], theirs: &[Glob]) -> bool {
    // `below[j]`: whether what is left of ours after this row, and of theirs from j on, have a text in common.
    let mut below: Vec<bool> = Vec::new();
    for i in (0..=ours.len()).rev() {
        let mut row = vec![false; theirs.len() + 1];
        for j in (0..=theirs.len()).rev() {
            row[j] = match (ours.get(i), theirs.get(j)) {
                (None, None) => true,
                (Some(Glob::Star), Some(_)) => below[j] || row[j + 1],
                (Some(_), Some(Glob::Star)) => row[j + 1] || below[j],
                (Some(Glob::Star), None) => below[j],
                (None, Some(Glob::Star)) => row[j + 1],
                (Some(Glob::One(ours)), Some(Glob::One(theirs))) => ours == theirs && below[j + 1],
                (Some(_), Some(_)) => below[j + 1],
                (None, Some(_)) | (Some(_), None) => false,
            };
        }
        below = row;
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Piece::{Hole, Text};
    use crate::site::SiteSpec;

    #[test]
    fn a_name_is_that_of_the_nearest_function() {
        const fn of(path: &'static str) -> Site {
            Site::new(SiteSpec { path, ..SiteSpec::PLAIN })
        }
        static SITES: [Site; 3] = [of("app::a::Repo::find"), of("app::b::Repo::find"), of("app::b::refind")];
        let functions: Vec<&'static Site> = SITES.iter().collect();
        let reached = |path, written| {
            let mutation = Mutation { path, file: "", line: 0, puts: false, entries: &[] };
            reached(&mutation, &Entry::Named(written), &functions)
        };
        assert_eq!(reached("app::b::rename", "Self::find"), [1]);
        assert_eq!(reached("app::a::rename", "Repo::find::<u8>"), [0]);
        assert_eq!(reached("app::a::rename", "Repo::<u8>::find"), [0]);
        assert_eq!(reached("app::c::rename", "Repo::find"), [0, 1]);
        assert_eq!(reached("app::c::rename", "gone"), Vec::<usize>::new());
    }

    #[test]
    fn a_pattern_reaches_what_it_may_match() {
        let tasks = texts(Template(&[Text("tasks:"), Hole("user"), Text(":"), Hole("page")]));
        for (pattern, expected) in [
            ("tasks:*", true),
            ("*", true),
            ("tasks:7:*", true),
            ("tasks:?:1", true),
            ("tasks:[0-9]:*", true),
            ("*:open", true),
            ("task:*", false),
            ("tasks", false),
            (r"tasks\*", false),
            ("users:*", false),
        ] {
            let pattern_globs: Vec<Glob> = globs(Template(Box::leak(Box::new([Text(pattern)]))));
            assert_eq!(may_match(&pattern_globs, &tasks), expected, "{pattern}");
        }
        let with_hole = globs(Template(&[Text("tasks:"), Hole("id"), Text(":*")]));
        assert!(may_match(&with_hole, &tasks));
        assert!(!may_match(&with_hole, &texts(Template(&[Text("task:"), Hole("id")]))));
    }
}
