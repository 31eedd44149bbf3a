//! The rules of `#[cache_result]`, one function each.
//!
//! Those of [`signature`] say what is not supported yet; each goes when its support comes.

use syn::spanned::Spanned;
use syn::{FnArg, GenericParam, Pat, ReturnType, Signature, Type};

use super::cached::{Param, Role};
use super::computed::Computed;
use super::types;
use crate::attr::{Part, Skipped, Template, did_you_mean};
use crate::errors::Errors;
use crate::parse::{Function, mentions, unraw};

/// What separates two holes beside control characters and white space: the engine's
/// `key::SEPARATORS`, which text in a hole never holds.
///
/// `%` is not one: it begins an escape, so that `<a>%<b>` would make `x%3A%3Ay` of `x:`, `3Ay` and of `x`, `3A:y`.
const SEPARATORS: &str = ":,/|<>{}*?[]\\";

/// Whether the function is one that can be cached.
pub(super) fn signature(function: &Function, is_local: bool, errors: &Errors) {
    let sig = &function.sig;
    is_async(sig, is_local, errors);
    is_free(function, errors);
    has_no_type_parameters(sig, errors);
    has_no_variadic(sig, errors);
    parameters_have_names(sig, errors);
    returns_something(sig, errors);
    returns_a_named_type(sig, errors);
    returns_an_owned_value(sig, errors);
}

fn is_async(sig: &Signature, is_local: bool, errors: &Errors) {
    if sig.asyncness.is_none() && !is_local {
        let name = &sig.ident;
        errors.at(
            sig.fn_token.span,
            format!(
                "only an `async fn` can be cached; write `async fn {name}`, or add `tier = local` to cache it in this process alone"
            ),
        );
    }
}

fn is_free(function: &Function, errors: &Errors) {
    const INSTEAD: &str = "cache a free `async fn` that takes what it needs, and call that from here";
    if let Some(FnArg::Receiver(receiver)) = function.sig.inputs.first() {
        errors.on(receiver, format!("a method cannot be cached yet; {INSTEAD}"));
    } else if function.is_associated() {
        errors
            .at(function.sig.ident.span(), format!("an associated function cannot be cached yet; {INSTEAD}"));
    }
}

fn has_no_type_parameters(sig: &Signature, errors: &Errors) {
    for param in &sig.generics.params {
        let (ident, kind) = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => (&param.ident, "type"),
            GenericParam::Const(param) => (&param.ident, "const"),
        };
        errors.at(
            ident.span(),
            format!(
                "a function with a {kind} parameter cannot be cached yet; write what `{ident}` stands for"
            ),
        );
    }
}

fn has_no_variadic(sig: &Signature, errors: &Errors) {
    if let Some(variadic) = &sig.variadic {
        errors.on(variadic, "a function with `...` cannot be cached; name its parameters");
    }
}

fn parameters_have_names(sig: &Signature, errors: &Errors) {
    for input in &sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        let plain = matches!(&*typed.pat, Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none());
        if !plain {
            errors.on(&typed.pat, "a parameter that is a pattern cannot be cached yet; give it a name, and take it apart in the body");
        }
    }
}

fn returns_something(sig: &Signature, errors: &Errors) {
    let name = &sig.ident;
    let nothing = match &sig.output {
        ReturnType::Default => Some(name.span()),
        ReturnType::Type(_, ty) => match &**ty {
            Type::Tuple(tuple) if tuple.elems.is_empty() => Some(ty.span()),
            Type::Never(_) => Some(ty.span()),
            _ => None,
        },
    };
    if let Some(span) = nothing {
        errors.at(
            span,
            format!(
                "there is nothing to cache: `{name}` returns no value; return one, or leave the attribute out"
            ),
        );
    }
}

fn returns_a_named_type(sig: &Signature, errors: &Errors) {
    if let ReturnType::Type(_, ty) = &sig.output
        && let Some(span) = types::impl_trait(ty)
    {
        errors.at(span, "an `impl Trait` cannot be cached yet; name the type that is returned");
    }
}

fn returns_an_owned_value(sig: &Signature, errors: &Errors) {
    if let ReturnType::Type(_, ty) = &sig.output
        && let Some(span) = types::borrow(ty)
    {
        errors.at(span, "a cached value outlives the call, so it cannot borrow; return an owned one, like `String` for `&str`");
    }
}

/// What `skip(…)` names are parameters, each once.
pub(super) fn skips(sig: &Signature, params: &[Param], skipped: &[Skipped], errors: &Errors) {
    for (at, Skipped { name, span }) in skipped.iter().enumerate() {
        if skipped[..at].iter().any(|before| before.name == *name) {
            errors.at(*span, format!("`{name}` is skipped twice; leave one of them"));
        } else if !is_param(sig, params, name) {
            let names: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
            let missing = match did_you_mean(name, &names) {
                Some(suggestion) => format!("`{}` has no such parameter; {suggestion}", unraw(&sig.ident)),
                None => no_parameter(sig, params, name),
            };
            errors.at(*span, format!("`skip` names `{name}`, but {missing}"));
        }
    }
}

