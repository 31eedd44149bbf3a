//! Key templates: `"user:<id>"` → parts.

use proc_macro2::Span;
use syn::{LitStr, Member};

use crate::errors::Errors;

/// A template, and where it is written.
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
    pub(crate) span: Span,
}

/// One part of a template.
#[derive(Clone)]
pub(crate) enum Part {
    /// Text as it stands.
    Text(String),
    /// A hole.
    Hole(Hole),
}

/// A hole: a parameter, or a field of one.
#[derive(Clone)]
pub(crate) struct Hole {
    /// The parameter.
    pub(crate) root: String,
    /// The way from there: `.id`, `.0`.
    pub(crate) fields: Vec<Member>,
    /// Whether it is a hash of that: `<filter:hash>`.
    pub(crate) is_hash: bool,
    /// All of it, as written.
    pub(crate) text: String,
}

impl Hole {
    /// All of a parameter, as it is.
    pub(crate) fn whole(root: String) -> Self {
        Self { text: root.clone(), root, fields: Vec::new(), is_hash: false }
    }

    /// Whether it stands for all of its parameter, as it is.
    pub(crate) fn is_whole(&self) -> bool {
        self.fields.is_empty() && !self.is_hash
    }
}

impl Template {
    /// Reads a template; `None` after adding its errors.
    pub(crate) fn read(literal: &LitStr, errors: &Errors) -> Option<Self> {
        let span = literal.span();
        match parse(&literal.value()) {
            Ok(parts) => Some(Self { parts, span }),
            Err(messages) => {
                messages.into_iter().for_each(|message| errors.at(span, message));
                None
            }
        }
    }

    /// The holes.
    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }
}

fn parse(template: &str) -> Result<Vec<Part>, Vec<String>> {
    let (mut parts, mut errors) = (Vec::new(), Vec::new());
    let mut rest = template;
    if rest.is_empty() {
        return Err(vec![
            "a key cannot be empty; begin it with a word of its own, like `user:<id>`".to_owned(),
        ]);
    }
    while !rest.is_empty() {
        let end = rest.find(['<', '>']).unwrap_or(rest.len());
        let (text, from_bracket) = rest.split_at(end);
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        let Some(hole) = from_bracket.strip_prefix('<') else {
            if let Some(after) = from_bracket.strip_prefix('>') {
                errors.push("`>` closes no hole; a hole is `<id>`, and a key has no other `>`".to_owned());
                rest = after;
                continue;
            }
            break;
        };
        match hole.find(['<', '>']) {
            Some(close) if hole[close..].starts_with('>') => {
                match parse_hole(&hole[..close]) {
                    Ok(hole) => parts.push(Part::Hole(hole)),
                    Err(error) => errors.push(error),
                }
                rest = &hole[close + 1..];
            }
            close => {
                let open = &hole[..close.unwrap_or(hole.len())];
                errors.push(format!("hole `<{open}` is not closed; write `<id>`, and no other `<` in a key"));
                rest = &hole[close.unwrap_or(hole.len())..];
            }
        }
    }
    if errors.is_empty() { Ok(parts) } else { Err(errors) }
}

fn parse_hole(text: &str) -> Result<Hole, String> {
    let (place, form) = text.split_once(':').map_or((text, None), |(place, form)| (place, Some(form)));
    if let Some(form) =
        form.filter(|form| *form != "hash" && is_name(place.split('.').next().unwrap_or_default()))
    {
        return Err(format!(
            "unknown form `{form}` of the hole `<{text}>`; there is `<{place}:hash>`, and `<{place}>`"
        ));
    }
    let mut steps = place.split('.');
    let root = steps.next().filter(|root| is_name(root)).map(str::to_owned);
    let fields = steps.map(field).collect::<Option<Vec<_>>>();
    match (root, fields) {
        (Some(root), Some(fields)) => {
            Ok(Hole { root, fields, is_hash: form.is_some(), text: text.to_owned() })
        }
        _ => Err(format!(
            "invalid hole `<{text}>`; write a parameter, like `<id>`, or a field of one, like `<user.id>`"
        )),
    }
}

/// A named field, or the index of one of a tuple.
fn field(text: &str) -> Option<Member> {
    if let Ok(index) = text.parse::<u32>() {
        let plain = index.to_string() == text;
        return plain.then(|| Member::Unnamed(syn::Index { index, span: Span::call_site() }));
    }
    is_name(text).then(|| Member::Named(identifier(text)))
}

fn is_name(text: &str) -> bool {
    // The parser passes over white space and comments.
    if !text.chars().all(|c| c == '_' || c.is_alphanumeric()) {
        return false;
    }
    matches!(text, "self" | "Self") || syn::parse_str::<syn::Ident>(text).is_ok() || is_keyword(text)
}

/// A keyword names a parameter or a field that is written `r#type`.
fn is_keyword(text: &str) -> bool {
    let raw = |text: &str| syn::parse_str::<syn::Ident>(&format!("r#{text}")).is_ok();
    text.chars().all(|c| c.is_ascii_lowercase()) && !text.is_empty() && text != "_" && raw(text)
}

fn identifier(text: &str) -> syn::Ident {
    if text != "self" && syn::parse_str::<syn::Ident>(text).is_err() {
        return syn::Ident::new_raw(text, Span::call_site());
    }
    syn::Ident::new(text, Span::call_site())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(template: &str) -> String {
        let show = |part: &Part| match part {
            Part::Text(text) => format!("{text:?}"),
            Part::Hole(hole) => {
                format!("{}+{}{}", hole.root, hole.fields.len(), if hole.is_hash { "#hash" } else { "" })
            }
        };
        match parse(template) {
            Ok(parts) => parts.iter().map(show).collect::<Vec<_>>().join(" "),
            Err(errors) => errors.join(" & "),
        }
    }

    #[test]
    fn text_and_holes_alternate() {
        assert_eq!(show("user:<id>"), "\"user:\" id+0");
        assert_eq!(show("{user:<user.id>}:<pair.0.b>"), "\"{user:\" user+1 \"}:\" pair+2");
        assert_eq!(show("<a>,<type>"), "a+0 \",\" type+0");
        assert_eq!(show("f:<filter:hash>:<user.team:hash>"), "\"f:\" filter+0#hash \":\" user+1#hash");
        assert_eq!(show("all"), "\"all\"");
    }

    #[test]
    fn a_bracket_without_its_other_is_said_to_be_one() {
        assert!(show("user:<id").contains("hole `<id` is not closed"));
        assert!(show("user:<<id>").contains("hole `<` is not closed"));
        assert!(show("user:id>").contains("`>` closes no hole"));
        assert!(show("a>b<c").contains(" & "), "both are reported");
    }

    #[test]
    fn a_form_that_there_is_none_of_is_named() {
        let error = show("k:<filter:hsah>");
        assert!(error.starts_with("unknown form `hsah` of the hole `<filter:hsah>`"), "{error}");
    }

    #[test]
    fn a_hole_is_a_parameter_or_a_field() {
        for hole in ["", " id", "1", "a.", ".a", "a..b", "a.00", "f()", ":hash", "a-b", "_"] {
            let error = show(&format!("k:<{hole}>"));
            assert!(error.starts_with(&format!("invalid hole `<{hole}>`")), "{error}");
        }
    }
}
