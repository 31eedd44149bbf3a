//! Who invalidates what: all annotated functions of the program, from what they register at link time.

mod reach;
mod render;

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use crate::key::Template;
use crate::site::{Site, registry};

/// From this ttl on, it is remarkable that nothing invalidates a function's values.
const LONG_TTL: Duration = Duration::from_secs(3600);

/// A function with `#[invalidates(…)]` or `#[cache_put(…)]`.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// Its module and name.
    pub path: &'static str,
    /// The file of the attribute.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// Whether it stores a value, too.
    pub puts: bool,
    /// What it invalidates, in the order of writing.
    pub entries: &'static [Entry],
}

/// What a mutation invalidates.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// The value of a function.
    Function(fn() -> &'static Site),
    /// The same, of one that only its name can tell here: its type is generic.
    Named(&'static str),
    /// A key as it stands.
    Key(Template),
    /// All values under a tag.
    Tag(Template),
    /// All keys that match; the texts are globs.
    Pattern(Template),
}

/// What generated code submits at link time.
#[derive(Debug)]
pub struct Registered(pub &'static Mutation);

inventory::collect!(Registered);

/// All mutations of the program, in the order of their places in the source.
fn mutations() -> &'static [&'static Mutation] {
    static MUTATIONS: OnceLock<Vec<&'static Mutation>> = OnceLock::new();
    MUTATIONS.get_or_init(|| {
        let mut mutations: Vec<_> = inventory::iter::<Registered>().map(|registered| registered.0).collect();
        mutations.sort_by_key(|mutation| (mutation.file, mutation.line, mutation.path));
        mutations
    })
}

/// The annotated functions of this program, and who invalidates what.
///
/// It displays as text; [`to_dot`](Self::to_dot) and [`to_mermaid`](Self::to_mermaid) draw it. What is invalidated by
/// a call (`get_user::invalidate`, `Cache::invalidate`) is not in it: nobody can see such calls.
///
/// # Examples
///
/// ```
/// let graph = cachemacro_runtime::graph::graph();
/// for finding in graph.findings() {
///     println!("{finding}");
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    functions: Vec<&'static Site>,
    mutations: Vec<Edges>,
}

/// A mutation and the functions that it reaches, by their places among all.
#[derive(Clone, Debug)]
struct Edges {
    mutation: &'static Mutation,
    /// For each entry.
    reached: Vec<Vec<usize>>,
}

impl Edges {
    /// All that it reaches, each once.
    fn functions(&self) -> Vec<usize> {
        let mut functions: Vec<usize> = self.reached.iter().flatten().copied().collect();
        functions.sort_unstable();
        functions.dedup();
        functions
    }
}

/// The graph of this program.
pub fn graph() -> Graph {
    Graph::of(registry(), mutations())
}

impl Graph {
    fn of(functions: &[&'static Site], mutations: &[&'static Mutation]) -> Self {
        let edges = mutations.iter().map(|mutation| {
            let reached = |entry| reach::reached(mutation, entry, functions);
            Edges { mutation, reached: mutation.entries.iter().map(reached).collect() }
        });
        Self { functions: functions.to_vec(), mutations: edges.collect() }
    }

    /// What is remarkable: values that live long and that nothing invalidates, and mutations that reach nothing.
    pub fn findings(&self) -> Vec<Finding> {
        let is_reached = |at: usize| self.mutations.iter().any(|edges| edges.functions().contains(&at));
        let lasting = self.functions.iter().enumerate().filter_map(|(at, site)| {
            let ttl = site.ttl().filter(|ttl| *ttl >= LONG_TTL)?;
            (!is_reached(at)).then_some(Finding::NeverInvalidated { site, ttl })
        });
        let aimless = self.mutations.iter().flat_map(|Edges { mutation, reached }| {
            let entries = mutation.entries.iter().zip(reached);
            let missing = entries.filter(|(_, reached)| reached.is_empty());
            missing.map(|(entry, _)| Finding::ReachesNothing { mutation, entry: entry.to_string() })
        });
        lasting.chain(aimless).collect()
    }
}

