//! An `impl` whose cached methods have companions: functions in an `impl` beside it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ItemImpl;

use super::{cache_result, companion};
use crate::model::{Cached, Home, Impl};

/// A member of the `impl`, as it is in the end.
pub(super) enum Member {
    /// As it is written.
    Other(TokenStream),
    /// A cached method.
    Cached(Box<Cached>),
}

pub(super) fn expand(header: &ItemImpl, around: &Impl, members: &[Member]) -> TokenStream {
    let inside = members.iter().map(|member| match member {
        Member::Other(tokens) => tokens.clone(),
        Member::Cached(cached) => cache_result::expand(cached),
    });
    let mut item = header.clone();
    item.items = vec![syn::ImplItem::Verbatim(inside.collect())];
    let beside = members.iter().filter_map(|member| match member {
        Member::Cached(cached) => beside(cached, around),
        Member::Other(_) => None,
    });
    quote!(#item #(#beside)*)
}

fn beside(cached: &Cached, around: &Impl) -> Option<TokenStream> {
    let Home::Impl { has_body } = cached.home else { return None };
    let Impl { generics, self_ty, .. } = around;
    let (declared, _, clause) = generics.split_for_impl();
    let all = &cached.attrs.all;
    // What a trait's method is visible to is not written at it.
    let vis = if has_body { cached.vis.to_token_stream() } else { quote!(pub(crate)) };
    let parts = companion::parts(cached, &vis);
    let loads = has_body.then(|| companion::loads(cached));
    let body = has_body.then(|| {
        let body = companion::body(cached);
        quote! {
            #(#all)*
            #[allow(dead_code, unreachable_pub, clippy::too_many_arguments)]
            impl #declared #self_ty #clause {
                #body
            }
        }
    });
    Some(quote! {
        #(#all)*
        #[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #declared #self_ty #clause {
            #parts
            #loads
        }

        #body
    })
}
