//! How long, whether and where a value is kept, as written.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprBinary, ExprClosure, ExprLit, Lit, LitStr};

use super::{args, duration, or_meant};

/// Ten years, as the engine has it (`policy::TTL_MAX`).
pub(crate) const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How long a value lives.
pub(crate) enum Ttl {
    /// Known at compile time.
    Fixed(Duration),
    /// Evaluated for each call.
    Expr(Box<Expr>),
    /// Evaluated for each value.
    ByValue(Box<Expr>),
}

impl Ttl {
    /// What it evaluates.
    pub(crate) fn expr(&self) -> Option<&Expr> {
        match self {
            Self::Fixed(_) => None,
            Self::Expr(expr) | Self::ByValue(expr) => Some(expr),
        }
    }
}

/// Where values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// In the shared store, if there is one.
    Shared,
    /// In this process alone.
    Local,
}

/// Whether a value may be behind the shared store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consistency {
    /// By the cache's bound at most.
    Bounded,
    /// It may not.
    Strict,
}

pub(super) fn ttl(expr: Expr) -> syn::Result<Ttl> {
    if let Expr::Closure(closure) = &expr {
        has_one_parameter("ttl", closure)?;
        return Ok(Ttl::ByValue(Box::new(expr)));
    }
    match fixed("ttl", &expr)? {
        Some(duration) => Ok(Ttl::Fixed(duration)),
        None => Ok(Ttl::Expr(Box::new(expr))),
    }
}

/// A duration that is known at compile time.
pub(super) fn duration(name: &Ident, input: ParseStream<'_>) -> syn::Result<Duration> {
    let expr = args::value(name, "\"10s\"", input)?;
    fixed(&name.to_string(), &expr)?.ok_or_else(|| {
        let message = format!("a `{name}` is whole seconds, like `10`, or text, like `\"10s\"`");
        syn::Error::new_spanned(expr, message)
    })
}

/// A duration that is known now; `None` if it is an expression.
fn fixed(name: &str, expr: &Expr) -> syn::Result<Option<Duration>> {
    if let Some(seconds) = product(expr) {
        return in_bounds(name, Duration::from_secs(seconds), expr.span()).map(Some);
    }
    let (duration, span) = match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(seconds), .. }) if seconds.suffix().is_empty() => {
            // What does not fit is over ten years too.
            let seconds_max = seconds.base10_parse().unwrap_or(u64::MAX);
            (Duration::from_secs(seconds_max), seconds.span())
        }
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            let duration = duration::parse(&text.value());
            (duration.map_err(|message| syn::Error::new(text.span(), message))?, text.span())
        }
        Expr::Lit(_) | Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), .. }) => {
            let or = if name == "ttl" { ", or a `Duration` expression" } else { "" };
            let message = format!("a `{name}` is whole seconds, like `3600`, text, like `\"1h 30m\"`{or}");
            return Err(syn::Error::new_spanned(expr, message));
        }
        _ => return Ok(None),
    };
    in_bounds(name, duration, span).map(Some)
}

/// Seconds as `24 * 60 * 60`.
fn product(expr: &Expr) -> Option<u64> {
    let Expr::Binary(ExprBinary { left, op: BinOp::Mul(_), right, .. }) = expr else { return None };
    let factor = |expr: &Expr| match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => {
            Some(number.base10_parse().unwrap_or(u64::MAX))
        }
        other => product(other),
    };
    Some(factor(left)?.saturating_mul(factor(right)?))
}

fn in_bounds(name: &str, duration: Duration, span: Span) -> syn::Result<Duration> {
    if duration.is_zero() {
        return Err(syn::Error::new(
            span,
            match name {
                "ttl" | "negative_ttl" | "idle" => {
                    format!(
                        "a `{name}` of zero caches nothing; write how long a value may live, like `\"5m\"`"
                    )
                }
                _ => {
                    format!("a `{name}` of zero does nothing; write how long, like `\"5m\"`, or leave it out")
                }
            },
        ));
    }
    if duration > TTL_MAX {
        return Err(syn::Error::new(
            span,
            format!("a `{name}` of over 10 years is a mistake in its unit; write 10 years at most"),
        ));
    }
    Ok(duration)
}

pub(super) fn percent(text: &LitStr) -> syn::Result<u8> {
    let value = text.value();
    let number = value.strip_suffix('%').filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    match number.and_then(|number| number.parse().ok()) {
        Some(percent @ 0..=100) => Ok(percent),
        _ => Err(syn::Error::new(
            text.span(),
            format!("invalid jitter `{value}`; write a percentage from `0%` to `100%`, like `10%`"),
        )),
    }
}

/// `unless = |value| …`, or a function of that form.
pub(super) fn unless(name: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let expr = args::value(name, "|value| value.is_empty()", input)?;
    match &expr {
        Expr::Closure(closure) => has_one_parameter("unless", closure)?,
        Expr::Path(_) => {}
        _ => {
            let message = "`unless` takes a closure over the value; write `unless = |value| value.is_empty()`, or `when = …` for what is known before the body";
            return Err(syn::Error::new_spanned(expr, message));
        }
    }
    Ok(expr)
}

/// `when = EXPR`
pub(super) fn when(name: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let expr = args::value(name, "page < 10", input)?;
    if let Expr::Closure(_) = expr {
        let message = "`when` is known before the body, so it sees the arguments and no value; write `when = page < 10`, or `unless = |value| …`";
        return Err(syn::Error::new_spanned(expr, message));
    }
    Ok(expr)
}

fn has_one_parameter(name: &str, closure: &ExprClosure) -> syn::Result<()> {
    if closure.inputs.len() == 1 && closure.asyncness.is_none() {
        return Ok(());
    }
    let message = format!("`{name}` is asked about the value; write `{name} = |value| …`");
    Err(syn::Error::new_spanned(closure, message))
}

pub(super) fn version(name: &Ident, input: ParseStream<'_>) -> syn::Result<u32> {
    let expr = args::value(name, "2", input)?;
    let number = match &expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        syn::Error::new_spanned(
            expr,
            "a `version` is a whole number, like `2`; add one when the values change their meaning",
        )
    })
}

pub(super) fn tier(name: &Ident, input: ParseStream<'_>) -> syn::Result<Tier> {
    let message = "`tier` is `local`, for values that never leave this process, or `shared`, the default";
    one_of(name, input, [("local", Tier::Local), ("shared", Tier::Shared)], message)
}

pub(super) fn consistency(name: &Ident, input: ParseStream<'_>) -> syn::Result<Consistency> {
    let message = "`consistency` is `strict`, which asks a shared store each time, or `bounded`, the default";
    let known = [("strict", Consistency::Strict), ("bounded", Consistency::Bounded)];
    one_of(name, input, known, message)
}

/// One of two words.
pub(super) fn one_of<T: Copy>(
    name: &Ident,
    input: ParseStream<'_>,
    known: [(&str, T); 2],
    message: &str,
) -> syn::Result<T> {
    let words = known.map(|(word, _)| word);
    let expr = args::value(name, words[0], input)?;
    let ident = match &expr {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    };
    let meant = known.iter().find(|(word, _)| ident.as_deref() == Some(word));
    meant.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let near = or_meant(ident.as_deref(), &words);
        syn::Error::new_spanned(expr, format!("{message}{near}"))
    })
}
