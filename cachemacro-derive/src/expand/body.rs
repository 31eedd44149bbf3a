//! A body that stays in its function, as a future.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ReturnType, Signature, Type};

use crate::model::How;
use crate::parse::Body;

/// The future of a body.
pub(super) fn future(
    generated: &TokenStream,
    how: How,
    sig: &Signature,
    output: &Type,
    body: &Body,
) -> TokenStream {
    let tokens = &body.tokens;
    if how == How::Async {
        let block = body.rebrace(quote! {
            // `?` and an early `return` take the type of the function from here.
            if false {
                return #generated::never::<#output>();
            }
            #tokens
        });
        return quote!(async move #block);
    }
    let block = body.rebrace(tokens.clone());
    if how == How::AtOnce {
        return quote!(move || -> #output #block);
    }
    // A closure, so that a `return` of a future is one.
    let closure = match (&sig.output, how) {
        (ReturnType::Type(_, ty), How::Boxed) => quote!(move || -> #ty #block),
        _ => quote!(move || #block),
    };
    quote!((#closure)())
}
