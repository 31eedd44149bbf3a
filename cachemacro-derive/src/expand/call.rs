//! What every cached function does when it is called: a key, one call into the engine.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, GenericParam, ReturnType};

use super::companion::named_cache;
use super::{freshness, image, key, storing, tags};
use crate::model::{CacheSource, Cached, Computed, Home, How, Param};
use crate::names;

/// Where a function is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The one that is called.
    Call,
    /// One beside it, which returns the future of another and has none of its own: each is a body more to compile.
    Beside,
    /// The one with the body, which has what the body asks for.
    Body,
}

/// The signature with all parameters, under another name.
pub(super) fn signature(cached: &Cached, ident: &syn::Ident, of: Of) -> TokenStream {
    signature_with(cached, ident, of, None)
}

/// The same with one parameter more.
pub(super) fn signature_with(
    cached: &Cached,
    ident: &syn::Ident,
    of: Of,
    more: Option<&TokenStream>,
) -> TokenStream {
    let (safety, generics) = (&cached.sig.safety, &cached.sig.generics);
    let (output, where_clause) = (&cached.sig.output, &generics.where_clause);
    let receiver = cached.sig.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(receiver) => {
            let mut receiver = receiver.clone();
            if of != Of::Body {
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
    let more = more.map(|more| match cached.params.is_empty() {
        true => quote!(#more),
        false => quote!(, #more),
    });
    let (asyncness, output) = match of {
        Of::Beside if cached.how == How::Async => {
            let output = match &cached.sig.output {
                ReturnType::Type(_, ty) => quote!(#ty),
                ReturnType::Default => quote!(()),
            };
            (None, quote!(-> impl ::core::future::Future<Output = #output>))
        }
        _ => (cached.sig.asyncness.as_ref(), quote!(#output)),
    };
    // That of the function with the body is called from here alone.
    let abi = cached.sig.abi.as_ref().filter(|_| of != Of::Body);
    let fn_token = &cached.sig.fn_token;
    quote!(#asyncness #safety #abi #fn_token #ident #generics (#receiver #(#params),* #more) #output #where_clause)
}

/// What a function asks of the engine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Read,
    Refresh,
}

/// What stands between the braces of a function that asks the engine.
pub(super) fn run(cached: &Cached, ask: Ask) -> TokenStream {
    let generated = &cached.generated;
    let [call, body, known_shape] = ["call", "body", "shape"].map(names::local);
    let (variable, call_value) = match ask == Ask::Read && image::has_image(cached) {
        true => (key::late_variable(), unwritten_value(cached)),
        false => (key::variable(cached), call_value(cached)),
    };
    let invocation = invocation(cached, &owner(cached));
    let engine = match ask {
        Ask::Read => storing::engine(cached, &quote!(read)),
        Ask::Refresh => storing::engine(cached, &quote!(refresh)),
    };
    let (tagged, reach) = (tags::tagged(cached), storing::reach(cached));
    let known = known(cached);
    // That it can be cached is asked of the value there alone, and so reported once.
    let shape = shape(cached);
    let asked = match cached.how {
        How::AtOnce if ask == Ask::Read && image::has_image(cached) => {
            let load = unless_hit(cached, quote!(#engine(#call, #known_shape, || #invocation)));
            quote!(let #known_shape = #shape; #load)
        }
        How::AtOnce => quote!(#tagged #engine(#call, #shape, || #invocation)),
        How::Async | How::Future | How::Boxed => {
            let lender = (ask == Ask::Read).then(|| quote!(&#generated::Lender::new(),));
            let load = quote! {
                #tagged
                let #body = ::core::pin::pin!(#invocation);
                #engine(#call, #known_shape, #reach, #lender #body).await
            };
            let asked = match ask {
                Ask::Refresh => load,
                Ask::Read if freshness::decides(cached) => {
                    let asked = freshness::ask(cached, &call, &known_shape);
                    unless_hit(cached, quote!(#tagged #asked))
                }
                Ask::Read => unless_hit(cached, load),
            };
            quote!(let #known_shape = #shape; #asked)
        }
    };
    answer(
        cached.how,
        quote! {
            #known
            #variable
            let #call = #call_value;
            #asked
        },
    )
}

/// Whether a refresh owns all that it takes: what an attribute says of its value or its tags may borrow the arguments.
pub(super) fn refresh_owns(cached: &Cached) -> bool {
    cached.how == How::Async
        && !storing::has_clauses(cached)
        && cached.tags.is_empty()
        && cached.computed.is_empty()
}

/// What stands between the braces of such a refresh, which is no async function.
pub(super) fn refresh_owned(cached: &Cached) -> TokenStream {
    let (generated, owner, cache) = (&cached.generated, owner(cached), cache_of_call(cached));
    let [site, key] = ["site", "key"].map(|name| cached.hidden(name));
    let [buffer, call] = ["buffer", "call"].map(names::local);
    let turbofish = cached.key_needs.turbofish();
    let places = cached.key_params.iter().map(|param| &param.place);
    let (terms, shape, reach) = (storing::terms(cached), shape(cached), storing::reach(cached));
    let invocation = invocation(cached, &owner);
    quote! {
        let mut #buffer = #generated::KeyBuf::new();
        #owner::#key #turbofish(&mut #buffer #(, &#places)*);
        let #call = #generated::Owned { site: #owner::#site(), cache: #cache, key: #buffer, ttl: #terms };
        #generated::refresh_owned(#call, #shape, #reach, #invocation)
    }
}

/// The statements, for a call that is not answered at once. What they hold across an await, a hit need not move.
///
/// Where a hit is more than that, or its tags are to be looked at, they answer all calls.
pub(super) fn unless_hit(cached: &Cached, statements: TokenStream) -> TokenStream {
    if cached.freshness.looks_at_hits() || !cached.tags.is_empty() {
        return statements;
    }
    let generated = &cached.generated;
    let [call, shape, output] = ["call", "shape", "output"].map(names::local);
    let hit = match image::has_image(cached) {
        true => {
            let (owner, key, buffer) = (owner(cached), cached.hidden("key"), names::local("buffer"));
            let places = cached.key_params.iter().map(|param| &param.place);
            quote!(hit_unwritten(#call, #shape, #buffer, &|#buffer| #owner::#key(#buffer #(, &#places)*)))
        }
        false => quote!(hit(#call, #shape)),
    };
    quote! {
        match #generated::#hit {
            #generated::Sought::Found(#output) => #output,
            #generated::Sought::Missed(#call) => { #statements }
        }
    }
}

/// The shape as a variable, for the closures of the terms.
pub(super) fn known(cached: &Cached) -> Option<TokenStream> {
    storing::has_clauses(cached).then(|| {
        let (known, shape) = (storing::known_shape(cached), names::local("shape"));
        quote!(let #shape = { #known };)
    })
}

/// The statements, as the function's way to answer wants them.
pub(super) fn answer(how: How, statements: TokenStream) -> TokenStream {
    match how {
        How::Async | How::AtOnce => statements,
        How::Future => quote!(async move { #statements }),
        How::Boxed => quote!(::std::boxed::Box::pin(async move { #statements })),
    }
}

/// A call of the body; the function that makes it is as `unsafe` as the body is.
pub(super) fn invocation(cached: &Cached, owner: &TokenStream) -> TokenStream {
    invocation_with(cached, &Names { this: None, owner: owner.clone() }, &cached.body_ident, None)
}

/// What a call names.
pub(super) struct Names {
    /// What stands for `self`, if it is not that.
    pub(super) this: Option<syn::Ident>,
    pub(super) owner: TokenStream,
}

/// A call of a function beside the body with the parameters as they are, and perhaps one argument more.
pub(super) fn invocation_with(
    cached: &Cached,
    names: &Names,
    ident: &syn::Ident,
    more: Option<&TokenStream>,
) -> TokenStream {
    let this = cached.sig.receiver().map(|receiver| match &names.this {
        Some(this) => quote!(#this),
        None => receiver.self_token.to_token_stream(),
    });
    let args = cached.params.iter().map(|param| param.ident.to_token_stream());
    let args: Vec<_> = this.into_iter().chain(args).collect();
    call_of(cached, names, ident, &args, more)
}

/// A call of a function beside the body with these arguments, `self` among them, and perhaps one more.
pub(super) fn call_of(
    cached: &Cached,
    names: &Names,
    ident: &syn::Ident,
    args: &[TokenStream],
    more: Option<&TokenStream>,
) -> TokenStream {
    let owner = &names.owner;
    let args = args.iter().chain(more);
    let params = cached.sig.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    let params: Vec<_> = params.collect();
    let turbofish = (!params.is_empty()).then(|| quote!(::<#(#params),*>));
    let call = quote!(#owner::#ident #turbofish(#(#args),*));
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

/// The call, from the arguments, which it borrows; its key is in the [variable](key::variable).
pub(super) fn call_value(cached: &Cached) -> TokenStream {
    let (generated, owner) = (&cached.generated, owner(cached));
    let cache = cache_of_call(cached);
    let (site, key, buffer) = (cached.hidden("site"), cached.hidden("key"), names::local("buffer"));
    let turbofish = cached.key_needs.turbofish();
    let places = cached.key_params.iter().map(|param| &param.place);
    let terms = storing::terms(cached);
    with_computed(
        cached,
        quote! {
            #generated::Call {
                site: #owner::#site(),
                cache: #cache,
                key: {
                    #owner::#key #turbofish(#buffer #(, &#places)*);
                    &*#buffer
                },
                ttl: #terms,
                instance: ::core::option::Option::None,
            }
        },
    )
}

/// The same, whose key is not written yet.
fn unwritten_value(cached: &Cached) -> TokenStream {
    let (generated, owner, cache) = (&cached.generated, owner(cached), cache_of_call(cached));
    let (site, image, terms) = (cached.hidden("site"), cached.hidden("image"), storing::terms(cached));
    let places = cached.key_params.iter().map(|param| &param.place);
    quote! {
        #generated::Unwritten {
            site: #owner::#site(),
            cache: #cache,
            ttl: #terms,
            image: #owner::#image(#(&#places),*),
        }
    }
}

/// The cache of a call.
pub(super) fn cache_of_call(cached: &Cached) -> TokenStream {
    match &cached.cache {
        CacheSource::Ambient | CacheSource::Fixed(_) => {
            let (owner, cache) = (owner(cached), cached.hidden("cache"));
            quote!(#owner::#cache())
        }
        CacheSource::PerCall(expr) => named_cache(&cached.generated, expr),
    }
}

/// A value in whose expressions `with(…)` has names; the body has them not.
pub(super) fn with_computed(cached: &Cached, value: TokenStream) -> TokenStream {
    if cached.computed.is_empty() {
        return value;
    }
    let computed = cached.computed.iter().map(|Computed { param, expr }| {
        let (ident, ty) = (&param.ident, &param.ty);
        quote!(let #ident: #ty = #expr;)
    });
    quote!({ #(#computed)* #value })
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
    let (key, terms) = (key::in_body(cached), storing::terms(cached));
    with_computed(
        cached,
        quote! {
            #generated::Call {
                site: #site,
                cache: #cache,
                key: #key,
                ttl: #terms,
                instance: #instance,
            }
        },
    )
}
