//! A function for many ids: which parameter has them, and what of them the key has.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Signature, Type};

use super::cached::Home;
use super::computed::Computed;
use super::param::{Param, Role};
use super::types;
use crate::attr::{Batch, CacheResult, Template, Wrapping, meant_or_all};
use crate::errors::Errors;
use crate::names;
use crate::parse::unraw;

/// A function for many ids.
pub(crate) struct Batched {
    /// The parameter with the ids.
    pub(crate) ids: Ident,
    /// How many of them the body takes, if not as many as the engine has under way at once.
    pub(crate) chunk: Option<usize>,
    /// How long calls for one id are gathered.
    pub(crate) window: Option<Duration>,
}

/// Longer than this no caller is to wait for others.
const WINDOW_MAX: Duration = Duration::from_secs(1);

/// What `batch(ids)` means: the key has one of the ids, and not all. `None` without one, or after adding an error.
pub(super) fn resolve(
    batch: &Batch,
    sig: &Signature,
    home: &Home,
    params: &mut [Param],
    generated: &TokenStream,
    errors: &Errors,
) -> Option<Batched> {
    check(batch, sig, home, errors);
    let is_it = |param: &Param| param.pattern.is_none() && unraw(&param.ident) == batch.ids;
    let Some(at) = params.iter().position(is_it) else {
        errors.at(batch.span, no_parameter(batch, sig, params));
        return None;
    };
    let param = &mut params[at];
    let span = names::at(param.ty.span());
    let (ty, generated) = (types::without_references(&param.ty), names::tokens_at(generated, span));
    if is_one_id(ty) {
        let shown = ty.to_token_stream().to_string();
        let owned = if shown == "str" { "String" } else { &shown };
        let message = format!(
            "a batch does not take its ids as `{shown}`; write a list or a set of them, like `&[{owned}]`"
        );
        errors.at(param.ty.span(), message);
        return None;
    }
    let id = quote_spanned!(span=> <#ty as #generated::batch::Ids>::Id);
    param.id = Some(syn::parse2(id).expect("it is a type"));
    Some(Batched { ids: param.ident.clone(), chunk: batch.chunk, window: None })
}

/// What the function has for one id.
pub(super) fn each(params: &[Param], output: &Type, generated: &TokenStream) -> Type {
    let id = params.iter().find_map(|param| param.id.clone()).expect("a batch has ids");
    let id = with_static_lifetimes(id);
    let span = names::at(output.span());
    let generated = names::tokens_at(generated, span);
    syn::parse2(quote_spanned!(span=> #generated::batch::Each<#id, #output>)).expect("it is a type")
}

/// The ids are in the key, by themselves: nothing is computed from all of them.
pub(super) fn ids_are_in_the_key(batch: &Batch, params: &[Param], computed: &[Computed], errors: &Errors) {
    let Some(param) = params.iter().find(|param| param.id.is_some()) else { return };
    let ids = &batch.ids;
    if let Some(computed) = computed.iter().find(|computed| computed.is_of(ids)) {
        let message = format!(
            "`with` computes one value for the whole call, so not from `{ids}`, of which each has a key; write a field of it into the key, like `<{ids}.tenant>`"
        );
        errors.at(computed.ident().span(), message);
    } else if param.role == Role::Skipped {
        errors.at(batch.span, format!("each of `{ids}` has an entry of its own, so it is in the key: write `<{ids}>` where the key has one of them"));
    }
}

/// Calls that are gathered share the parameters of one of them: nothing but their ids may tell them apart.
pub(super) fn gathers_by_ids_alone(batch: &Batch, template: Option<&Template>, span: Span, errors: &Errors) {
    let Some(template) = template else {
        let message =
            format!("calls that are gathered differ in `{}` alone; write a `key` of nothing else", batch.ids);
        return errors.at(span, message);
    };
    if let Some(hole) = template.holes().find(|hole| hole.root != batch.ids) {
        let message = format!(
            "calls that are gathered share one body, and so all parameters but `{ids}`, but `<{}>` tells their keys apart; make it a part of the id, like `<{ids}.0>`, or leave `batch_window` out",
            hole.text,
            ids = batch.ids
        );
        errors.at(span, message);
    }
}

/// What the attribute says beside it.
pub(super) fn other_arguments(attr: &CacheResult, errors: &Errors) {
    let Some(batch) = attr.batch.get() else {
        if let Some(span) = attr.batch_window.span() {
            errors.at(span, "`batch_window` gathers calls for one id into the body of a batch; say it beside `batch(ids)` of a function for many, whose companion then has `one`, for a call like `get_users::one(7)`");
        }
        return;
    };
    if let (Some(window), Some(span)) = (attr.batch_window.get(), attr.batch_window.span())
        && *window > WINDOW_MAX
    {
        errors.at(span, "a `batch_window` is waited for by every call that loads, and is a second at most; write `\"1ms\"`");
    }
    for (name, span) in attr.freshness.decisions() {
        let message = format!(
            "`{name}` is for calls of one id, and a batch has none of its own; leave it out, or say it of the function whose entries this one `shares`"
        );
        errors.at(span, message);
    }
    if attr.codec.get().is_some_and(|codec| codec.wrapping == Wrapping::Raw) {
        errors.at(
            batch.span,
            "a batch does not read what other programs write; leave `Raw` out of the `codec`, or `batch`",
        );
    }
}

fn check(batch: &Batch, sig: &Signature, home: &Home, errors: &Errors) {
    if sig.asyncness.is_none() {
        errors.at(sig.fn_token.span, format!("a batch is an `async fn`; write `async fn {}`", sig.ident));
    }
    if matches!(home, Home::Body | Home::Impl { has_body: false }) {
        errors.at(batch.span, "a batch runs its body through its companion; make it a free function without `companion = off`, or a method of an inherent `impl` under `#[cache_methods]`");
    }
    if let Some(receiver) = sig.receiver()
        && !matches!(receiver.kind, syn::ReceiverKind::Reference(_, _, None))
    {
        errors.on(receiver, "a batch may run its body more than once; take `&self`");
    }
}

/// Whether it is a type that everybody knows to be no list. Of others the type itself is asked, wherever the ids
/// are used, and the compiler says so as often.
fn is_one_id(ty: &Type) -> bool {
    const ONE: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "bool",
        "char", "str", "String",
    ];
    matches!(ty, Type::Path(path) if path.path.get_ident().is_some_and(|ident| ONE.iter().any(|one| ident == one)))
}

fn no_parameter(batch: &Batch, sig: &Signature, params: &[Param]) -> String {
    let names: Vec<String> =
        params.iter().filter(|param| param.pattern.is_none()).map(|param| unraw(&param.ident)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let missing = format!("`batch` names `{}`, but `{}` has no such parameter", batch.ids, unraw(&sig.ident));
    format!("{missing}; {}", meant_or_all(&batch.ids, &names))
}

/// What is asked of the ids' type does not depend on what they borrow.
fn with_static_lifetimes(mut ty: Type) -> Type {
    struct Static;
    impl VisitMut for Static {
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime.get_or_insert_with(|| Lifetime::new("'static", reference.and_token.span()));
            visit_mut::visit_type_reference_mut(self, reference);
        }
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }
        fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
    }
    Static.visit_type_mut(&mut ty);
    ty
}
