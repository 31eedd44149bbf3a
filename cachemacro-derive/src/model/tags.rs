//! The tags of a function: those that are written, and those of its groups.

use proc_macro2::Ident;
use syn::Signature;

use super::check;
use super::key::{self, KeyPiece};
use super::known::{Known, KnownKind};
use super::param::{KeyParam, Kind, Param};
use crate::attr::{self, CacheResult, Part, Template, Wrapping, did_you_mean, list};
use crate::errors::Errors;
use crate::parse::{mentions, unraw};

/// A part of the arguments that can be invalidated at once.
pub(crate) struct Group {
    /// What of it stands in the key, by its places among the parameters of the companion.
    pub(crate) places: Vec<usize>,
    /// What a function by hand is called.
    pub(crate) name: String,
}

impl Group {
    /// The places as bits: what `get_tasks(user_id, ..)` names it by.
    pub(crate) fn mask(&self) -> u64 {
        mask(self.places.iter().copied())
    }
}

/// Places as bits.
pub(crate) fn mask(places: impl Iterator<Item = usize>) -> u64 {
    places.fold(0, |mask, place| mask | 1_u64.checked_shl(place as u32).unwrap_or(0))
}

/// What each tag is written from; without what is wrong, after adding errors.
pub(super) fn pieces(
    sig: &Signature,
    known: &[Known],
    params: &[Param],
    key: &[KeyPiece],
    templates: Vec<Template>,
    errors: &Errors,
) -> Vec<Vec<KeyPiece>> {
    for template in &templates {
        begins_with_its_kind(known, template, errors);
        holes(sig, known, params, template, errors);
        check::holes_do_not_touch(template, errors);
        check::braces_are_no_holes(known, template, errors);
    }
    let resolved = |template: Template| {
        let span = template.span;
        let pieces = key::by_tag_template(template, known);
        for piece in pieces.iter().filter(|piece| !key::tells(key, piece)) {
            let text = piece.written();
            errors.at(
                span,
                format!("`<{text}>` is not part of the key, so that calls for one entry would have other tags; add `<{text}>` to the key"),
            );
        }
        pieces
    };
    templates.into_iter().map(resolved).collect()
}

/// What is known of a tag over the value before its load: what tells when one of its kind is invalidated meanwhile.
fn begins_with_its_kind(known: &[Known], template: &Template, errors: &Errors) {
    let Some(hole) = template.holes().find(|hole| key::is_of_value(hole, known)) else { return };
    let begins = match template.parts.first() {
        Some(Part::Text(text)) => text.find(check::separates).is_some_and(|at| at > 0),
        _ => false,
    };
    if !begins {
        let text = &hole.text;
        let kind = match hole.fields.last() {
            Some(syn::Member::Named(field)) => unraw(field),
            _ => "owner".to_owned(),
        };
        errors.at(
            template.span,
            format!("a tag over the value begins with its kind, which is known before the load: a text and a separator; write `{kind}:<{text}>`"),
        );
    }
}

fn holes(sig: &Signature, known: &[Known], params: &[Param], template: &Template, errors: &Errors) {
    for hole in template.holes() {
        let (text, root) = (&hole.text, &hole.root);
        match known.iter().find(|known| known.name == *root) {
            None if key::is_of_value(hole, known) => {}
            None => {
                let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
                let function = unraw(&sig.ident);
                let hint = match (did_you_mean(root, &names), names.is_empty()) {
                    (Some(hint), _) => hint,
                    (None, true) => "it has none".to_owned(),
                    (None, false) => format!("it has {}", list(&names)),
                };
                let message =
                    format!("tag uses `<{text}>`, but `{function}` has no parameter `{root}`; {hint}");
                errors.at(template.span, message);
            }
            Some(Known { kind: KnownKind::SelfType | KnownKind::Generic(_), .. }) if !hole.is_whole() => {
                let message = format!("tag uses `<{text}>`, but `{root}` has no fields; write `<{root}>`");
                errors.at(template.span, message);
            }
            Some(_) => {
                let taken_apart = params.iter().any(|param| param.pattern.is_some() && param.binds(root));
                if taken_apart {
                    let message = format!(
                        "tag uses `{root}`, which a pattern binds; give the parameter a name, and take it apart in the body"
                    );
                    errors.at(template.span, message);
                }
            }
        }
    }
}

