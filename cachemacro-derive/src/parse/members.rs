//! An `impl`: its header, and its members, whose bodies stay tokens.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::ItemImpl;
use syn::parse::{ParseStream, Parser};

use super::{Function, unwrapped};

/// A member of an `impl`.
pub(crate) enum Member {
    /// A function, and as it is written.
    Function(Box<Function>, TokenStream),
    /// Anything else.
    Other(TokenStream),
}

/// The header, with no members in it, and the members.
pub(crate) fn members(item: &TokenStream) -> syn::Result<(ItemImpl, Vec<Member>)> {
    let mut tokens: Vec<TokenTree> = item.clone().into_iter().collect();
    let Some(TokenTree::Group(braces)) = tokens.pop() else {
        return Err(syn::Error::new_spanned(item, "expected an `impl`"));
    };
    let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
    empty.set_span(braces.span());
    tokens.push(empty.into());
    let header = syn::parse2(tokens.into_iter().collect())?;
    let read = |input: ParseStream<'_>| {
        let mut members = Vec::new();
        while !input.is_empty() {
            members.push(member(input)?);
        }
        Ok(members)
    };
    Ok((header, read.parse2(braces.stream())?))
}

fn member(input: ParseStream<'_>) -> syn::Result<Member> {
    let tokens = one(&input.fork())?;
    let function = syn::parse2(tokens.clone());
    one(input)?;
    Ok(match function {
        Ok(function) => Member::Function(Box::new(function), tokens),
        Err(_) => Member::Other(tokens),
    })
}

/// The tokens of one member: to its `;`, or to its braces where it has no value.
fn one(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    let mut has_value = false;
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => unwrapped(group.clone()).delimiter() == Delimiter::Brace && !has_value,
            _ => false,
        };
        // Of `const X: u8 = { 5 };`; a function has no `=` before its braces but in bounds.
        has_value |= matches!(&token, TokenTree::Ident(ident) if ident == "const")
            && !input.peek(syn::Token![fn])
            && !input.peek(syn::Token![async])
            && !input.peek(syn::Token![unsafe])
            && !tokens_have_fn(&tokens);
        tokens.extend([token]);
        if ends {
            break;
        }
    }
    Ok(tokens)
}

fn tokens_have_fn(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == "fn"))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn members_are_told_apart() {
        let (header, members) = members(&quote! {
            #[doc = "x"]
            impl<T: Copy> Load<T> for Repo<T> where T: Send {
                const N: usize = { 5 };
                type Item = T;
                #[cached] pub(crate) async fn find<const N: usize>(&self) -> u8 { if x { 1 } else { 2 } }
                const fn plain() {}
                made_by! { a macro }
            }
        })
        .unwrap();
        assert!(header.trait_.is_some());
        let kinds: Vec<bool> = members.iter().map(|member| matches!(member, Member::Function(..))).collect();
        assert_eq!(kinds, [false, false, true, true, false]);
    }
}