/// The key has each parameter that is not skipped, and nothing that is none; its holes do not touch.
///
/// A parameter that is neither, and whose type may say that it cannot matter, is left to the type:
/// whether each one is.
pub(super) fn template(
    sig: &Signature,
    params: &[Param],
    computed: &[Computed],
    skipped: &[Skipped],
    template: &Template,
    errors: &Errors,
) -> Vec<bool> {
    let mut handles = Vec::new();
    holes_are_parameters(sig, params, computed, template, errors);
    let in_braces = braces_are_no_holes(params, template, errors);
    holes_do_not_touch(template, errors);
    for param in params {
        let name = &param.name;
        let in_key = template.holes().any(|hole| hole.root == *name);
        let through_with = computed.iter().any(|computed| computed.is_of(name));
        let may_be_handle = types::may_be_handle(&param.ty, &sig.generics);
        let is_uncovered = !in_key && !through_with && skipped.iter().all(|skipped| skipped.name != *name);
        handles.push(is_uncovered && may_be_handle);
        match (in_key, skipped.iter().find(|skipped| skipped.name == *name)) {
            (true, Some(skipped)) => {
                errors.at(skipped.span, format!("`{name}` is in the key and in `skip(…)`; leave one of them"));
            }
            (false, None) if !through_with && !may_be_handle && !in_braces.contains(&name.as_str()) => errors.at(
                param.ident.span(),
                format!(
                    "parameter `{name}` is not part of the key; add `<{name}>` to it, or `skip({name})` if it cannot change the result"
                ),
            ),
            _ => {}
        }
    }
    handles
}

fn holes_are_parameters(
    sig: &Signature,
    params: &[Param],
    computed: &[Computed],
    template: &Template,
    errors: &Errors,
) {
    for hole in template.holes() {
        let is_computed = computed.iter().any(|computed| computed.param.name == hole.root);
        if !is_computed && !is_param(sig, params, &hole.root) {
            let missing = no_parameter(sig, params, &hole.root);
            errors.at(template.span, format!("key uses `<{}>`, but {missing}", hole.text));
        }
    }
}

/// The parameters that stand in braces instead of a hole.
fn braces_are_no_holes<'a>(params: &'a [Param], template: &Template, errors: &Errors) -> Vec<&'a str> {
    let mut found = Vec::new();
    for part in &template.parts {
        let Part::Text(text) = part else { continue };
        for inside in text.split('{').skip(1).filter_map(|after| after.split_once('}')) {
            let root = inside.0.split(['.', ':']).next().unwrap_or_default();
            if let Some(param) = params.iter().find(|param| param.name == root) {
                errors.at(template.span, format!("write `<{}>`; braces are literal", inside.0));
                found.push(param.name.as_str());
            }
        }
    }
    found
}

fn holes_do_not_touch(template: &Template, errors: &Errors) {
    let mut last: Option<&str> = None;
    let mut between = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => between.push_str(text),
            Part::Hole(hole) => {
                if let Some(last) = last
                    && !between.contains(separates)
                {
                    let why = match between.as_str() {
                        "" => String::new(),
                        text => format!(", as `{text}` can be part of either"),
                    };
                    let this = &hole.text;
                    errors.at(
                        template.span,
                        format!("`<{last}>` and `<{this}>` touch{why}; separate them with `:`"),
                    );
                }
                last = Some(&hole.text);
                between.clear();
            }
        }
    }
}

fn separates(character: char) -> bool {
    SEPARATORS.contains(character) || character.is_control() || character.is_whitespace()
}

/// What stands in the key has a type that is written out.
pub(super) fn key_types(params: &[Param], errors: &Errors) {
    for Param { name, ty, role, .. } in params {
        if *role != Role::Skipped
            && let Some(span) = types::impl_trait(ty)
        {
            errors.at(span, format!("parameter `{name}` is in the key, which an `impl Trait` cannot be yet; write its type, or `skip({name})` if it cannot change the result"));
        }
    }
}

/// Whether there is such a parameter; `self` is one, which is refused elsewhere.
fn is_param(sig: &Signature, params: &[Param], name: &str) -> bool {
    let in_pattern = || {
        sig.inputs.iter().any(|input| match input {
            FnArg::Receiver(_) => name == "self",
            // Refused elsewhere; what it binds is not unknown.
            FnArg::Typed(typed) => {
                mentions(quote::ToTokens::to_token_stream(&typed.pat), &|ident| ident == name)
            }
        })
    };
    params.iter().any(|param| param.name == name) || in_pattern()
}

/// `` `user` has no parameter `uid`; it has `db`, `id`, `team` ``
fn no_parameter(sig: &Signature, params: &[Param], name: &str) -> String {
    let names: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
    let function = unraw(&sig.ident);
    let has = match names.is_empty() {
        true => "it has none".to_owned(),
        false => format!("it has {}", crate::attr::list(&names)),
    };
    format!("`{function}` has no parameter `{name}`; {has}")
}