/// The groups that are declared, each with its tag.
pub(super) fn groups(
    sig: &Signature,
    known: &[Known],
    key_params: &[KeyParam],
    has_companion: bool,
    declared: Vec<attr::Group>,
    errors: &Errors,
) -> (Vec<Group>, Vec<Vec<KeyPiece>>) {
    let mut groups = Vec::new();
    let mut tags = Vec::new();
    if let (false, Some(first)) = (has_companion, declared.first()) {
        errors.at(
            first.span,
            "a group is named through the companion of a free function, and a method has none; write a tag over the arguments, like `tags = [\"team:<team>\"]`",
        );
        return (groups, tags);
    }
    for attr::Group { params, span } in declared {
        let places: Vec<Option<usize>> =
            params.iter().map(|param| place(sig, key_params, param, errors)).collect();
        let Some(mut places) = places.into_iter().collect::<Option<Vec<usize>>>() else { continue };
        // In the order of the parameters, whatever that of the declaration.
        places.sort_unstable();
        places.dedup();
        let names: Vec<String> = places.iter().map(|&place| unraw(&key_params[place].ident)).collect();
        let mut parts = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let text = if at == 0 { format!("|{}:", mask(places.iter().copied())) } else { ",".to_owned() };
            parts.push(Part::Text(text));
            parts.push(Part::Hole(attr::Hole::whole(name.clone())));
        }
        // It begins with a separator, so that it has no kind: a group is never over a value.
        let mut pieces = vec![KeyPiece::Text("|".to_owned()), KeyPiece::FunctionPath];
        pieces.extend(key::by_template(Template { parts, span }, known));
        tags.push(pieces);
        groups.push(Group { places, name: names.join("_and_") });
    }
    (groups, tags)
}

/// The place of a parameter that is in the key as it is.
fn place(sig: &Signature, key_params: &[KeyParam], param: &Ident, errors: &Errors) -> Option<usize> {
    let name = unraw(param);
    let found = key_params.iter().position(|known| unraw(&known.ident) == name);
    let Some(place) = found else {
        let names: Vec<String> = key_params.iter().map(|known| unraw(&known.ident)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let hint = match (did_you_mean(&name, &names), names.is_empty()) {
            (Some(hint), _) => hint,
            (None, true) => "it has none".to_owned(),
            (None, false) => format!("there are {}", list(&names)),
        };
        let message = format!("`groups` names `{name}`, which is no parameter in the key; {hint}");
        errors.at(param.span(), message);
        return None;
    };
    let is_generic = |ident: &str| sig.generics.type_params().any(|param| param.ident == ident);
    match &key_params[place].kind {
        Kind::Whole(ty) if key_params[place].pattern.is_none() => {
            if mentions(quote::ToTokens::to_token_stream(ty), &is_generic) {
                errors.at(param.span(), format!("the type of `{name}` is generic, and a group has one type; write a tag, like `tags = [\"{name}:<{name}>\"]`"));
                return None;
            }
            Some(place)
        }
        _ => {
            errors.at(
                param.span(),
                format!("a group is over parameters that are in the key as they are, and of `{name}` there is a part; write a tag, like `tags = [\"{name}:<{name}.id>\"]`"),
            );
            None
        }
    }
}

/// What has no header says nothing of its tags.
pub(super) fn check(attr: &CacheResult, errors: &Errors) {
    let is_raw = attr.codec.get().is_some_and(|codec| codec.wrapping == Wrapping::Raw);
    let tagged = attr.tags.get().is_some() || attr.groups.get().is_some();
    if let (true, true, Some(codec)) = (is_raw, tagged, attr.codec.get()) {
        errors.at(
            codec.format.span(),
            "`Raw` stores nothing beside the value, so that its tags are not known; leave `Raw` out, or `tags` and `groups`",
        );
    }
}
