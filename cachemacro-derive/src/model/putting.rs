//! A mutation whose value replaces what is stored.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Expr, Path, Signature, Type, Visibility};

use super::mutation_check as check;
use super::returns::{How, returns};
use crate::attr::{CachePut, Guards, PutTtl, Typed};
use crate::errors::Errors;
use crate::names;
use crate::parse::{Body, Function, mentions};

/// A mutation whose value replaces what is stored.
pub(crate) struct Putting {
    /// The path of all that generated code names.
    pub(crate) generated: TokenStream,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) how: How,
    pub(crate) output: Type,
    pub(crate) body: Body,
    /// The cached function.
    pub(crate) path: Path,
    pub(crate) args: Vec<Expr>,
    /// That of the function, if there is none.
    pub(crate) ttl: Option<PutTtl>,
    pub(crate) is_guard_required: bool,
    pub(crate) cache: Option<Expr>,
}

impl Putting {
    /// What the attribute means for the function; `None` after adding errors.
    pub(crate) fn resolve(attr: CachePut, function: Function, errors: &Errors) -> Option<Self> {
        check::signature("cache_put", &function, errors);
        check::puts_in_no_transaction(&function.sig, errors);
        if attr.target.get().is_none() && !attr.target_mentioned {
            errors.at(
                Span::call_site(),
                "nothing is put; name a cached function, like `#[cache_put(get_user(id))]`",
            );
        }
        let Function { attrs, vis, sig, body } = function;
        let (how, output) = returns(&sig, false)?;
        let Typed { path, args, group } = attr.target.into_inner()?;
        if group.is_some() {
            errors.on(&path, "a value is put under one key; write all arguments that are in it");
        }
        let of_result = |arg: &&Expr| mentions(arg.to_token_stream(), &|name| name == "result");
        if let Some(arg) = args.iter().find(of_result) {
            errors.on(arg, "the key is guarded before the body runs, so it must be known then; where the body decides it, `#[invalidates(…)]` can name `result`");
        }
        Some(Self {
            generated: names::generated(attr.krate.get()),
            attrs,
            vis,
            sig,
            how,
            output,
            body,
            path,
            args,
            ttl: attr.ttl.into_inner(),
            is_guard_required: attr.guards.into_inner() == Some(Guards::Required),
            cache: attr.cache.into_inner(),
        })
    }
}
