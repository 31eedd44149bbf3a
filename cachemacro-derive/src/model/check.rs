//! The rules of `#[cache_result]`, one function each.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, FnArg, Path, ReturnType, Signature, Type};

use super::computed::Computed;
use super::known::{Known, KnownKind};
use super::methods::Impl;
use super::param::{Param, Role};
use super::returns::returns;
use super::types;
use crate::attr::{Part, Skipped, Template, meant_or_all, nearest};
use crate::errors::Errors;
use crate::fallback::is_cache_result;
use crate::parse::{Function, mentions, unraw};

/// What separates two holes beside control characters and white space: the engine's
/// `key::SEPARATORS`, which text in a hole never holds.
///
/// `%` is not one: it begins an escape, so that `<a>%<b>` would make `x%3A%3Ay` of `x:`, `3Ay` and of `x`, `3A:y`.
const SEPARATORS: &str = ":,/|<>{}*?[]\\";

/// Whether the function is one that can be cached.
pub(super) fn signature(function: &Function, around: Option<&Impl>, is_local: bool, errors: &Errors) {
    let sig = &function.sig;
    is_cached_once(function, errors);
    is_not_const(sig, errors);
    has_no_variadic(sig, errors);
    has_no_conditional_parameter(sig, errors);
    let Some((_, output)) = returns(sig, is_local) else {
        return is_async(sig, errors);
    };
    returns_something(sig, &output, errors);
    returns_a_named_type(&output, errors);
    returns_an_owned_value(&output, errors);
    if !is_local {
        returns_nothing_static(&output, errors);
    }
    returns_no_bare_parameter(sig, around, &output, errors);
}

fn is_async(sig: &Signature, errors: &Errors) {
    let name = &sig.ident;
    errors.at(
        sig.fn_token.span,
        format!(
            "only an `async fn` can be cached; write `async fn {name}`, or add `tier = local` to cache it in this process alone"
        ),
    );
}

/// Without one it is a function of its type, beside which nothing can stand.
pub(super) fn has_a_receiver(function: &Function, errors: &Errors) {
    if function.sig.receiver().is_none() {
        let name = &function.sig.ident;
        errors.at(
            name.span(),
            format!(
                "`{name}` belongs to its type; put `#[cache_methods]` on the `impl`, or add `companion = off`"
            ),
        );
    }
}

/// A companion is a type, and hides what has its name already.
pub(super) fn hides_no_type(companion: &Ident, sig: &Signature, errors: &Errors) {
    let name = unraw(companion);
    let of_inputs = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed.ty.to_token_stream()),
        FnArg::Receiver(_) => None,
    });
    let (generics, output) = (sig.generics.to_token_stream(), sig.output.to_token_stream());
    let is_it = |ident: &str| ident == name;
    let is_used = of_inputs.chain([generics, output]).any(|tokens| mentions(tokens, &is_it));
    if is_used {
        errors.at(
            companion.span(),
            format!(
                "the companion of this function is a type named `{name}`, as is what its signature uses; give it another name, like `companion = Cached`"
            ),
        );
    }
}

fn is_cached_once(function: &Function, errors: &Errors) {
    for attr in function.attrs.iter().filter(|attr| is_cache_result(attr)) {
        let name = unraw(&function.sig.ident);
        errors.on(attr, format!("`{name}` has a `#[cache_result(…)]` already; leave one of them"));
    }
}

fn is_not_const(sig: &Signature, errors: &Errors) {
    if let Some(token) = &sig.constness {
        errors.on(token, "a `const fn` may run in the compiler, where there is no cache; leave `const` out, or the attribute");
    }
}

fn has_no_variadic(sig: &Signature, errors: &Errors) {
    if let Some(variadic) = &sig.variadic {
        errors.on(variadic, "a function with `...` cannot be cached; name its parameters");
    }
}

fn has_no_conditional_parameter(sig: &Signature, errors: &Errors) {
    for input in &sig.inputs {
        let attrs = match input {
            FnArg::Receiver(receiver) => &receiver.attrs,
            FnArg::Typed(typed) => &typed.attrs,
        };
        for attr in
            attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
        {
            errors.on(attr, "a parameter of a cached function cannot depend on a `cfg`, as its key would; write the function once for each");
        }
    }
}

fn returns_something(sig: &Signature, output: &Type, errors: &Errors) {
    let name = &sig.ident;
    let is_nothing = match output {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        Type::Never(_) => true,
        _ => false,
    };
    if is_nothing {
        let span = if matches!(sig.output, ReturnType::Default) { name.span() } else { output.span() };
        errors.at(
            span,
            format!(
                "there is nothing to cache: `{name}` returns no value; return one, or leave the attribute out"
            ),
        );
    }
}

