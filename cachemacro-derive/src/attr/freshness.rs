//! What is said of time beside a `ttl`, as written.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{Token, parenthesized};

use super::{Slot, args, or_meant, storing};
use crate::errors::Errors;

/// What is said of time beside a `ttl`.
pub(crate) struct Freshness {
    pub(crate) ttl_class: Slot<String>,
    pub(crate) idle: Slot<Duration>,
    pub(crate) stale_while_revalidate: Slot<Duration>,
    pub(crate) stale_if_error: Slot<Duration>,
    pub(crate) early: Slot<bool>,
    pub(crate) timeout: Slot<Timeout>,
    pub(crate) refresh_every: Slot<Duration>,
}

/// How long a call waits: with a value past its ttl at hand, and at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeout {
    pub(crate) soft: Option<Duration>,
    pub(crate) hard: Option<Duration>,
}

impl Freshness {
    pub(super) fn empty() -> Self {
        Self {
            ttl_class: Slot::empty("ttl_class"),
            idle: Slot::empty("idle"),
            stale_while_revalidate: Slot::empty("stale_while_revalidate"),
            stale_if_error: Slot::empty("stale_if_error"),
            early: Slot::empty("early"),
            timeout: Slot::empty("timeout"),
            refresh_every: Slot::empty("refresh_every"),
        }
    }

    /// Whether it says something in place of a `ttl`.
    pub(crate) fn bounds_life(&self) -> bool {
        self.ttl_class.get().is_some() || self.idle.get().is_some()
    }

    /// All that asks more of a call than a hit or a load, and where it is said.
    pub(crate) fn decisions(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let said = [
            ("idle", self.idle.span()),
            ("stale_while_revalidate", self.stale_while_revalidate.span()),
            ("stale_if_error", self.stale_if_error.span()),
            ("early", self.early.span()),
            ("timeout", self.timeout.span()),
            ("refresh_every", self.refresh_every.span()),
        ];
        said.into_iter().filter_map(|(name, span)| Some((name, span?)))
    }

    /// Reads an argument, if it is one of these.
    pub(super) fn argument(
        &mut self,
        name: &Ident,
        input: ParseStream<'_>,
        errors: &Errors,
    ) -> syn::Result<bool> {
        let span = name.span();
        let slot = match name.to_string().as_str() {
            "ttl_class" => {
                let class = class(name, input)?;
                self.ttl_class.set(errors, span, class);
                return Ok(true);
            }
            "early" => {
                let known = [("on", true), ("off", false)];
                let early = storing::one_of(name, input, known, "`early` is `on` or `off`")?;
                self.early.set(errors, span, early);
                return Ok(true);
            }
            "timeout" => {
                let timeout = timeout(name, input)?;
                self.timeout.set(errors, span, timeout);
                return Ok(true);
            }
            "idle" => &mut self.idle,
            "refresh_every" => &mut self.refresh_every,
            "stale_while_revalidate" => &mut self.stale_while_revalidate,
            "stale_if_error" => &mut self.stale_if_error,
            _ => return Ok(false),
        };
        let duration = storing::duration(name, input)?;
        slot.set(errors, span, duration);
        Ok(true)
    }
}

/// `ttl_class = "user"`
fn class(name: &Ident, input: ParseStream<'_>) -> syn::Result<String> {
    let text = args::text(name, "\"user\"", input)?;
    match text.value() {
        class if class.trim().is_empty() => Err(syn::Error::new(
            text.span(),
            "a `ttl_class` is the name of one: `static`, `user`, `realtime`, `computed`, or one that the cache is built with",
        )),
        class => Ok(class),
    }
}

/// `timeout = "200ms"`, `timeout(soft = "200ms", hard = "2s")`
fn timeout(name: &Ident, input: ParseStream<'_>) -> syn::Result<Timeout> {
    if !input.peek(Paren) {
        return Ok(Timeout { soft: Some(storing::duration(name, input)?), hard: None });
    }
    let inner;
    parenthesized!(inner in input);
    let mut timeout = Timeout::default();
    while !inner.is_empty() {
        let which: Ident = inner.parse()?;
        let place = match which.to_string().as_str() {
            "soft" => &mut timeout.soft,
            "hard" => &mut timeout.hard,
            other => {
                let near = or_meant(Some(other), &["soft", "hard"]);
                let message = format!(
                    "a `timeout` is `soft` or `hard`, like `timeout(soft = \"200ms\", hard = \"2s\")`{near}"
                );
                return Err(syn::Error::new(which.span(), message));
            }
        };
        let duration = storing::duration(&which, &inner)?;
        if place.replace(duration).is_some() {
            return Err(syn::Error::new(
                which.span(),
                format!("`{which}` is given twice; leave one of them"),
            ));
        }
        if !inner.is_empty() {
            inner.parse::<Token![,]>()?;
        }
    }
    match timeout {
        Timeout { soft: None, hard: None } => Err(syn::Error::new(
            name.span(),
            "how long? write `timeout = \"200ms\"`, or `timeout(soft = \"200ms\", hard = \"2s\")`",
        )),
        Timeout { soft: Some(soft), hard: Some(hard) } if hard <= soft => Err(syn::Error::new(
            name.span(),
            "the call gives up at the `hard` timeout, so that the `soft` one has to come before it",
        )),
        _ => Ok(timeout),
    }
}
