//! What `#[cache_put(…)]` says.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Path, Token};

use super::cache_result::path;
use super::guards::{self, Guards};
use super::invalidates::Typed;
use super::storing::{self, Ttl};
use super::{Slot, args};
use crate::errors::Errors;

/// All arguments that have a name.
const KNOWN: [&str; 4] = ["ttl", "guard", "cache", "crate"];

/// The arguments of `#[cache_put(…)]`.
pub(crate) struct CachePut {
    /// The cached function, and the arguments that its value is for.
    pub(crate) target: Slot<Typed>,
    pub(crate) ttl: Slot<PutTtl>,
    pub(crate) guards: Slot<Guards>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) krate: Slot<Path>,
    /// Whether a target was begun, well formed or not.
    pub(crate) target_mentioned: bool,
}

/// How long what is put lives.
pub(crate) enum PutTtl {
    /// Known at compile time.
    Fixed(Duration),
    /// Evaluated for each call.
    Expr(Box<Expr>),
}

impl CachePut {
    pub(crate) fn read(tokens: TokenStream, errors: &Errors) -> Self {
        let mut attr = Self {
            target: Slot::empty("the function"),
            ttl: Slot::empty("ttl"),
            guards: Slot::empty("guard"),
            cache: Slot::empty("cache"),
            krate: Slot::empty("crate"),
            target_mentioned: false,
        };
        args::read(tokens, errors, |input| attr.argument(input, errors));
        attr
    }

    fn argument(&mut self, input: ParseStream<'_>, errors: &Errors) -> syn::Result<()> {
        if !(input.peek(Ident::peek_any) && input.peek2(Token![=])) {
            self.target_mentioned = true;
            let span = input.span();
            let target = Typed::parse(input)?;
            if self.target.get().is_some() {
                let message = "a value is put for one function; stack `#[cache_put(…)]` for another, or add `#[invalidates(…)]`";
                return Err(syn::Error::new(span, message));
            }
            self.target.set(errors, span, target);
            return Ok(());
        }
        let name = args::name(input)?;
        let span = name.span();
        match name.to_string().as_str() {
            "ttl" => {
                let expr: Expr = args::value(&name, "\"5m\"", input)?;
                let ttl = match storing::ttl(expr)? {
                    Ttl::Fixed(duration) => PutTtl::Fixed(duration),
                    Ttl::Expr(expr) => PutTtl::Expr(expr),
                    Ttl::ByValue(closure) => {
                        let message = "this `ttl` is a duration, like `\"5m\"`, or a `Duration` expression over the parameters";
                        return Err(syn::Error::new_spanned(closure, message));
                    }
                };
                self.ttl.set(errors, span, ttl);
            }
            "guard" => {
                let guard = guards::read(&name, false, input)?;
                self.guards.set(errors, span, guard);
            }
            "cache" => {
                let cache = args::value(&name, "self.cache", input)?;
                self.cache.set(errors, span, cache);
            }
            "crate" => {
                let path = path(&name, input)?;
                self.krate.set(errors, span, path);
            }
            "key" | "pattern" | "tag" => {
                self.target_mentioned = true;
                return Err(syn::Error::new(
                    span,
                    "a value is put for a cached function; write `#[cache_put(get_user(id))]`",
                ));
            }
            _ => return Err(args::unknown(&name, &KNOWN)),
        }
        Ok(())
    }
}
