//! Tokens of what an attribute means; nothing is decided here any more.

mod cache_result;
mod companion;
mod handles;
mod invalidates;
mod key_part;
mod storing;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};

use crate::attr::{CacheResult, Invalidates};
use crate::errors::Errors;
use crate::fallback;
use crate::model::{Cached, Invalidating, KeyType};
use crate::parse::Function;

/// `#[cache_result(…)]`
pub(crate) fn cache_result(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let attr = CacheResult::read(args, &errors);
    let Some(function) = function("cache_result", &item, &errors) else {
        return fallback::item(errors.finish().err().unwrap_or_default(), &item);
    };
    let cached = Cached::resolve(attr, function.clone(), &errors);
    match (errors.finish(), cached) {
        (Ok(()), Some(cached)) => cache_result::expand(&cached),
        (errors, cached) => {
            let errors = fallback::cached(errors.err().unwrap_or_default(), &function, &item);
            // What only types can tell is told at once with the rest.
            let handles = cached.filter(|_| !function.is_associated()).map(|cached| handles::check(&cached));
            match handles.filter(|handles| !handles.is_empty()) {
                Some(handles) => quote::quote!(#errors #[allow(dead_code)] const _: () = { #handles };),
                None => errors,
            }
        }
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
