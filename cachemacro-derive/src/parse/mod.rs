//! The function under an attribute: its signature is parsed, its body stays tokens.

mod members;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Signature, Visibility};

pub(crate) use members::{Member, members};

/// A function as it is written.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: Body,
}

/// A body: its inner attributes, and its tokens in their braces.
#[derive(Clone)]
pub(crate) struct Body {
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) tokens: TokenStream,
    pub(crate) braces: Group,
}

impl Function {
    /// Whether it is sure to stand in an `impl` or a `trait`.
    pub(crate) fn is_associated(&self) -> bool {
        let receiver = matches!(self.sig.inputs.first(), Some(FnArg::Receiver(_)));
        receiver
            || mentions(self.sig.to_token_stream(), &|ident| ident == "Self" || ident == "async_trait")
            || mentions(self.body.tokens.clone(), &|ident| ident == "Self")
    }
}

/// Whether an item is a trait.
pub(crate) fn is_trait(item: &TokenStream) -> bool {
    let header = |input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse::<Option<syn::Token![unsafe]>>()?;
        let is_trait = input.peek(syn::Token![trait]);
        input.parse::<TokenStream>()?;
        Ok(is_trait)
    };
    syn::parse::Parser::parse2(header, item.clone()).unwrap_or(false)
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        let Ok(TokenTree::Group(body)) = input.parse::<TokenTree>() else {
            return Err(syn::Error::new_spanned(&sig.ident, format!("`{}` has no body", sig.ident)));
        };
        let braces = unwrapped(body);
        if braces.delimiter() != Delimiter::Brace {
            return Err(syn::Error::new(braces.span(), "expected a body"));
        }
        let split = |input: ParseStream<'_>| Ok((input.call(Attribute::parse_inner)?, input.parse()?));
        let (inner_attrs, tokens) = syn::parse::Parser::parse2(split, braces.stream())?;
        Ok(Self { attrs, vis, sig, body: Body { inner_attrs, tokens, braces } })
    }
}

impl Body {
    /// Its braces around other tokens, so that what is said of the block points at the user's.
    pub(crate) fn rebrace(&self, tokens: TokenStream) -> Group {
        let mut group = Group::new(Delimiter::Brace, tokens);
        group.set_span(self.braces.span());
        group
    }
}

/// The group that a macro has handed on as one thing: `$body` of a `$body:block`.
fn unwrapped(group: Group) -> Group {
    let mut inside = group.stream().into_iter();
    match (group.delimiter(), inside.next(), inside.next()) {
        (Delimiter::None, Some(TokenTree::Group(inner)), None) => unwrapped(inner),
        _ => group,
    }
}

/// Whether an identifier that is not a field or method name is one of those asked for.
pub(crate) fn mentions(tokens: TokenStream, wanted: &dyn Fn(&str) -> bool) -> bool {
    let mut after_dot = false;
    for token in tokens {
        let hit = match &token {
            TokenTree::Ident(ident) => !after_dot && wanted(&unraw(ident)),
            TokenTree::Group(group) => mentions(group.stream(), wanted),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        };
        if hit {
            return true;
        }
        // `a..b` ends with a dot too, and what follows is no field.
        after_dot = match &token {
            TokenTree::Punct(punct) if punct.as_char() == '.' => !after_dot,
            _ => false,
        };
    }
    false
}

/// The name of an identifier, without `r#`.
pub(crate) fn unraw(ident: &proc_macro2::Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn fields_are_not_mentions() {
        let id = |tokens| mentions(tokens, &|ident| ident == "id");
        assert!(id(quote!(f(&id))));
        assert!(id(quote!(0..id)));
        assert!(id(quote!(r#id + 1)));
        assert!(!id(quote!(user.id)));
        assert!(!id(quote!(user.id())));
    }
}
