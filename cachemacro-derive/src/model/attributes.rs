//! Where each attribute that is still on a function goes.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token, parse_quote};

/// The attributes of a cached function, by where they go.
#[derive(Default)]
pub(crate) struct Attributes {
    /// Of every item: conditions.
    pub(crate) all: Vec<Attribute>,
    /// Of the function that is called: documentation, and what the compiler reads of a function.
    pub(crate) outer: Vec<Attribute>,
    /// Of the function that has the body: macros below ours.
    pub(crate) body: Vec<Attribute>,
}

/// What the compiler itself reads, of the function that is called.
const OF_THE_CALL: [&str; 12] = [
    "doc",
    "must_use",
    "deprecated",
    "inline",
    "cold",
    "no_mangle",
    "export_name",
    "link_section",
    "diagnostic",
    "rustfmt",
    "target_feature",
    "track_caller",
];

/// Levels of lints, which concern signature and body alike.
const LEVELS: [&str; 4] = ["allow", "warn", "deny", "forbid"];

enum Place {
    All,
    Outer,
    Body,
    Both,
    /// `expect`: what it expects may be in one of the two alone, so that it becomes `allow` in both.
    Expect,
}

impl Attributes {
    pub(crate) fn sort(attrs: Vec<Attribute>) -> Self {
        let mut sorted = Self::default();
        for attr in attrs {
            match place(&attr.meta) {
                Place::All => sorted.all.push(attr),
                Place::Outer => sorted.outer.push(attr),
                Place::Body => sorted.body.push(attr),
                Place::Both => {
                    sorted.outer.push(attr.clone());
                    sorted.body.push(attr);
                }
                Place::Expect => {
                    let attr = as_allow(attr);
                    sorted.outer.push(attr.clone());
                    sorted.body.push(attr);
                }
            }
        }
        sorted
    }
}

fn place(meta: &Meta) -> Place {
    let path = meta.path();
    let first = first_segment(path);
    match first.as_str() {
        "cfg" if path.segments.len() == 1 => Place::All,
        "cfg_attr" if path.segments.len() == 1 => conditional(meta),
        "clippy" => Place::Both,
        "expect" if path.segments.len() == 1 => Place::Expect,
        name if LEVELS.contains(&name) => Place::Both,
        name if OF_THE_CALL.contains(&name) => Place::Outer,
        _ => Place::Body,
    }
}

/// `cfg_attr(condition, attr)` goes where the attribute would; all of several go where the first would.
fn conditional(meta: &Meta) -> Place {
    let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
    let Ok(list) = meta.require_list() else { return Place::Body };
    let Ok(metas) = list.parse_args_with(parse) else { return Place::Body };
    match metas.iter().nth(1).map(place) {
        // Kept as it is: it is not known here whether the condition holds.
        Some(Place::Expect) => Place::Body,
        Some(place) => place,
        None => Place::Outer,
    }
}

fn as_allow(attr: Attribute) -> Attribute {
    match &attr.meta {
        Meta::List(list) => {
            let lints = &list.tokens;
            parse_quote!(#[allow(#lints)])
        }
        _ => attr,
    }
}

fn first_segment(path: &Path) -> String {
    path.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    fn places(attr: Attribute) -> [usize; 3] {
        let sorted = Attributes::sort(vec![attr]);
        [sorted.all.len(), sorted.outer.len(), sorted.body.len()]
    }

    #[test]
    fn attributes_go_where_they_are_read() {
        assert_eq!(places(parse_quote!(#[cfg(unix)])), [1, 0, 0]);
        assert_eq!(places(parse_quote!(#[doc = "text"])), [0, 1, 0]);
        assert_eq!(places(parse_quote!(#[must_use])), [0, 1, 0]);
        assert_eq!(places(parse_quote!(#[allow(unused)])), [0, 1, 1]);
        assert_eq!(places(parse_quote!(#[clippy::cognitive_complexity = "100"])), [0, 1, 1]);
        assert_eq!(places(parse_quote!(#[tracing::instrument(skip(db))])), [0, 0, 1]);
        assert_eq!(places(parse_quote!(#[cfg_attr(unix, instrument)])), [0, 0, 1]);
        assert_eq!(places(parse_quote!(#[cfg_attr(unix, must_use)])), [0, 1, 0]);
    }

    #[test]
    fn what_is_expected_in_one_of_two_functions_is_allowed_in_both() {
        let sorted = Attributes::sort(vec![parse_quote!(#[expect(unused_variables)])]);
        let text = sorted.body[0].to_token_stream().to_string();
        assert_eq!(text, quote::quote!(#[allow(unused_variables)]).to_string());
        assert_eq!(sorted.outer.len(), 1);
    }
}
