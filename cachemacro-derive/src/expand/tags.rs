//! The tags of a call, and the groups of a companion.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use super::call::with_computed;
use super::{key, storing};
use crate::model::{CacheSource, Cached, Group, KeyPiece, Kind};
use crate::names;

/// Gives the call its tags, before the body takes what they are written from.
pub(super) fn tagged(cached: &Cached) -> Option<TokenStream> {
    if cached.tags.is_empty() {
        return None;
    }
    let generated = &cached.generated;
    let [call, shape] = ["call", "shape"].map(names::local);
    let (of_value, of_call): (Vec<_>, Vec<_>) = cached.tags.iter().partition(|pieces| is_of_value(pieces));
    let tags = with_computed(cached, written(cached, &of_call));
    if of_value.is_empty() {
        return Some(quote!(let #call = #generated::tagged(#call, #tags);));
    }
    let texts = texts(&of_value);
    let known_shape = storing::known_shape(cached);
    let namer = with_computed(cached, namer(cached, &of_value));
    Some(quote! {
        let #call = {
            let #shape = { #known_shape };
            #generated::tagged_by_value(&#shape, #call, #tags, &[#(#texts),*], #namer)
        };
    })
}

/// The tags of each id of a batch: closures over one of the ids, as that of its key is.
pub(super) fn of_ids(cached: &Cached, ids: &syn::Ident) -> TokenStream {
    if cached.tags.is_empty() {
        return quote!(());
    }
    let generated = &cached.generated;
    let [value, shape] = ["value", "shape"].map(names::local);
    let (of_value, of_id): (Vec<_>, Vec<_>) = cached.tags.iter().partition(|pieces| is_of_value(pieces));
    let texts = texts(&of_value);
    let (of_id, of_value) = (written(cached, &of_id), written(cached, &of_value));
    let id = cached.params.iter().find_map(|param| param.id.as_ref());
    let known_shape = storing::known_shape(cached);
    quote!({
        let #shape = { #known_shape };
        #generated::batch::tags(
            &#shape,
            #[allow(unused_variables)]
            |#ids: &#id| #of_id,
            &[#(#texts),*],
            #[allow(unused_variables)]
            |#ids: &#id, #value| #of_value,
        )
    })
}

/// The texts that tags over the value begin with.
fn texts<'a>(of_value: &'a [&Vec<KeyPiece>]) -> impl Iterator<Item = &'a String> {
    of_value.iter().filter_map(|pieces| match pieces.first() {
        Some(KeyPiece::Text(text)) => Some(text),
        _ => None,
    })
}

