//! The rules of `#[invalidates]`, one function each.

use proc_macro2::{Ident, Span};
use syn::{FnArg, Signature, Type};

use super::returns::returns;
use super::types;
use crate::attr::{Commit, Guards, Part, Template, list};
use crate::errors::Errors;
use crate::parse::{Function, unraw};

/// Whether the function is one that can invalidate.
pub(super) fn signature(attribute: &str, function: &Function, errors: &Errors) {
    match returns(&function.sig, false) {
        Some((_, output)) => returns_a_named_type(attribute, &output, errors),
        None => is_async(attribute, &function.sig, errors),
    }
    is_not_above_a_cache(function, errors);
}

fn is_async(attribute: &str, sig: &Signature, errors: &Errors) {
    let name = &sig.ident;
    errors
        .at(sig.fn_token.span, format!("`#[{attribute}(…)]` goes on an `async fn`; write `async fn {name}`"));
}

fn returns_a_named_type(attribute: &str, output: &Type, errors: &Errors) {
    if let Some(span) = types::impl_trait(output) {
        errors.at(
            span,
            format!(
                "`#[{attribute}(…)]` must know whether this is a `Result`; name the type that is returned"
            ),
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
                    "this uses `<{}>`, but `{}` has no parameter `{}`; there are {}",
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

/// A pattern stands for more than one key.
pub(super) fn pattern(template: &Template, errors: &Errors) {
    let is_glob = |part: &Part| matches!(part, Part::Text(text) if text.contains(['*', '?', '[']));
    if !template.parts.iter().any(is_glob) {
        errors.at(
            template.span,
            "this matches one key alone; write `key = …`, or put a `*` where any text may be",
        );
    }
}

/// What is changed within a transaction is not committed at the end of the function.
pub(super) fn commits(
    sig: &Signature,
    params: &[Ident],
    commit: Option<&Commit>,
    only_ok: bool,
    errors: &Errors,
) {
    match commit {
        Some(Commit::Now) => {}
        Some(Commit::With(ident)) => {
            let name = unraw(ident);
            if !params.iter().any(|param| unraw(param) == name) {
                errors.at(
                    ident.span(),
                    format!(
                        "`{}` has no parameter `{name}`; add `{name}: &cachemacro::Pending`",
                        unraw(&sig.ident)
                    ),
                );
            }
            if only_ok {
                errors.at(
                    ident.span(),
                    "what a transaction has changed is decided by its commit; leave `on = ok` out",
                );
            }
        }
        None => {
            if let Some(ty) = transaction(sig) {
                errors.on(ty, "this function ends before its transaction has committed, and a read in between would store the old value again; add a parameter `pending: &cachemacro::Pending` and `commit = pending`, or `commit = now` if nothing is left to commit at its end");
            }
        }
    }
}

/// A value that may yet be rolled back cannot be put.
pub(super) fn puts_in_no_transaction(sig: &Signature, errors: &Errors) {
    if let Some(ty) = transaction(sig) {
        errors.on(ty, "this value is not committed yet, and may never be, so that it cannot be put; use `#[invalidates(…, commit = pending)]`");
    }
}

/// A guard ends by invalidating.
pub(super) fn guards(guards: Option<Guards>, only_ok: bool, errors: &Errors) {
    if guards == Some(Guards::Required) && only_ok {
        errors.at(Span::call_site(), "`on = ok` leaves alone what failed, and a guard ends by invalidating; leave one of `on = ok` and `guard = required` out");
    }
}

/// The type of a parameter that is named `Transaction`.
fn transaction(sig: &Signature) -> Option<&Type> {
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(types::without_references(&typed.ty)),
        FnArg::Receiver(_) => None,
    });
    typed.into_iter().find(|ty| match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Transaction"),
        _ => false,
    })
}
