//! Parameters that are neither in the key nor skipped: their types must say that they cannot matter.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::model::{Cached, Param, with_inferred_lifetimes};
use crate::names;

/// A function that compiles only if each such type is a `Handle`; what does not is named by the parameter.
pub(super) fn check(cached: &Cached) -> TokenStream {
    let generated = &cached.generated;
    let (params, asks): (Vec<_>, Vec<_>) =
        cached.params.iter().filter(|param| param.must_be_handle).map(|param| ask(generated, param)).unzip();
    if params.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn __cachemacro_handles() {
            #(#params)*
            #(#asks)*
        }
    }
}

/// A type with the parameter's name, for the message, and the question.
fn ask(generated: &TokenStream, param: &Param) -> (TokenStream, TokenStream) {
    let name = &param.ident;
    let ty = with_inferred_lifetimes(param.bare_type());
    let span = names::at(param.ident.span());
    let ty = names::tokens_at(&quote!(#ty), span);
    let generated = names::tokens_at(generated, span);
    (
        quote!(#[allow(non_camel_case_types)] enum #name {}),
        quote_spanned!(span=> #generated::is_handle::<#ty, #name>();),
    )
}
