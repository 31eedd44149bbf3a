//! What a mutation submits at link time, for the graph of who invalidates what.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use super::of::Of;
use crate::names;
use crate::parse::unraw;

/// The static of a mutation, in a block of its own.
pub(super) fn mutation(
    generated: &TokenStream,
    name: &Ident,
    puts: bool,
    entries: &[TokenStream],
) -> TokenStream {
    let path = format!("::{}", unraw(name));
    quote! {{
        static MUTATION: #generated::Mutation = #generated::Mutation {
            path: ::core::concat!(::core::module_path!(), #path),
            file: ::core::file!(),
            line: ::core::line!(),
            puts: #puts,
            entries: &[#(#entries),*],
        };
        #generated::inventory::submit! {
            #generated::RegisteredMutation(&MUTATION)
        }
    }}
}

/// A cached function: by its site, or by its name where an item cannot name its type.
pub(super) fn function(generated: &TokenStream, path: &Path) -> TokenStream {
    if is_generic(path) {
        let name = path.to_token_stream().to_string().replace(' ', "");
        return quote!(#generated::Entry::Named(#name));
    }
    let last = path.segments.last().map_or_else(|| path.span(), |segment| segment.ident.span());
    let of = Of::path(path);
    let (owner, site) = (&of.owner, of.hidden("site"));
    quote_spanned!(names::at(last)=> #generated::Entry::Function(|| <#owner>::#site()))
}

/// Whether a path names what may be generic where it stands: an item there cannot name that.
pub(super) fn is_generic(path: &Path) -> bool {
    let has_arguments = |segment: &syn::PathSegment| !segment.arguments.is_none();
    path.segments.iter().any(|segment| segment.ident == "Self" || has_arguments(segment))
}