/// A list of tags, written where what they are made of is at hand.
fn written(cached: &Cached, tags: &[&Vec<KeyPiece>]) -> TokenStream {
    let buffer = names::local("buffer");
    let tags = tags.iter().map(|pieces| tag(cached, &key::pieces_in_body(cached, pieces, &buffer)));
    quote!(::std::vec::Vec::from([#(#tags),*]))
}

/// One tag, of what is written into its buffer.
fn tag(cached: &Cached, writes: &TokenStream) -> TokenStream {
    let generated = &cached.generated;
    let [buffer, written] = ["buffer", "written"].map(names::local);
    quote!({
        let mut #written = #generated::KeyBuf::new();
        let #buffer = &mut #written;
        #writes
        #generated::tag(#written)
    })
}

/// What names tags by a value. What it needs of the arguments is written before the body takes them.
fn namer(cached: &Cached, of_value: &[&Vec<KeyPiece>]) -> TokenStream {
    let generated = &cached.generated;
    let [buffer, written, value] = ["buffer", "written", "value"].map(names::local);
    let mut parts = Vec::new();
    let tags = of_value.iter().map(|pieces| {
        let writes: TokenStream = pieces
            .iter()
            .map(|piece| match piece {
                KeyPiece::OfValue { .. } | KeyPiece::Text(_) => {
                    key::pieces_in_body(cached, std::slice::from_ref(piece), &buffer)
                }
                of_call => {
                    let part = names::local(&format!("part_{}", parts.len()));
                    let writes = key::pieces_in_body(cached, std::slice::from_ref(of_call), &buffer);
                    parts.push(quote! {
                        let #part = {
                            let mut #written = #generated::KeyBuf::new();
                            let #buffer = &mut #written;
                            #writes
                            #written
                        };
                    });
                    quote!(#buffer.push_raw(#part.as_str());)
                }
            })
            .collect();
        tag(cached, &writes)
    });
    let tags: Vec<_> = tags.collect();
    quote!({
        #(#parts)*
        move |#value| ::std::vec::Vec::from([#(#tags),*])
    })
}

fn is_of_value(pieces: &[KeyPiece]) -> bool {
    pieces.iter().any(|piece| matches!(piece, KeyPiece::OfValue { .. }))
}

/// What the registry is told of them.
pub(super) fn spec(cached: &Cached) -> Option<TokenStream> {
    if cached.tags.is_empty() {
        return None;
    }
    let templates = cached.tags.iter().map(|pieces| key::template_of(cached, pieces));
    Some(quote!(tags: &[#(#templates),*],))
}

/// What `#[invalidates(get_tasks(user_id, ..))]` and a call by hand name.
pub(super) fn groups(cached: &Cached, companion: &syn::Ident) -> TokenStream {
    let generated = &cached.generated;
    let path = key::path(cached);
    let groups = cached.groups.iter().map(|group| {
        let mask = group.mask();
        let types = group.places.iter().map(|&place| match &cached.key_params[place].kind {
            Kind::Whole(ty) => static_type(ty),
            Kind::Parts(_) | Kind::Any | Kind::AnyHash => quote!(()),
        });
        let by_hand = by_hand(cached, group);
        quote! {
            impl #generated::Group<#mask> for #companion {
                type Parts = (#(::core::marker::PhantomData<#types>,)*);
                const PATH: &'static str = #path;
            }

            #[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
            impl #companion {
                #by_hand
            }
        }
    });
    quote!(#(#groups)*)
}

fn by_hand(cached: &Cached, group: &Group) -> TokenStream {
    let generated = &cached.generated;
    let name = format_ident!("invalidate_by_{}", group.name);
    let mask = group.mask();
    let (idents, types): (Vec<_>, Vec<_>) = group
        .places
        .iter()
        .filter_map(|&place| match &cached.key_params[place].kind {
            Kind::Whole(ty) => Some((&cached.key_params[place].ident, static_type(ty))),
            Kind::Parts(_) | Kind::Any | Kind::AnyHash => None,
        })
        .unzip();
    let cache = names::local("cache");
    let (param, choice) = match cached.cache {
        CacheSource::PerCall(_) => (Some(quote!(#cache: &#generated::Cache,)), quote!(#cache)),
        _ => (None, quote!(#generated::Ambient)),
    };
    let own = own_cache(cached);
    quote! {
        /// Invalidates what is stored for all arguments with these among them, in one step.
        ///
        /// # Errors
        ///
        /// The store could not be asked.
        pub fn #name(#param #(#idents: impl #generated::KeyFor<#types>),*) -> #generated::Invalidating {
            let #cache = #generated::CacheChoice::named(#choice)#own;
            #generated::invalidate_tag(#cache, #generated::group::<Self, #mask, _>(&(#(&#idents,)*)))
        }
    }
}

/// The cache that the function itself uses, where an invalidation names none.
fn own_cache(cached: &Cached) -> Option<TokenStream> {
    let cache = cached.hidden("cache");
    match cached.cache {
        CacheSource::PerCall(_) => None,
        CacheSource::Ambient | CacheSource::Fixed(_) => Some(quote!(.or_else(Self::#cache))),
    }
}

/// A type whose lifetimes are all the longest, as it stands where there is no other.
fn static_type(ty: &syn::Type) -> TokenStream {
    struct Static;
    impl syn::visit_mut::VisitMut for Static {
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime = Some(syn::parse_quote!('static));
            syn::visit_mut::visit_type_reference_mut(self, reference);
        }
        fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
            *lifetime = syn::Lifetime::new("'static", lifetime.span());
        }
        fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    }
    let mut ty = ty.clone();
    syn::visit_mut::VisitMut::visit_type_mut(&mut Static, &mut ty);
    let span = names::at(syn::spanned::Spanned::span(&ty));
    quote_spanned!(span=> #ty)
}
