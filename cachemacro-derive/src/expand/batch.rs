//! What a function for many ids does when it is called.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::call::{cache_of_call, invocation, owner, shape};
use super::storing;
use crate::model::{Batched, Cached, Computed};
use crate::names;

/// What stands between the braces of the function that is called.
pub(super) fn run(cached: &Cached, batched: &Batched) -> TokenStream {
    let (generated, owner, ids) = (&cached.generated, owner(cached), &batched.ids);
    let [known_shape, call, list, kept, buffer] =
        ["shape", "call", "ids", "kept", "buffer"].map(names::local);
    let known = storing::has_clauses(cached).then(|| {
        let known = storing::known_shape(cached);
        quote!(let #known_shape = { #known };)
    });
    let computed = cached.computed.iter().map(|Computed { param, expr }| {
        let (ident, ty) = (&param.ident, &param.ty);
        quote!(let #ident: #ty = #expr;)
    });
    let (site, key) = (cached.hidden("site"), cached.hidden("key"));
    let (cache, terms, shape) = (cache_of_call(cached), storing::terms(cached), shape(cached));
    let chunk = match batched.chunk {
        Some(chunk) => Literal::usize_unsuffixed(chunk).into_token_stream(),
        None => quote!(::core::primitive::usize::MAX),
    };
    let read = if cached.storing.is_local { format_ident!("read_local") } else { format_ident!("read") };
    let turbofish = cached.key_needs.turbofish();
    let places = cached.key_params.iter().map(|param| &param.place);
    let others = cached.params.iter().map(|param| &param.ident).filter(|ident| *ident != ids);
    let invocation = invocation(cached, &owner);
    quote! {
        #known
        #(#computed)*
        let #call = #generated::batch::BatchCall {
            site: #owner::#site(),
            cache: #cache,
            ttl: #terms,
            chunk: #chunk,
        };
        #generated::batch::#read(
            #call,
            #shape,
            #generated::batch::Ids::list(&#ids),
            |#ids: &_, #buffer| #owner::#key #turbofish(#buffer #(, &#places)*),
            |#list| {
                #(let #others = #generated::batch::Again::again(&#others);)*
                async move {
                    let mut #kept = ::core::option::Option::None;
                    let #ids = #generated::batch::lend(#list, &mut #kept);
                    #invocation.await
                }
            },
        )
        .await
    }
}
