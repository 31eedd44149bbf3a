//! What `#[cache_result(…)]` says.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitStr, Token};

use super::{Slot, Template, args, did_you_mean, duration};
use crate::errors::Errors;
use crate::parse::unraw;

/// All arguments, in the order in which they are suggested.
const KNOWN: [&str; 8] = ["ttl", "jitter", "key", "skip", "cache", "name", "companion", "crate"];

/// Ten years, as the engine has it (`policy::TTL_MAX`).
const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The arguments of `#[cache_result(…)]`.
pub(crate) struct CacheResult {
    pub(crate) ttl: Slot<Ttl>,
    pub(crate) jitter: Slot<u8>,
    pub(crate) key: Slot<KeyArgument>,
    pub(crate) skip: Slot<Vec<Skipped>>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) name: Slot<String>,
    pub(crate) companion: Slot<super::Companion>,
    pub(crate) krate: Slot<syn::Path>,
    /// Whether a `ttl` is there, well formed or not: an ill formed one is not missing too.
    pub(crate) ttl_mentioned: bool,
}

/// A key: `None` if it could not be read.
pub(crate) type KeyArgument = Option<Template>;

/// How long a value lives.
pub(crate) enum Ttl {
    /// Known at compile time.
    Fixed(Duration),
    /// Evaluated for each call.
    Expr(Box<Expr>),
}

/// A parameter named in `skip(…)`.
pub(crate) struct Skipped {
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl CacheResult {
    pub(crate) fn read(tokens: TokenStream, errors: &Errors) -> Self {
        let mut attr = Self {
            ttl: Slot::empty("ttl"),
            jitter: Slot::empty("jitter"),
            key: Slot::empty("key"),
            skip: Slot::empty("skip"),
            cache: Slot::empty("cache"),
            name: Slot::empty("name"),
            companion: Slot::empty("companion"),
            krate: Slot::empty("crate"),
            ttl_mentioned: false,
        };
        args::read(tokens, errors, |input| attr.argument(input, errors));
        attr
    }

    fn argument(&mut self, input: ParseStream<'_>, errors: &Errors) -> syn::Result<()> {
        let name = args::name(input)?;
        let span = name.span();
        match name.to_string().as_str() {
            "ttl" => {
                self.ttl_mentioned = true;
                let ttl = ttl(args::value(&name, "\"5m\"", input)?)?;
                self.ttl.set(errors, span, ttl);
            }
            "jitter" => {
                let percent = percent(&args::text(&name, "\"10%\"", input)?)?;
                self.jitter.set(errors, span, percent);
            }
            "key" => {
                let key = Template::read(&args::text(&name, "\"user:<id>\"", input)?, errors);
                self.key.set(errors, span, key);
            }
            "skip" => {
                let skipped = skipped(&name, input)?;
                self.skip.set(errors, span, skipped);
            }
            "cache" => {
                let cache = args::value(&name, "state.cache", input)?;
                self.cache.set(errors, span, cache);
            }
            "name" => {
                let text = args::text(&name, "\"users\"", input)?;
                if text.value().is_empty() {
                    return Err(syn::Error::new(
                        text.span(),
                        "a `name` cannot be empty; leave it out, or write one",
                    ));
                }
                self.name.set(errors, span, text.value());
            }
            "companion" => {
                let companion = super::companion::read(&name, input)?;
                self.companion.set(errors, span, companion);
            }
            "crate" => {
                let path = path(&name, input)?;
                self.krate.set(errors, span, path);
            }
            other => {
                // `tll` is a mistake in a `ttl`, and not a missing one too.
                self.ttl_mentioned |= did_you_mean(other, &["ttl"]).is_some();
                return Err(args::unknown(&name, &KNOWN));
            }
        }
        Ok(())
    }
}

fn ttl(expr: Expr) -> syn::Result<Ttl> {
    let (duration, span) = match &expr {
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
            let message =
                "a `ttl` is whole seconds, like `3600`, text, like `\"1h 30m\"`, or a `Duration` expression";
            return Err(syn::Error::new_spanned(expr, message));
        }
        _ => return Ok(Ttl::Expr(Box::new(expr))),
    };
    if duration.is_zero() {
        return Err(syn::Error::new(
            span,
            "a `ttl` of zero caches nothing; write how long a value may live, like `\"5m\"`",
        ));
    }
    if duration > TTL_MAX {
        return Err(syn::Error::new(
            span,
            "a `ttl` of over 10 years is a mistake in its unit; write 10 years at most",
        ));
    }
    Ok(Ttl::Fixed(duration))
}

fn percent(text: &LitStr) -> syn::Result<u8> {
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

pub(super) fn skipped(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Skipped>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(name.span(), "`skip` takes parameters; write `skip(db)`"));
    }
    let content;
    syn::parenthesized!(content in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, |input: ParseStream<'_>| {
        if input.peek(Token![self]) {
            let token: Token![self] = input.parse()?;
            return Ok(Ident::new("self", token.span));
        }
        input.parse().map_err(|error: syn::Error| {
            syn::Error::new(error.span(), "`skip` takes names of parameters, like `skip(db, log)`")
        })
    })?;
    if names.is_empty() {
        return Err(syn::Error::new(
            name.span(),
            "`skip()` names no parameter; write `skip(db)`, or leave it out",
        ));
    }
    Ok(names.iter().map(|name| Skipped { name: unraw(name), span: name.span() }).collect())
}

/// The path after `crate =`, for all attributes.
pub(super) fn path(name: &Ident, input: ParseStream<'_>) -> syn::Result<syn::Path> {
    let value: Expr = args::value(name, "::cachemacro", input)?;
    match value {
        Expr::Path(syn::ExprPath { qself: None, path, .. }) => Ok(path),
        other => Err(syn::Error::new_spanned(other, "`crate` takes a path; write `crate = ::cachemacro`")),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn errors(tokens: TokenStream) -> Vec<String> {
        let errors = Errors::new();
        CacheResult::read(tokens, &errors);
        errors.finish().err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_argument_is_read() {
        let all = quote!(
            ttl = "1h 30m",
            jitter = "10%",
            key = "user:<id>",
            skip(db, r#type),
            cache = state.cache,
            name = "users",
            companion = Users,
            crate = ::renamed::cachemacro,
        );
        assert_eq!(errors(all), [""; 0]);
    }

    #[test]
    fn each_wrong_argument_is_reported_and_the_next_is_read() {
        let texts = errors(quote!(tll = 5, ttl = "5 mins", jitter = "200%", tags = ["a", "b"], ttl = 0));
        assert_eq!(texts.len(), 5, "{texts:#?}");
        assert_eq!(texts[0], "unknown argument `tll`; did you mean `ttl`?");
        assert!(texts[3].starts_with("unknown argument `tags`; there are `ttl`, `jitter`"), "{}", texts[3]);
    }

    #[test]
    fn ten_years_is_the_longest_ttl() {
        assert!(errors(quote!(ttl = 315360000)).is_empty());
        assert_eq!(errors(quote!(ttl = 315360001)).len(), 1);
        assert!(errors(quote!(ttl = "3650d")).is_empty());
        assert_eq!(errors(quote!(ttl = "3650d 1ms")).len(), 1);
        assert_eq!(errors(quote!(ttl = 99999999999999999999999)).len(), 1);
    }

    #[test]
    fn an_expression_with_commas_is_one_value() {
        assert_eq!(errors(quote!(ttl = pick::<A, B>(id, 2), key = "a:<id>")), [""; 0]);
    }
}
