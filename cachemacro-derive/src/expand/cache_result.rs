//! The function that is called: a key, one call into the engine.

use proc_macro2::TokenStream;
use quote::quote;

use super::{companion, storing};
use crate::model::{CacheSource, Cached, Computed, Param};
use crate::names;

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let function = function(cached);
    let companion = companion::expand(cached);
    quote!(#function #companion)
}

fn function(cached: &Cached) -> TokenStream {
    let (all, outer, vis) = (&cached.attrs.all, &cached.attrs.outer, &cached.vis);
    let signature = signature(cached, &cached.sig.ident, false);
    let block = cached.body.rebrace(run(cached, &quote!(read)));
    quote! {
        #(#all)*
        #(#outer)*
        // A parameter that the body does not use is used in the key.
        #[allow(clippy::used_underscore_binding)]
        #vis #signature #block
    }
}

/// The signature with all parameters, under another name; that of the body has what the body asks for.
pub(super) fn signature(cached: &Cached, ident: &syn::Ident, of_body: bool) -> TokenStream {
    let (safety, generics) = (&cached.sig.safety, &cached.sig.generics);
    let (output, where_clause) = (&cached.sig.output, &generics.where_clause);
    let params = cached.params.iter().map(|param| {
        let Param { attrs, mutability, ident, ty, .. } = param;
        let mutability = mutability.filter(|_| of_body);
        let allow = (of_body && param.is_used_by_attribute).then(|| quote!(#[allow(unused_variables)]));
        quote!(#(#attrs)* #allow #mutability #ident: #ty)
    });
    let asyncness = &cached.sig.asyncness;
    let fn_token = &cached.sig.fn_token;
    quote!(#asyncness #safety #fn_token #ident #generics (#(#params),*) #output #where_clause)
}

/// A call of the engine that takes a body: `read` or `refresh`.
pub(super) fn run(cached: &Cached, how: &TokenStream) -> TokenStream {
    let (companion, body_ident) = (&cached.sig.ident, &cached.body_ident);
    let [call, body] = ["call", "body"].map(names::local);
    let call_value = call_value(cached);
    let args = cached.params.iter().map(|param| &param.ident);
    let invocation = invocation(cached, quote!(#companion::#body_ident(#(#args),*)));
    let engine = storing::engine(cached, how);
    let computed = cached.computed.iter().map(|Computed { param, expr }| {
        let (ident, ty) = (&param.ident, &param.ty);
        quote!(let #ident: #ty = #expr;)
    });
    let (known, shape) = match storing::has_clauses(cached) {
        true => {
            let (known, shape) = (storing::known_shape(cached), names::local("shape"));
            (Some(quote!(let #shape = { #known };)), quote!(#shape))
        }
        false => (None, quote!(#companion::__cachemacro_shape())),
    };
    let run = match storing::is_async(cached) {
        true => quote! {
            let #body = ::core::pin::pin!(#invocation);
            #engine(#call, #shape, #body).await
        },
        false => quote!(#engine(#call, #shape, || #invocation)),
    };
    quote! {
        #(#computed)*
        #known
        let #call = #call_value;
        #run
    }
}

/// A call of the body; the function that makes it is as `unsafe` as the body is.
pub(super) fn invocation(cached: &Cached, call: TokenStream) -> TokenStream {
    match cached.sig.safety {
        syn::Safety::Unsafe(_) => quote!(unsafe { #call }),
        _ => call,
    }
}

/// The call, from the arguments, which it borrows.
fn call_value(cached: &Cached) -> TokenStream {
    let (generated, companion) = (&cached.generated, &cached.sig.ident);
    let cache = match &cached.cache {
        CacheSource::Ambient | CacheSource::Fixed(_) => quote!(#companion::__cachemacro_cache()),
        CacheSource::PerCall(expr) => companion::named_cache(generated, expr),
    };
    let key_args = companion::key_params(cached).map(|param| {
        let ident = &param.ident;
        quote!(&#ident)
    });
    let ttl = storing::terms(cached);
    quote! {
        #generated::Call {
            site: #companion::__cachemacro_site(),
            cache: #cache,
            key: #companion::__cachemacro_key(#(#key_args),*),
            ttl: #ttl,
        }
    }
}
