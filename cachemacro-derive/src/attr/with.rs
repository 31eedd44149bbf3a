//! `with(uid: u64 = user.id())`: parts of a key that are computed.

use proc_macro2::Ident;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Token, Type};

/// A part of the key that is computed from the arguments.
pub(crate) struct With {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) expr: Expr,
}

const LIKE: &str = "write `with(uid: u64 = user.id())`";

impl Parse for With {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ident: Ident = input.parse().map_err(|error: syn::Error| {
            syn::Error::new(error.span(), format!("`with` takes names with a type and a value; {LIKE}"))
        })?;
        if !input.peek(Token![:]) {
            let message = format!("`{ident}` needs a type, as the companion takes it; {LIKE}");
            return Err(syn::Error::new(ident.span(), message));
        }
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        if !input.peek(Token![=]) {
            return Err(syn::Error::new(ident.span(), format!("`{ident}` has no value; {LIKE}")));
        }
        input.parse::<Token![=]>()?;
        Ok(Self { ident, ty, expr: input.parse()? })
    }
}

pub(super) fn read(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<With>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(name.span(), format!("`with` takes what to compute; {LIKE}")));
    }
    let content;
    syn::parenthesized!(content in input);
    let all = Punctuated::<With, Token![,]>::parse_terminated(&content)?;
    if all.is_empty() {
        return Err(syn::Error::new(
            name.span(),
            format!("`with()` computes nothing; {LIKE}, or leave it out"),
        ));
    }
    Ok(all.into_iter().collect())
}
