//! What every cached function does when it is called: a key, one call into the engine.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, GenericParam};

use super::companion::named_cache;
use super::key;
use crate::attr::Ttl;
use crate::model::{CacheSource, Cached, Home, How, Param};
use crate::names;

/// Where a function is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The one that is called.
    Call,
    /// The one with the body, which has what the body asks for.
    Body,
}

/// The signature with all parameters, under another name.
pub(super) fn signature(cached: &Cached, ident: &syn::Ident, of: Of) -> TokenStream {
    let (safety, generics) = (&cached.sig.safety, &cached.sig.generics);
    let (output, where_clause) = (&cached.sig.output, &generics.where_clause);
    let receiver = cached.sig.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(receiver) => {
            let mut receiver = receiver.clone();
            if of == Of::Call {
                receiver.mutability = None;
            }
            Some(quote!(#receiver,))
        }
        FnArg::Typed(_) => None,
    });
    let params = cached.params.iter().map(|param| {
        let Param { attrs, mutability, ident, ty, .. } = param;
        let mutability = mutability.filter(|_| of == Of::Body);
        let allow =
            (of == Of::Body && param.is_used_by_attribute).then(|| quote!(#[allow(unused_variables)]));
        match &param.pattern {
            Some(pattern) if of == Of::Body => {
                let written = &pattern.written;
                quote!(#(#attrs)* #written: #ty)
            }
            _ => quote!(#(#attrs)* #allow #mutability #ident: #ty),
        }
    });
    let asyncness = &cached.sig.asyncness;
    let fn_token = &cached.sig.fn_token;
    quote!(#asyncness #safety #fn_token #ident #generics (#receiver #(#params),*) #output #where_clause)
}

/// What stands between the braces of a function that asks the engine: `read` or `refresh`.
pub(super) fn run(cached: &Cached, how: &TokenStream) -> TokenStream {
    let generated = &cached.generated;
    let [call, body] = ["call", "body"].map(names::local);
    let call_value = call_value(cached);
    let invocation = invocation(cached, &owner(cached));
    let shape = shape(cached);
    answer(
        cached.how,
        quote! {
            let #call = #call_value;
            let #body = ::core::pin::pin!(#invocation);
            #generated::#how(#call, #shape, #body).await
        },
    )
}

/// The statements, as the function's way to answer wants them.
pub(super) fn answer(how: How, statements: TokenStream) -> TokenStream {
    match how {
        How::Async => statements,
        How::Future => quote!(async move { #statements }),
        How::Boxed => quote!(::std::boxed::Box::pin(async move { #statements })),
    }
}

/// A call of the body; the function that makes it is as `unsafe` as the body is.
pub(super) fn invocation(cached: &Cached, owner: &TokenStream) -> TokenStream {
    let body_ident = &cached.body_ident;
    let this = cached.sig.receiver().map(|receiver| {
        let this = receiver.self_token;
        quote!(#this,)
    });
    let args = cached.params.iter().map(|param| &param.ident);
    let params = cached.sig.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    let params: Vec<_> = params.collect();
    let turbofish = (!params.is_empty()).then(|| quote!(::<#(#params),*>));
    let call = quote!(#owner::#body_ident #turbofish(#this #(#args),*));
    match cached.sig.safety {
        syn::Safety::Unsafe(_) => quote!(unsafe { #call }),
        _ => call,
    }
}

/// What has the functions of the companion, as the function that is called names it.
pub(super) fn owner(cached: &Cached) -> TokenStream {
    match &cached.home {
        Home::Beside(companion) => quote!(#companion),
        Home::Body | Home::Impl { .. } => quote!(Self),
    }
}

/// What the return type means.
pub(super) fn shape(cached: &Cached) -> TokenStream {
    let (owner, shape) = (owner(cached), cached.hidden("shape"));
    let turbofish = cached.value_needs.turbofish();
    quote!(#owner::#shape #turbofish())
}

/// The call, from the arguments, which it borrows.
fn call_value(cached: &Cached) -> TokenStream {
    let (generated, owner) = (&cached.generated, owner(cached));
    let cache = match &cached.cache {
        CacheSource::Ambient | CacheSource::Fixed(_) => {
            let cache = cached.hidden("cache");
            quote!(#owner::#cache())
        }
        CacheSource::PerCall(expr) => named_cache(generated, expr),
    };
    let (site, key) = (cached.hidden("site"), cached.hidden("key"));
    let turbofish = cached.key_needs.turbofish();
    let places = cached.key_params.iter().map(|param| &param.place);
    let ttl = ttl(&cached.ttl);
    quote! {
        #generated::Call {
            site: #owner::#site(),
            cache: #cache,
            key: #owner::#key #turbofish(#(&#places),*),
            ttl: #ttl,
            instance: ::core::option::Option::None,
        }
    }
}

/// The same where all of it stands in the function.
pub(super) fn call_value_in_body(cached: &Cached, site: &TokenStream) -> TokenStream {
    let generated = &cached.generated;
    let cache = match &cached.cache {
        CacheSource::Ambient => quote!(::core::option::Option::None),
        CacheSource::Fixed(expr) | CacheSource::PerCall(expr) => named_cache(generated, expr),
    };
    let instance = match cached.may_have_instances {
        true => quote!(::core::option::Option::Some(#generated::impl_of(&|| ()))),
        false => quote!(::core::option::Option::None),
    };
    let (key, ttl) = (key::in_body(cached), ttl(&cached.ttl));
    quote! {
        #generated::Call {
            site: #site,
            cache: #cache,
            key: #key,
            ttl: #ttl,
            instance: #instance,
        }
    }
}

fn ttl(ttl: &Ttl) -> TokenStream {
    match ttl {
        Ttl::Fixed(duration) => {
            let millis = u64::try_from(duration.as_millis()).expect("ten years at most");
            let (number, unit) = match millis % 1000 {
                0 => (Literal::u64_unsuffixed(millis / 1000), quote!(from_secs)),
                _ => (Literal::u64_unsuffixed(millis), quote!(from_millis)),
            };
            quote!(::core::time::Duration::#unit(#number))
        }
        Ttl::Expr(expr) => quote_spanned! {names::at(expr.span())=> {
            let ttl: ::core::time::Duration = #expr;
            ttl
        }},
    }
}
