//! What stands in for an expansion that failed: the errors beside the untouched item.
//!
//! The item stays, so that its callers do not report that it is missing.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Attribute;

use crate::parse::{Function, Member, members};

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

/// Whether an attribute is `#[cache_result(…)]`, by any path.
pub(crate) fn is_cache_result(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == "cache_result")
}