fn returns_a_named_type(output: &Type, errors: &Errors) {
    if let Some(span) = types::impl_trait(output) {
        errors.at(span, "an `impl Trait` cannot be cached yet; name the type that is returned");
    }
}

fn returns_an_owned_value(output: &Type, errors: &Errors) {
    if let Some(span) = types::borrow(output) {
        errors.at(span, "a cached value outlives the call, so it cannot borrow; return an owned one, like `String` for `&str`");
    }
}

/// What comes from a shared store is owned by the one who reads it.
fn returns_nothing_static(output: &Type, errors: &Errors) {
    if let Some(span) = types::static_reference(output) {
        errors.at(span, "a `&'static` cannot come from a shared store; return an owned value, like `String` for `&'static str`, or add `tier = local`");
    }
}

/// It could stand for a `Result`, whose errors would then be cached.
fn returns_no_bare_parameter(sig: &Signature, around: Option<&Impl>, output: &Type, errors: &Errors) {
    let Type::Path(path) = output else { return };
    let first = &path.path.segments[0].ident;
    let of_impl = around.iter().flat_map(|around| around.generics.type_params());
    let mut params = sig.generics.type_params().chain(of_impl);
    if path.qself.is_none() && params.any(|param| *first == param.ident) {
        let shown = output.to_token_stream().to_string().replace(' ', "");
        errors.on(output, format!("`{shown}` could stand for a `Result`, whose errors must not be cached; return a `Result<{shown}, …>`, an `Option<{shown}>` or a type around it"));
    }
}

/// What `skip(…)` names is there, each once.
pub(super) fn skips(sig: &Signature, known: &[Known], skipped: &[Skipped], errors: &Errors) {
    for (at, Skipped { name, span }) in skipped.iter().enumerate() {
        if skipped[..at].iter().any(|before| before.name == *name) {
            errors.at(*span, format!("`{name}` is skipped twice; leave one of them"));
        } else if !is_known(known, name) {
            errors.at(*span, format!("`skip` names `{name}`, but {}", no_parameter(sig, known, name)));
        }
    }
}

/// What a key is checked against.
pub(super) struct Scope<'a> {
    pub(super) sig: &'a Signature,
    pub(super) known: &'a [Known],
    pub(super) computed: &'a [Computed],
    pub(super) skipped: &'a [Skipped],
    pub(super) around: Option<&'a Impl>,
}

/// The key has all that is not skipped, and nothing that is not there; its holes do not touch.
///
/// A parameter that is neither, and whose type may say that it cannot matter, is left to the type.
pub(super) fn template(scope: &Scope<'_>, params: &mut [Param], template: &Template, errors: &Errors) {
    let Scope { sig, known, computed, skipped, around } = *scope;
    holes_are_known(sig, known, template, errors);
    let in_braces = braces_are_no_holes(known, template, errors);
    holes_do_not_touch(template, errors);
    // What is misspelt in the key is not missing too.
    let meant = template.holes().filter(|hole| !is_known(known, &hole.root));
    let meant: Vec<&str> = meant.filter_map(|hole| nearest(&hole.root, &names_of_params(known))).collect();
    for known in known.iter().filter(|known| !matches!(known.kind, KnownKind::SelfType | KnownKind::Computed))
    {
        let name = &known.name;
        let through_with = computed.iter().any(|computed| computed.is_of(name));
        let in_key = template.holes().any(|hole| hole.root == *name);
        match (in_key, skipped.iter().find(|skipped| skipped.name == *name)) {
            (true, Some(skipped)) => {
                errors
                    .at(skipped.span, format!("`{name}` is in the key and in `skip(…)`; leave one of them"));
            }
            (false, None)
                if !through_with
                    && !in_braces.contains(&name.as_str())
                    && !meant.contains(&name.as_str())
                    && !is_told(known, around, template) =>
            {
                let param = params.iter_mut().find(|param| param.pattern.is_none() && param.binds(name));
                match param.filter(|param| types::may_be_handle(&param.ty, &sig.generics)) {
                    Some(param) => param.must_be_handle = true,
                    None => errors.at(known.ident.span(), known.missing()),
                }
            }
            _ => {}
        }
    }
}

/// Whether the `impl` skips it, or it is a parameter of the `impl` that `<Self>` tells.
fn is_told(known: &Known, around: Option<&Impl>, template: &Template) -> bool {
    let Some(around) = around else { return false };
    let of_impl = matches!(&known.kind, KnownKind::Generic(generic) if generic.of_impl);
    let by_self = || {
        template.holes().any(|hole| hole.root == "Self")
            && !around.params_of_the_trait().contains(&known.name)
    };
    around.skipped.iter().any(|skipped| skipped.name == known.name) || (of_impl && by_self())
}

