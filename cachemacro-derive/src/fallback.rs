//! What stands in for an expansion that failed: the errors beside the untouched item.
//!
//! The item stays, so that its callers do not report that it is missing.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::Attribute;

use crate::parse::{Function, Member, members, mentions};

/// The errors beside an item.
pub(crate) fn item(errors: Vec<syn::Error>, item: &TokenStream) -> TokenStream {
    let errors = errors.iter().map(syn::Error::to_compile_error);
    quote!(#(#errors)* #item)
}

/// The errors beside a cached function, and a companion for those who use it.
///
/// The companion is a type with the first error in it: the compiler takes every use of such a type
/// as right, so that `get_user::invalidate(id)` elsewhere is not one more error.
pub(crate) fn cached(
    errors: Vec<syn::Error>,
    function: &Function,
    companion: Option<Ident>,
    item: &TokenStream,
) -> TokenStream {
    let Some(ident) = companion.filter(|_| !function.is_associated()) else {
        return self::item(errors, item);
    };
    // A second attribute would report all of it once more.
    let item = &without_ours(item.clone());
    let mut errors = errors.iter().map(syn::Error::to_compile_error);
    let first = errors.next();
    let vis = &function.vis;
    let cfg = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    quote! {
        #(#cfg)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        #vis type #ident = [(); #first];
        #(#errors)*
        #item
    }
}

/// The errors beside an `impl` without its attributes of ours, which would report once more.
pub(crate) fn methods(errors: Vec<syn::Error>, item: &TokenStream) -> TokenStream {
    let errors = errors.iter().map(syn::Error::to_compile_error);
    let Ok((mut header, members)) = members(item) else {
        return quote!(#(#errors)* #item);
    };
    let members = members.into_iter().map(|member| match member {
        Member::Function(function, tokens) => {
            let Function { mut attrs, vis, sig, body } = *function;
            if !attrs.iter().any(is_cache_result) {
                return tokens;
            }
            attrs.retain(|attr| !is_cache_result(attr));
            let braces = &body.braces;
            quote!(#(#attrs)* #vis #sig #braces)
        }
        Member::Other(tokens) => tokens,
    });
    header.items = vec![syn::ImplItem::Verbatim(members.collect())];
    quote!(#(#errors)* #header)
}

/// The errors beside what was taken for an `impl`, without the attributes of ours in it.
pub(crate) fn not_an_impl(errors: Vec<syn::Error>, item: &TokenStream) -> TokenStream {
    self::item(errors, &without_ours(item.clone()))
}

/// The tokens without each `#[cache_result(…)]`.
fn without_ours(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut kept = TokenStream::new();
    while let Some(token) = tokens.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        let is_ours = matches!(tokens.peek(), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Bracket && mentions(group.stream(), &|name| name == "cache_result"));
        match token {
            _ if is_hash && is_ours => drop(tokens.next()),
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), without_ours(group.stream()));
                inside.set_span(group.span());
                kept.extend([TokenTree::from(inside)]);
            }
            other => kept.extend([other]),
        }
    }
    kept
}

/// Whether an attribute is `#[cache_result(…)]`, by any path.
pub(crate) fn is_cache_result(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == "cache_result")
}
