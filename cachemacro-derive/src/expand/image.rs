//! The image of the arguments, where the key follows from it: a hit then need not write the key.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::{GenericParam, Type};

use super::key;
use crate::model::{Cached, Home, KeyParam, KeyPiece, Kind};
use crate::names;

/// Whether there is one. What of it has none is for the types of its parts to say; here are those functions whose key is
/// of more than values of types that are known.
pub(super) fn has_image(cached: &Cached) -> bool {
    let is_generic =
        cached.sig.generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_)));
    let is_value = |piece: &KeyPiece| match piece {
        KeyPiece::Text(_) | KeyPiece::FunctionPath => true,
        KeyPiece::Value { hole, .. } => !hole.is_hash,
        _ => false,
    };
    matches!(cached.home, Home::Beside(_))
        && !is_generic
        && cached.batch.is_none()
        && cached.computed.is_empty()
        && cached.tags.is_empty()
        && !cached.freshness.looks_at_hits()
        && cached.key.iter().all(is_value)
        && cached.key_params.iter().all(is_of_one_type)
}

/// Whether a parameter is of one type in all calls.
fn is_of_one_type(param: &KeyParam) -> bool {
    struct Hidden(bool);
    impl Visit<'_> for Hidden {
        fn visit_type(&mut self, ty: &Type) {
            self.0 |= matches!(ty, Type::ImplTrait(_) | Type::Macro(_));
            visit::visit_type(self, ty);
        }
    }
    let mut hidden = Hidden(false);
    match &param.kind {
        Kind::Whole(ty) | Kind::Parts(ty) => hidden.visit_type(ty),
        Kind::Any | Kind::AnyHash => hidden.0 = true,
    }
    !hidden.0
}

/// The function that makes it, of the same arguments as the one that writes the key.
pub(super) fn function(cached: &Cached) -> Option<TokenStream> {
    if !has_image(cached) {
        return None;
    }
    let generated = &cached.generated;
    let image = names::local("image");
    let (declared, clause) = (cached.key_needs.declared(), cached.key_needs.clause());
    let (typed, patterns) = (key::typed(cached), key::patterns(cached));
    let adds = cached.key.iter().filter_map(|piece| {
        let KeyPiece::Value { hole, root, span } = piece else { return None };
        let (span, place) = (names::at(*span), key::field(quote!(#root), hole, *span));
        let place = if hole.fields.is_empty() { place } else { quote_spanned!(span=> &#place) };
        let generated = names::tokens_at(generated, span);
        Some(quote_spanned!(span=> (&&#generated::Imaged(#place)).add_to(&mut #image);))
    });
    let name = cached.hidden("image");
    Some(quote! {
        #[inline]
        fn #name #declared (#(#typed),*) -> #generated::Image #clause {
            #[allow(unused_imports)]
            use #generated::imaged::*;
            #[allow(unused_mut)]
            let mut #image = #generated::Image::new();
            #(#patterns)*
            #(#adds)*
            #image
        }
    })
}
