//! Tokens of what an attribute means; nothing is decided here any more.

mod batch;
mod body;
mod cache_methods;
mod cache_put;
mod cache_result;
mod call;
mod companion;
#[cfg(test)]
mod completeness;
mod freshness;
mod handles;
mod image;
mod invalidates;
mod key;
mod key_part;
mod of;
mod registered;
mod storing;
mod tags;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::attr::{CacheMethods, CachePut, CacheResult, Companion, Invalidates};
use crate::errors::Errors;
use crate::fallback;
use crate::model::{Cached, Impl, Invalidating, KeyType, Putting};
use crate::parse::{self, Function};

/// `#[cache_result(…)]`
pub(crate) fn cache_result(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let attr = CacheResult::read(args, &errors);
    let Some(function) = function("cache_result", &item, &errors) else {
        return fallback::item(errors.finish().err().unwrap_or_default(), &item);
    };
    let companion = match attr.companion.get() {
        Some(Companion::Named(name)) => Some(name.clone()),
        Some(Companion::Off) => None,
        None => Some(function.sig.ident.clone()),
    };
    let cached = Cached::resolve(attr, function.clone(), None, &errors);
    match (errors.finish(), cached) {
        (Ok(()), Some(cached)) => cache_result::expand(&cached),
        (errors, cached) => {
            let fallen_back = fallback::cached(errors.err().unwrap_or_default(), &function, companion, &item);
            // What only types can tell is told at once with the rest.
            let handles =
                cached.filter(|_| !function.is_associated()).and_then(|cached| handles::alone(&cached));
            quote!(#fallen_back #handles)
        }
    }
}

/// `#[cache_methods(…)]`
pub(crate) fn cache_methods(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let attr = CacheMethods::read(args, &errors);
    let Ok((header, members)) = parse::members(&item) else {
        let message = match parse::is_trait(&item) {
            true => {
                "`#[cache_methods]` goes on an `impl`, as a companion belongs to one type; leave it out here, and give each `#[cache_result(…)]` of this trait its own `skip(self)` or key"
            }
            false => "`#[cache_methods]` goes on an `impl`",
        };
        errors.at(first_span(&item), message);
        return fallback::not_an_impl(errors.finish().err().unwrap_or_default(), &item);
    };
    let around = Impl::new(attr, &header);
    around.check(&errors);
    let mut used = Vec::new();
    let members: Vec<_> =
        members.into_iter().filter_map(|member| self::member(member, &around, &mut used, &errors)).collect();
    if used.is_empty() {
        errors.at(header.impl_token.span, "no method of this `impl` has `#[cache_result(…)]`; add it to those to cache, or leave `#[cache_methods]` out");
    }
    match errors.finish() {
        Ok(()) => {
            let expanded = cache_methods::expand(&header, &around, &members);
            let used = use_of(&used[0]);
            quote!(#expanded #used)
        }
        Err(errors) => {
            let (fallen_back, used) = (fallback::methods(errors, &item), used.first().map(use_of));
            quote!(#fallen_back #used)
        }
    }
}

/// A method with its attribute resolved, and the path of that.
fn member(
    member: parse::Member,
    around: &Impl,
    used: &mut Vec<syn::Path>,
    errors: &Errors,
) -> Option<cache_methods::Member> {
    let (mut function, tokens) = match member {
        parse::Member::Function(function, tokens) => (function, tokens),
        parse::Member::Other(tokens) => return Some(cache_methods::Member::Other(tokens)),
    };
    let Some(at) = function.attrs.iter().position(fallback::is_cache_result) else {
        return Some(cache_methods::Member::Other(tokens));
    };
    let attr = function.attrs.remove(at);
    used.push(attr.path().clone());
    let args = match &attr.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let attr = CacheResult::read(args, errors);
    let cached = Cached::resolve(attr, *function, Some(around), errors)?;
    Some(cache_methods::Member::Cached(Box::new(cached)))
}

/// Uses the attribute that is done here, so that its import is not said to be unused.
fn use_of(path: &syn::Path) -> TokenStream {
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #path as _;
        };
    }
}

/// `#[invalidates(…)]`
pub(crate) fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let attr = Invalidates::read(args, &errors);
    let function = function("invalidates", &item, &errors);
    let invalidating = function.and_then(|function| Invalidating::resolve(attr, function, &errors));
    match (errors.finish(), invalidating) {
        (Ok(()), Some(invalidating)) => invalidates::expand(&invalidating),
        (errors, _) => fallback::item(errors.err().unwrap_or_default(), &item),
    }
}

/// `#[cache_put(…)]`
pub(crate) fn cache_put(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let attr = CachePut::read(args, &errors);
    let function = function("cache_put", &item, &errors);
    let putting = function.and_then(|function| Putting::resolve(attr, function, &errors));
    match (errors.finish(), putting) {
        (Ok(()), Some(putting)) => cache_put::expand(&putting),
        (errors, _) => fallback::item(errors.err().unwrap_or_default(), &item),
    }
}

/// `#[derive(KeyPart)]`
pub(crate) fn key_part(item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let input = errors.take(syn::parse2::<syn::DeriveInput>(item));
    let key_type = input.and_then(|input| KeyType::resolve(input, &errors));
    match (errors.finish(), key_type) {
        (Ok(()), Some(key_type)) => key_part::expand(&key_type),
        (errors, _) => fallback::item(errors.err().unwrap_or_default(), &TokenStream::new()),
    }
}

/// The function under an attribute; `None` after adding errors.
fn function(attribute: &str, item: &TokenStream, errors: &Errors) -> Option<Function> {
    syn::parse2(item.clone())
        .map_err(|_| {
            let message = format!("`#[{attribute}(…)]` goes on an `async fn` with a body");
            errors.at(first_span(item), message);
        })
        .ok()
}

/// Where an item begins, after its attributes.
fn first_span(item: &TokenStream) -> Span {
    let begin = |input: syn::parse::ParseStream<'_>| {
        input.call(syn::Attribute::parse_outer)?;
        let span = input.span();
        input.parse::<TokenStream>()?;
        Ok(span)
    };
    syn::parse::Parser::parse2(begin, item.clone()).unwrap_or_else(|_| Span::call_site())
}
