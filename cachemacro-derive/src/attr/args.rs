//! The arguments of an attribute, one by one, going on after each error.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token};

use super::did_you_mean;
use crate::errors::Errors;

/// Reads arguments separated by commas; `one` reads each.
///
/// After an error the rest of that argument is passed over, so that the next one is read too.
pub(crate) fn read(
    args: TokenStream,
    errors: &Errors,
    mut one: impl FnMut(ParseStream<'_>) -> syn::Result<()>,
) {
    let mut has_failed = false;
    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            match one(input) {
                Ok(()) if input.is_empty() || input.peek(Token![,]) => {}
                Ok(()) => {
                    errors.push(input.error("expected `,`"));
                    pass_over(input);
                }
                Err(error) => {
                    has_failed = true;
                    errors.push(error);
                    pass_over(input);
                }
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };
    let rest = read.parse2(args);
    // What is left between the parentheses of an argument with an error is not one more.
    if !has_failed {
        errors.take(rest);
    }
}

/// Goes to the next comma.
fn pass_over(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// The name of an argument; keywords are names too.
pub(crate) fn name(input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(syn::Ident::peek_any) {
        return input.call(Ident::parse_any);
    }
    // A value alone is most likely one of these.
    let like = match (input.peek(syn::LitStr), input.peek(syn::LitInt)) {
        (true, _) => "; write `key = \"user:<id>\"`",
        (_, true) => "; write `ttl = 5`",
        _ => "",
    };
    Err(input.error(format!("expected the name of an argument{like}")))
}

/// The value after `name =`, also where a macro has put it there.
pub(crate) fn value(name: &Ident, like: &str, input: ParseStream<'_>) -> syn::Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(name.span(), format!("`{name}` takes a value; write `{name} = {like}`")));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(name.span(), format!("`{name}` has no value; write `{name} = {like}`")));
    }
    let mut value = input.parse()?;
    while let Expr::Group(group) = value {
        value = *group.expr;
    }
    Ok(value)
}

/// A string after `name =`.
pub(crate) fn text(name: &Ident, like: &str, input: ParseStream<'_>) -> syn::Result<syn::LitStr> {
    match value(name, like, input)? {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(text),
        other => Err(syn::Error::new_spanned(
            other,
            format!("`{name}` takes a string literal; write `{name} = {like}`"),
        )),
    }
}

/// The error for an argument that there is none of.
pub(crate) fn unknown(name: &Ident, known: &[&str]) -> syn::Error {
    let there = if known.len() == 1 { "there is" } else { "there are" };
    let suggestion =
        did_you_mean(&name.to_string(), known).unwrap_or_else(|| format!("{there} {}", list(known)));
    syn::Error::new(name.span(), format!("unknown argument `{name}`; {suggestion}"))
}

/// Names in backticks.
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