fn holes_are_known(sig: &Signature, known: &[Known], template: &Template, errors: &Errors) {
    for hole in template.holes() {
        let Some(known) = known.iter().find(|known| known.name == hole.root) else {
            let missing = no_parameter(sig, known, &hole.root);
            errors.at(template.span, format!("key uses `<{}>`, but {missing}", hole.text));
            continue;
        };
        if !hole.is_whole() && matches!(known.kind, KnownKind::SelfType | KnownKind::Generic(_)) {
            let (text, root) = (&hole.text, &hole.root);
            errors.at(
                template.span,
                format!(
                    "key uses `<{text}>`, but `{root}` has no fields; write `<{root}>`, or a field of a value"
                ),
            );
        }
    }
}

/// What stands in braces instead of a hole.
pub(super) fn braces_are_no_holes<'a>(
    known: &'a [Known],
    template: &Template,
    errors: &Errors,
) -> Vec<&'a str> {
    let mut found = Vec::new();
    for part in &template.parts {
        let Part::Text(text) = part else { continue };
        for inside in text.split('{').skip(1).filter_map(|after| after.split_once('}')) {
            let root = inside.0.split(['.', ':']).next().unwrap_or_default();
            if let Some(known) = known.iter().find(|known| known.name == root) {
                errors.at(template.span, format!("write `<{}>`; braces are literal", inside.0));
                found.push(known.name.as_str());
            }
        }
    }
    found
}

pub(super) fn holes_do_not_touch(template: &Template, errors: &Errors) {
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

pub(super) fn separates(character: char) -> bool {
    SEPARATORS.contains(character) || character.is_control() || character.is_whitespace()
}

/// What stands in the key has a type that is written out.
pub(super) fn key_types(params: &[Param], errors: &Errors) {
    for param in params.iter().filter(|param| param.role != Role::Skipped) {
        if let Some(span) = types::impl_trait(&param.ty) {
            let name = param.bound().first().map(unraw).unwrap_or_default();
            errors.at(span, format!("parameter `{name}` is in the key, which an `impl Trait` cannot be; write its type, compute what the key has of it, like `with(text: String = …)`, or write `skip({name})` if it cannot change the result"));
        }
    }
}

/// What a pattern binds is there in the body alone.
pub(super) fn patterns_are_not_used(params: &[Param], exprs: &[(&str, &Expr)], errors: &Errors) {
    for (what, expr) in exprs {
        let tokens = expr.to_token_stream();
        for param in params.iter().filter(|param| param.pattern.is_some()) {
            if let Some(ident) =
                param.bound().iter().find(|ident| mentions(tokens.clone(), &|name| unraw(ident) == name))
            {
                errors.at(ident.span(), format!("`{what}` uses `{ident}`, which a pattern binds; give the parameter a name, and take it apart in the body"));
            }
        }
    }
}

fn is_known(known: &[Known], name: &str) -> bool {
    known.iter().any(|known| known.name == name)
}

/// `` `user` has no parameter `uid`; it has `db`, `id`, `team` ``
fn no_parameter(sig: &Signature, known: &[Known], name: &str) -> String {
    let has = meant_or_all(name, &names_of_params(known));
    format!("`{}` has no parameter `{name}`; {has}", unraw(&sig.ident))
}

/// The names of what is given, and of what that is generic over.
fn names_of_params(known: &[Known]) -> Vec<&str> {
    let given = |known: &&Known| !matches!(known.kind, KnownKind::SelfType | KnownKind::Computed);
    known.iter().filter(given).map(|known| known.name.as_str()).collect()
}

/// Whose entries they are says what they may take.
pub(super) fn shares_one_room(memory: Option<Span>, shares: Option<&Path>, errors: &Errors) {
    if let (Some(span), Some(path)) = (memory, shares) {
        let theirs = path.segments.last().map(|segment| unraw(&segment.ident)).unwrap_or_default();
        errors.at(span, format!("the entries are those of `{theirs}`; write `memory` there"));
    }
}

/// What stands at link time knows no type parameter.
pub(super) fn shares_one_type(sig: &Signature, output: &Type, shares: Option<&Path>, errors: &Errors) {
    let is_unknown =
        |name: &str| name == "Self" || sig.generics.type_params().any(|param| param.ident == name);
    if let Some(path) = shares
        && mentions(output.to_token_stream(), &is_unknown)
    {
        errors.on(path, "`shares` compares the types of the values when the program starts, so the return type can have no type parameter; write it out");
    }
}
