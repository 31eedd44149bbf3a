//! `batch(ids)`: the parameter that stands for many keys.

use proc_macro2::{Ident, Span, TokenStream};
use syn::Token;
use syn::parse::ParseStream;

use super::args;
use crate::parse::unraw;

/// A function that is called for many ids.
pub(crate) struct Batch {
    /// The parameter with the ids.
    pub(crate) ids: String,
    pub(crate) span: Span,
    /// How many of them the body takes.
    pub(crate) chunk: Option<usize>,
}

/// As many ids as the engine has under way at once in one call.
const CHUNK_MAX: usize = 512;

const LIKE: &str = "write `batch(ids)`, or `batch(ids, chunk = 100)`";

pub(super) fn read(name: &Ident, input: ParseStream<'_>) -> syn::Result<Batch> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(
            name.span(),
            format!("`batch` takes the parameter with the ids; {LIKE}"),
        ));
    }
    let content;
    let parentheses = syn::parenthesized!(content in input);
    if content.is_empty() {
        return Err(syn::Error::new(
            parentheses.span.join(),
            format!("`batch` takes the parameter with the ids; {LIKE}"),
        ));
    }
    let ids: Ident = content.parse().map_err(|error| {
        syn::Error::new(error.span(), format!("`batch` takes the name of a parameter; {LIKE}"))
    })?;
    let mut chunk = None;
    if content.parse::<Option<Token![,]>>()?.is_some() && !content.is_empty() {
        let name = args::name(&content)?;
        if name != "chunk" {
            // Not for another error at the end.
            content.parse::<TokenStream>()?;
            return Err(args::unknown(&name, &["chunk"]));
        }
        let value = args::value(&name, "100", &content)?;
        chunk = Some(self::chunk(&value)?);
        content.parse::<Option<Token![,]>>()?;
    }
    if !content.is_empty() {
        return Err(content.error(format!("`batch` takes one parameter; {LIKE}")));
    }
    Ok(Batch { ids: unraw(&ids), span: ids.span(), chunk })
}

fn chunk(value: &syn::Expr) -> syn::Result<usize> {
    let number = match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    };
    number.filter(|number| (1..=CHUNK_MAX).contains(number)).ok_or_else(|| {
        let message = format!(
            "`chunk` is how many ids the body takes at once, from 1 to {CHUNK_MAX}; write `chunk = 100`"
        );
        syn::Error::new_spanned(value, message)
    })
}
