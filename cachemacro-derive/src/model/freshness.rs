//! What is said of time beside a `ttl`, and what that asks of the function.

use std::time::Duration;

use syn::spanned::Spanned;
use syn::{FnArg, Receiver, ReceiverKind, Signature, Type};

use super::cached::Home;
use super::methods::Impl;
use super::param::Param;
use super::returns::How;
use crate::attr::{self, TTL_MAX, Timeout, Ttl};
use crate::errors::Errors;
use crate::parse::unraw;

/// What is said of time beside a `ttl`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Freshness {
    pub(crate) ttl_class: Option<String>,
    pub(crate) idle: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) early: bool,
    pub(crate) timeout: Timeout,
    pub(crate) refresh_every: Option<Duration>,
}

impl Freshness {
    /// Whether a call is more than a hit or a load.
    pub(crate) fn decides(&self) -> bool {
        self.idle.is_some() || self.stale_if_error.is_some() || self.early || self.is_owned()
    }

    /// Whether a hit is more than that: it may be extended, or refreshed, or noted.
    pub(crate) fn looks_at_hits(&self) -> bool {
        self.idle.is_some() || self.early || self.refresh_every.is_some()
    }

    /// Whether the body may run when the call is over.
    pub(crate) fn is_owned(&self) -> bool {
        let Timeout { soft, hard } = self.timeout;
        let Self { stale_while_revalidate, refresh_every, .. } = self;
        stale_while_revalidate.is_some() || soft.is_some() || hard.is_some() || refresh_every.is_some()
    }

    /// Whether anything is said.
    pub(crate) fn is_any(&self) -> bool {
        self.decides() || self.ttl_class.is_some()
    }
}

/// The function that it is said of.
pub(super) struct Of<'a> {
    pub(super) sig: &'a Signature,
    pub(super) params: &'a [Param],
    pub(super) home: &'a Home,
    pub(super) how: How,
    pub(super) around: Option<&'a Impl>,
}

/// What it means, and how long values live that say nothing else.
pub(super) fn resolve(
    attr: attr::Freshness,
    ttl: Option<Ttl>,
    of: &Of<'_>,
    errors: &Errors,
) -> Option<(Freshness, Ttl)> {
    if let (Some(_), Some(span)) = (&ttl, attr.ttl_class.span()) {
        errors.at(span, "a `ttl` says what a `ttl_class` does; leave one of them");
    }
    let is_soft = attr.timeout.get().is_some_and(|timeout| timeout.soft.is_some());
    if is_soft && let (Some(span), None) = (attr.timeout.span(), attr.stale_if_error.get()) {
        errors.at(span, "a soft `timeout` answers with a value past its ttl; add `stale_if_error`, which says how long past it, or write `timeout(hard = …)`, which fails");
    }
    if let (Some(every), Some(span), Some(Ttl::Fixed(ttl))) =
        (attr.refresh_every.get(), attr.refresh_every.span(), &ttl)
        && every >= ttl
    {
        errors.at(span, "a value expires before it is refreshed; let `refresh_every` be less than the `ttl`");
    }
    for (name, span) in attr.decisions() {
        if of.how == How::AtOnce {
            errors.at(span, format!("`{name}` needs an `async fn`: nobody can wait here, nor refresh"));
        } else if matches!(name, "stale_while_revalidate" | "timeout" | "refresh_every") {
            can_be_owned(name, span, of, errors);
        }
    }
    // Without a `ttl`, what is hit again and again lives on; a class that a cache does not have is a minute.
    let class = attr.ttl_class.get().map(|_| Ttl::Fixed(Duration::from_secs(60)));
    let idle = attr.idle.get().map(|_| Ttl::Fixed(TTL_MAX));
    let freshness = Freshness {
        ttl_class: attr.ttl_class.into_inner(),
        idle: attr.idle.into_inner(),
        stale_while_revalidate: attr.stale_while_revalidate.into_inner(),
        stale_if_error: attr.stale_if_error.into_inner(),
        early: attr.early.into_inner().unwrap_or_default(),
        timeout: attr.timeout.into_inner().unwrap_or_default(),
        refresh_every: attr.refresh_every.into_inner(),
    };
    Some((freshness, ttl.or(class).or(idle)?))
}

/// Whether the body can run without the call: it stands by itself, and its parameters are not the caller's.
fn can_be_owned(name: &str, span: proc_macro2::Span, of: &Of<'_>, errors: &Errors) {
    match (of.home, of.around) {
        (Home::Beside(_) | Home::Impl { has_body: true }, _) => {}
        (_, Some(around)) if around.trait_.is_some() => errors.at(
            span,
            format!("`{name}` runs the body when the call is over, and that of a trait's method cannot stand by itself; cache an inherent method or a function that it calls"),
        ),
        _ if of.sig.receiver().is_some() || of.around.is_some() => errors.at(
            span,
            format!("`{name}` runs the body when the call is over; put `#[cache_methods]` on the `impl`, so that the body can stand by itself"),
        ),
        _ => errors.at(
            span,
            format!("`{name}` runs the body when the call is over, and that of a companion does; leave `companion = off` out"),
        ),
    }
    if let Some(FnArg::Receiver(receiver)) = of.sig.inputs.first()
        && borrow_of(receiver) == Some(true)
    {
        errors.at(
            receiver.span(),
            format!(
                "`{name}` runs the body when the call is over, and cannot borrow `self` mutably; take `&self`"
            ),
        );
    }
    for param in of.params.iter().filter(|param| is_mutable(&param.ty)) {
        let ident = unraw(&param.ident);
        errors.at(param.ty.span(), format!("`{name}` runs the body when the call is over, and cannot borrow `{ident}` mutably; take it by value or by `&`, or use `early = on`, which runs it in the call"));
    }
}

/// Whether a receiver is borrowed, and then whether mutably.
pub(crate) fn borrow_of(receiver: &Receiver) -> Option<bool> {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => Some(mutability.is_some()),
        ReceiverKind::Typed(_, ty) => matches!(**ty, Type::Reference(_)).then(|| is_mutable(ty)),
        _ => None,
    }
}

fn is_mutable(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_some())
}
