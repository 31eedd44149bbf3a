//! Parameters that are neither in the key nor skipped: their types must say that they cannot matter.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::model::{Cached, Param, with_inferred_lifetimes};
use crate::names;

/// Statements that compile only if each such type is a `Handle`; what does not is named by the parameter.
pub(super) fn check(cached: &Cached) -> Option<TokenStream> {
    let mut asks = cached.params.iter().filter(|param| param.must_be_handle).peekable();
    asks.peek()?;
    let asks = asks.map(|param| ask(&cached.generated, param));
    Some(quote!(if false { #(#asks)* }))
}

/// The same in a function of its own, beside one that is not expanded.
pub(super) fn alone(cached: &Cached) -> Option<TokenStream> {
    let check = check(cached)?;
    let (params, _, clause) = cached.sig.generics.split_for_impl();
    Some(quote!(#[allow(dead_code)] const _: () = { fn handles #params () #clause { #check } };))
}

/// A type with the parameter's name, for the message, and the question.
fn ask(generated: &TokenStream, param: &Param) -> TokenStream {
    let name = &param.ident;
    let ty = with_inferred_lifetimes(param.bare_type());
    let span = names::at(param.ident.span());
    let ty = names::tokens_at(&quote!(#ty), span);
    let generated = names::tokens_at(generated, span);
    // The type stands outside of the block: a module may have the parameter's name.
    quote_spanned! {span=>
        #generated::is_handle(::core::marker::PhantomData::<#ty>, {
            #[allow(non_camel_case_types)]
            enum #name {}
            ::core::marker::PhantomData::<#name>
        });
    }
}
