//! Tokens of what an attribute means; nothing is decided here any more.

mod cache_result;
mod companion;
mod invalidates;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};

use crate::attr::{CacheResult, Invalidates};
use crate::errors::Errors;
use crate::fallback;
use crate::model::{Cached, Invalidating};
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
        (errors, _) => fallback::cached(errors.err().unwrap_or_default(), &function, &item),
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
