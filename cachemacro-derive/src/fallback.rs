//! What stands in for an expansion that failed: the errors beside the untouched item.
//!
//! The item stays, so that its callers do not report that it is missing.

use proc_macro2::TokenStream;
use quote::quote;

use crate::parse::Function;

/// The errors beside an item.
pub(crate) fn item(errors: Vec<syn::Error>, item: &TokenStream) -> TokenStream {
    let errors = errors.iter().map(syn::Error::to_compile_error);
    quote!(#(#errors)* #item)
}

/// The errors beside a cached function, and a companion for those who use it.
///
/// The companion is a type with the first error in it: the compiler takes every use of such a type
/// as right, so that `get_user::invalidate(id)` elsewhere is not one more error.
pub(crate) fn cached(errors: Vec<syn::Error>, function: &Function, item: &TokenStream) -> TokenStream {
    if function.is_associated() {
        return self::item(errors, item);
    }
    let mut errors = errors.iter().map(syn::Error::to_compile_error);
    let first = errors.next();
    let (vis, ident) = (&function.vis, &function.sig.ident);
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