/// Something remarkable about the functions of a program. It displays with what to do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// Values that live for an hour or longer, and that no mutation invalidates.
    NeverInvalidated {
        /// Their function.
        site: &'static Site,
        /// How long they live.
        ttl: Duration,
    },
    /// A mutation invalidates what no function of this program makes: a key, a tag or a pattern.
    ReachesNothing {
        /// The mutation.
        mutation: &'static Mutation,
        /// What it names.
        entry: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverInvalidated { site, ttl } => write!(
                f,
                "{site} lives {ttl:?} and no mutation invalidates it; add `#[invalidates(…)]` to what changes it, or \
                 shorten its ttl"
            ),
            Self::ReachesNothing { mutation, entry } => write!(
                f,
                "{mutation} invalidates {entry}, which no function of this program makes; correct it, or leave it out"
            ),
        }
    }
}

impl fmt::Display for Mutation {
    /// `app::rename_user (src/users.rs:20)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.path, self.file, self.line)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(site) => f.write_str(site().path()),
            Self::Named(name) => f.write_str(name),
            Self::Key(template) => write!(f, "the key `{template}`"),
            Self::Tag(template) => write!(f, "the tag `{template}`"),
            Self::Pattern(pattern) => write!(f, "the pattern `{pattern}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Piece::{Hole, Text};
    use crate::site::SiteSpec;

    const fn site(path: &'static str, template: Template, ttl: u64) -> Site {
        let ttl = Some(Duration::from_secs(ttl));
        Site::new(SiteSpec { name: path, path, template, ttl, ..SiteSpec::PLAIN })
    }

    static USER: Site = site("app::user", Template(&[Text("user:"), Hole("id")]), 3600);
    static TASKS: Site =
        site("app::tasks", Template(&[Text("tasks:"), Hole("user"), Text(":"), Hole("page")]), 60);
    static COUNTRIES: Site = site("app::countries", Template(&[Text("countries")]), 86_400);

    static RENAME: Mutation = Mutation {
        path: "app::rename",
        file: "app.rs",
        line: 7,
        puts: false,
        entries: &[
            Entry::Function(|| &USER),
            Entry::Pattern(Template(&[Text("tasks:"), Hole("id"), Text(":*")])),
            Entry::Key(Template(&[Text("profile:"), Hole("id")])),
        ],
    };

    fn example() -> Graph {
        Graph::of(&[&USER, &TASKS, &COUNTRIES], &[&RENAME])
    }

    #[test]
    fn what_lives_long_and_what_reaches_nothing_is_found() {
        let findings: Vec<String> = example().findings().iter().map(ToString::to_string).collect();
        assert_eq!(findings.len(), 2, "{findings:#?}");
        assert!(findings[0].starts_with("`countries` of app::countries (:0) lives 86400s and no mutation"));
        assert!(
            findings[1].starts_with("app::rename (app.rs:7) invalidates the key `profile:<id>`, which no")
        );
    }

    #[test]
    fn it_is_drawn_in_three_ways() {
        let graph = example();
        assert_eq!(
            graph.to_string(),
            "app::user, `user:<id>`, 3600s\n  invalidated by app::rename\n\
             app::tasks, `tasks:<user>:<page>`, 60s\n  invalidated by app::rename\n\
             app::countries, `countries`, 86400s\n  invalidated by nothing\n"
        );
        assert_eq!(
            graph.to_dot(),
            "digraph cachemacro {\n  rankdir=LR;\n\
             \x20 f0 [shape=box, label=\"app::user\\nuser:<id>\"];\n\
             \x20 f1 [shape=box, label=\"app::tasks\\ntasks:<user>:<page>\"];\n\
             \x20 f2 [shape=box, label=\"app::countries\\ncountries\"];\n\
             \x20 m0 [label=\"app::rename\"];\n  m0 -> f0;\n  m0 -> f1;\n}\n"
        );
        assert_eq!(
            graph.to_mermaid(),
            "flowchart LR\n\
             \x20 f0[\"app::user<br>user:&lt;id&gt;\"]\n\
             \x20 f1[\"app::tasks<br>tasks:&lt;user&gt;:&lt;page&gt;\"]\n\
             \x20 f2[\"app::countries<br>countries\"]\n\
             \x20 m0([\"app::rename\"])\n  m0 --> f0\n  m0 --> f1\n"
        );
    }
}
