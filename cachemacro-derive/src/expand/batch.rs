//! What a function for many ids does when it is called.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ReturnType;

use super::call::{cache_of_call, invocation, owner, shape};
use super::{storing, tags};
use crate::model::{Batched, Cached, Computed, Param};
use crate::names;

/// What stands between the braces of the function that is called.
pub(super) fn run(cached: &Cached, batched: &Batched) -> TokenStream {
    let (generated, owner, ids) = (&cached.generated, owner(cached), &batched.ids);
    let (call, before) = before(cached, batched, &owner);
    let buffer = names::local("buffer");
    let (shape, key) = (shape(cached), key(cached, &owner, &buffer));
    let reach = storing::reach(cached);
    let body = body(cached, batched, &owner);
    quote! {
        #before
        #generated::batch::read(
            #call,
            #shape,
            #reach,
            #generated::batch::Ids::list(&#ids),
            |#ids: &_, #buffer| #key,
            #body,
        )
        .await
    }
}

/// The function for one id, beside others who are gathered with it.
pub(super) fn one(cached: &Cached, batched: &Batched) -> Option<TokenStream> {
    let (generated, ids, vis) = (&cached.generated, &batched.ids, &cached.vis);
    let owner = quote!(Self);
    let window = u64::try_from(batched.window?.as_millis()).unwrap_or(u64::MAX);
    let id_type = cached.params.iter().find_map(|param| param.id.as_ref())?;
    let is_free = !cached.params.iter().any(|param| param.binds("id"));
    let id = if is_free { format_ident!("id") } else { ids.clone() };
    let receiver = cached.sig.receiver().map(|receiver| quote!(#receiver,));
    let params = cached.params.iter().map(|Param { attrs, ident, ty, .. }| match ident == ids {
        true => quote!(#id: #id_type),
        false => quote!(#(#attrs)* #ident: #ty),
    });
    let output = match &cached.sig.output {
        ReturnType::Type(_, output) => quote!(#output),
        ReturnType::Default => quote!(()),
    };
    let (safety, generics, clause) =
        (&cached.sig.safety, &cached.sig.generics, &cached.sig.generics.where_clause);
    let (call, before) = before(cached, batched, &owner);
    let key = names::local("key");
    let written = self::key(cached, &owner, &quote!(&mut #key));
    let (ident, shape) = (cached.item("one"), shape(cached));
    let reach = storing::reach(cached);
    let body = body(cached, batched, &owner);
    Some(quote! {
        /// A call for one id; those that come at about the same time, and whose values are not stored, share one body.
        #vis async #safety fn #ident #generics (#receiver #(#params),*)
            -> <#output as #generated::batch::BatchOutput<#id_type>>::One #clause
        {
            #before
            let mut #key = #generated::KeyBuf::new();
            {
                let #ids = &#id;
                #written;
            }
            #generated::batch::one(
                #call,
                #shape,
                #reach,
                (#id, #key),
                ::core::time::Duration::from_millis(#window),
                #body,
            )
            .await
        }
    })
}

/// The call, and what stands before it.
fn before(cached: &Cached, batched: &Batched, owner: &TokenStream) -> (Ident, TokenStream) {
    let generated = &cached.generated;
    let [known_shape, call] = ["shape", "call"].map(names::local);
    let known = storing::has_clauses(cached).then(|| {
        let known = storing::known_shape(cached);
        quote!(let #known_shape = { #known };)
    });
    let computed = cached.computed.iter().map(|Computed { param, expr }| {
        let (ident, ty) = (&param.ident, &param.ty);
        quote!(let #ident: #ty = #expr;)
    });
    let site = cached.hidden("site");
    let (cache, terms) = (cache_of_call(cached), storing::terms(cached));
    let chunk = match batched.chunk {
        Some(chunk) => Literal::usize_unsuffixed(chunk).into_token_stream(),
        None => quote!(::core::primitive::usize::MAX),
    };
    let tags = tags::of_ids(cached, &batched.ids);
    let statements = quote! {
        #known
        #(#computed)*
        let #call = #generated::batch::BatchCall {
            site: #owner::#site(),
            cache: #cache,
            ttl: #terms,
            chunk: #chunk,
            tags: #tags,
        };
    };
    (call, statements)
}

/// Writes the key of one id.
fn key(cached: &Cached, owner: &TokenStream, buffer: &impl ToTokens) -> TokenStream {
    let (key, turbofish) = (cached.hidden("key"), cached.key_needs.turbofish());
    let places = cached.key_params.iter().map(|param| &param.place);
    quote!(#owner::#key #turbofish(#buffer #(, &#places)*))
}

/// What runs the body for some of the ids.
fn body(cached: &Cached, batched: &Batched, owner: &TokenStream) -> TokenStream {
    let (generated, ids) = (&cached.generated, &batched.ids);
    let [list, kept] = ["ids", "kept"].map(names::local);
    let others = cached.params.iter().map(|param| &param.ident).filter(|ident| *ident != ids);
    let invocation = invocation(cached, owner);
    quote! {
        |#list| {
            #(let #others = #generated::batch::Again::again(&#others);)*
            async move {
                let mut #kept = ::core::option::Option::None;
                let #ids = #generated::batch::lend(#list, &mut #kept);
                #invocation.await
            }
        }
    }
}
