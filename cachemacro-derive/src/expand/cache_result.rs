//! The function that is called, with what belongs to it beside it or in it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::call::{Ask, Of, answer, call_value_in_body, run, signature, unless_hit};
use super::{batch, body, companion, freshness, handles, key, storing, tags};
use crate::model::{Cached, Home, How};
use crate::names;

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let function = match cached.home {
        Home::Beside(_) | Home::Impl { has_body: true } => function(cached),
        Home::Body | Home::Impl { has_body: false } => with_body(cached),
    };
    let companion = match &cached.home {
        Home::Beside(ident) => Some(companion::expand(cached, ident)),
        // That of a method stands outside of its `impl`.
        Home::Body | Home::Impl { .. } => None,
    };
    quote!(#function #companion)
}

fn function(cached: &Cached) -> TokenStream {
    let (all, outer, vis) = (&cached.attrs.all, &cached.attrs.outer, &cached.vis);
    let signature = signature(cached, &cached.sig.ident, Of::Call);
    let run = match &cached.batch {
        Some(batched) => batch::run(cached, batched),
        None => run(cached, Ask::Read),
    };
    let handles = handles::check(cached);
    let block = cached.body.rebrace(quote!(#handles #run));
    // Its callers may all call it for one.
    let allow = cached.batch.as_ref().and_then(|batched| batched.window).map(|_| quote!(#[allow(dead_code)]));
    quote! {
        #(#all)*
        #(#outer)*
        #allow
        // A parameter that the body does not use is used in the key.
        #[allow(clippy::used_underscore_binding, clippy::manual_async_fn)]
        #vis #signature #block
    }
}

/// The function with its body inside, as a method has it: nothing can stand beside that.
fn with_body(cached: &Cached) -> TokenStream {
    let Cached { generated, written_attrs, vis, sig, output, how, .. } = cached;
    let [call, future, shape] = ["call", "body", "shape"].map(names::local);
    let site = match cached.home {
        Home::Impl { .. } => {
            let site = cached.hidden("site");
            quote!(Self::#site())
        }
        _ => {
            let value = companion::site_value(cached);
            quote!({ #value })
        }
    };
    let (variable, call_value) = (key::variable(cached), call_value_in_body(cached, &site));
    let shape_value = storing::known_shape(cached);
    let future_value = body::future(generated, *how, sig, output, &cached.body);
    let read = storing::engine(cached, &quote_spanned!(names::at(output.span())=> read));
    let (tagged, reach) = (tags::tagged(cached), storing::reach(cached));
    let asked = match how {
        How::AtOnce => quote!(#tagged #read(#call, #shape, #future_value)),
        How::Async | How::Future | How::Boxed => {
            let span = names::at(output.span());
            let cacheable = match cached.storing.is_local {
                true => quote_spanned!(span=> local::cacheable),
                false => quote_spanned!(span=> cacheable),
            };
            let rest = match freshness::decides(cached) {
                true => {
                    let asked = freshness::ask_in_body(cached, &call, &shape, &future_value);
                    quote!(#tagged #asked)
                }
                false => quote! {
                    #tagged
                    let #future = #future_value;
                    // Not in one: `#[async_trait]` looks into no macro that has an `fn` in it.
                    let #future = ::core::pin::pin!(#future);
                    #read(#call, #shape, #reach, &#generated::Lender::new(), #future).await
                },
            };
            let asked = unless_hit(cached, rest);
            quote!(let #shape = #generated::#cacheable(#shape); #asked)
        }
    };
    let handles = handles::check(cached);
    let statements = answer(
        *how,
        quote! {
            #handles
            let #shape = { #shape_value };
            #variable
            let #call = #call_value;
            #asked
        },
    );
    let inner_attrs = &cached.body.inner_attrs;
    let block = cached.body.rebrace(quote!(#(#inner_attrs)* #statements));
    quote! {
        #(#written_attrs)*
        #[allow(clippy::used_underscore_binding, clippy::manual_async_fn)]
        #vis #sig #block
    }
}
