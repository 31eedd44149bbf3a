//! The rules of `#[invalidates]`, one function each.

use proc_macro2::Ident;
use syn::{Signature, Type};

use super::returns::returns;
use super::types;
use crate::attr::{Part, Template, list};
use crate::errors::Errors;
use crate::parse::{Function, unraw};

/// Whether the function is one that can invalidate.
pub(super) fn signature(function: &Function, errors: &Errors) {
    match returns(&function.sig) {
        Some((_, output)) => returns_a_named_type(&output, errors),
        None => is_async(&function.sig, errors),
    }
    is_not_above_a_cache(function, errors);
}

fn is_async(sig: &Signature, errors: &Errors) {
    let name = &sig.ident;
    errors
        .at(sig.fn_token.span, format!("`#[invalidates(…)]` goes on an `async fn`; write `async fn {name}`"));
}

fn returns_a_named_type(output: &Type, errors: &Errors) {
    if let Some(span) = types::impl_trait(output) {
        errors.at(
            span,
            "`#[invalidates(…)]` must know whether this is a `Result`; name the type that is returned",
        );
    }
}

/// It wraps the body in place, so that a cache below it would answer calls without it.
fn is_not_above_a_cache(function: &Function, errors: &Errors) {
    let caches = |attr: &&syn::Attribute| {
        attr.path().segments.last().is_some_and(|segment| segment.ident == "cache_result")
    };
    if let Some(attr) = function.attrs.iter().find(caches) {
        errors.on(
            attr.path(),
            "a call that is answered from the cache runs no body, and would invalidate nothing; put `#[cache_result(…)]` above `#[invalidates(…)]` if that is meant",
        );
    }
}

/// What a key of `#[invalidates]` names is there, and is in holes.
pub(super) fn template(sig: &Signature, params: &[Ident], template: &Template, errors: &Errors) {
    let is_bound = |name: &str| name == "result" || params.iter().any(|param| unraw(param) == name);
    for hole in template.holes() {
        if !is_bound(&hole.root) {
            let names: Vec<String> = params.iter().map(unraw).collect();
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.push("result");
            errors.at(
                template.span,
                format!(
                    "key uses `<{}>`, but `{}` has no parameter `{}`; there are {}",
                    hole.text,
                    unraw(&sig.ident),
                    hole.root,
                    list(&names)
                ),
            );
        }
    }
    for part in &template.parts {
        let Part::Text(text) = part else { continue };
        for (inside, _) in text.split('{').skip(1).filter_map(|after| after.split_once('}')) {
            if is_bound(inside.split('.').next().unwrap_or_default()) {
                errors.at(template.span, format!("write `<{inside}>`; braces are literal"));
            }
        }
    }
}
