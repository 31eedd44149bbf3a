//! How generated code names things: the crate, and identifiers that cannot meet a user's.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;

/// The path of everything that generated code may name: `::cachemacro::generated`, or below `crate = ::path`.
pub(crate) fn generated(krate: Option<&syn::Path>) -> TokenStream {
    match krate {
        Some(path) => quote!(#path::generated),
        None => quote!(::cachemacro::generated),
    }
}

/// A local variable that no token of the user can see, nor shadow.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(&format!("__cachemacro_{name}"), Span::mixed_site())
}

/// What of a method others name: its name there says what is missing where it is not there.
pub(crate) fn of_method(name: &str) -> String {
    match name {
        "target" | "shape" => format!("{name}_needs_cache_result_and_cache_methods_on_its_impl"),
        _ => name.to_owned(),
    }
}

/// The lifetime that stands for all those of a function in its companion.
pub(crate) fn lifetime() -> syn::Lifetime {
    syn::Lifetime::new("'__cachemacro", Span::mixed_site())
}

/// Whether the lifetime of the companion is among the tokens.
pub(crate) fn has_lifetime(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "__cachemacro",
        TokenTree::Group(group) => has_lifetime(group.stream()),
        _ => false,
    })
}

/// The same tokens, reporting at a span.
pub(crate) fn tokens_at(tokens: &TokenStream, span: Span) -> TokenStream {
    let at = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.clone().into_iter().map(at).collect()
}

/// A span that reports at the user's code, for tokens that are not the user's.
///
/// Lints look at where tokens come from, and leave these alone.
pub(crate) fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}
