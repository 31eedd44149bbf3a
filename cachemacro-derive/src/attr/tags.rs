//! `tags = ["team:<team>"]` and `groups(user_id)`.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, Token};

use super::{Template, args};
use crate::errors::Errors;
use crate::parse::unraw;

/// More parameters than these are no part of the arguments that anybody names.
const PARAMS_MAX: usize = 4;

/// More tags than these are more lookups than one value is worth.
const TAGS_MAX: usize = 16;

/// The parameters that a group is over, as written.
pub(crate) struct Group {
    pub(crate) params: Vec<Ident>,
    pub(crate) span: Span,
}

pub(super) fn tags(name: &Ident, input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Template>> {
    const LIKE: &str = "write `tags = [\"team:<team>\"]`";
    let value = args::value(name, "[\"team:<team>\"]", input)?;
    let Expr::Array(array) = value else {
        return Err(syn::Error::new_spanned(value, format!("`tags` is a list of templates; {LIKE}")));
    };
    if array.elems.is_empty() {
        return Err(syn::Error::new_spanned(
            array,
            format!("there are no tags in it; {LIKE}, or leave it out"),
        ));
    }
    if array.elems.len() > TAGS_MAX {
        let message = format!("each call looks up all of its tags; write {TAGS_MAX} of them at most");
        return Err(syn::Error::new_spanned(array, message));
    }
    let mut templates = Vec::new();
    for elem in &array.elems {
        match elem {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().is_empty() => {
                errors.at(text.span(), format!("a tag cannot be empty; {LIKE}"));
            }
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => templates.extend(Template::read(text, errors)),
            other => errors.on(other, format!("a tag is a string literal; {LIKE}")),
        }
    }
    Ok(templates)
}

pub(super) fn groups(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Group>> {
    const LIKE: &str = "write `groups(user_id)`";
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(name.span(), format!("`groups` takes parameters; {LIKE}")));
    }
    let content;
    syn::parenthesized!(content in input);
    let group = |input: ParseStream<'_>| {
        if !input.peek(syn::token::Paren) {
            let ident: Ident = input.parse()?;
            return Ok(Group { span: ident.span(), params: vec![ident] });
        }
        let several;
        let span = syn::parenthesized!(several in input).span.join();
        let params = Punctuated::<Ident, Token![,]>::parse_terminated(&several)?;
        Ok(Group { params: params.into_iter().collect(), span })
    };
    let groups: Vec<Group> = Punctuated::<Group, Token![,]>::parse_terminated_with(&content, group)
        .map_err(|error| {
            let message = format!(
                "`groups` takes names of parameters; {LIKE}, or `groups((team, user_id))` for both at once"
            );
            syn::Error::new(error.span(), message)
        })?
        .into_iter()
        .collect();
    if groups.is_empty() || groups.iter().any(|group| group.params.is_empty()) {
        return Err(syn::Error::new(
            name.span(),
            format!("`groups` names no parameter; {LIKE}, or leave it out"),
        ));
    }
    if let Some(group) = groups.iter().find(|group| group.params.len() > PARAMS_MAX) {
        let message = format!("a group is over {PARAMS_MAX} parameters at most");
        return Err(syn::Error::new(group.span, message));
    }
    for (at, group) in groups.iter().enumerate() {
        let same = |before: &Group| before.params.iter().map(unraw).eq(group.params.iter().map(unraw));
        if groups[..at].iter().any(same) {
            return Err(syn::Error::new(group.span, "this group is there twice; leave one of them"));
        }
    }
    Ok(groups)
}
