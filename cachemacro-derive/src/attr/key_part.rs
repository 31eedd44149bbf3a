//! What `#[key_part(…)]` says, beside `#[derive(KeyPart)]`.

use syn::parse::ParseStream;
use syn::{Attribute, Path};

use super::{Slot, args};
use crate::errors::Errors;

/// The arguments that a type has.
const OF_TYPE: [&str; 1] = ["crate"];

/// The arguments that a field has.
const OF_FIELD: [&str; 1] = ["skip"];

/// Where the `cachemacro` crate is, as the type says.
pub(crate) fn of_type(attrs: &[Attribute], errors: &Errors) -> Option<Path> {
    let mut krate = Slot::empty("crate");
    each(attrs, errors, |input| {
        let name = args::name(input)?;
        if name != "crate" {
            return Err(args::unknown(&name, &OF_TYPE));
        }
        let path = super::cache_result::path(&name, input)?;
        krate.set(errors, name.span(), path);
        Ok(())
    });
    krate.into_inner()
}

/// Whether a field is left out.
pub(crate) fn of_field(attrs: &[Attribute], errors: &Errors) -> bool {
    let mut skip = Slot::empty("skip");
    each(attrs, errors, |input| {
        let name = args::name(input)?;
        if name != "skip" {
            return Err(args::unknown(&name, &OF_FIELD));
        }
        skip.set(errors, name.span(), ());
        Ok(())
    });
    skip.get().is_some()
}

/// Reports what stands where nothing is read.
pub(crate) fn of_variant(attrs: &[Attribute], errors: &Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("key_part")) {
        errors
            .on(attr, "a variant has no arguments: each is told apart; `#[key_part(skip)]` goes on a field");
    }
}

fn each(attrs: &[Attribute], errors: &Errors, mut one: impl FnMut(ParseStream<'_>) -> syn::Result<()>) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("key_part")) {
        match attr.meta.require_list() {
            Ok(list) => args::read(list.tokens.clone(), errors, &mut one),
            Err(_) => errors.on(attr, "`#[key_part]` has no arguments; write `#[key_part(skip)]`"),
        }
    }
}
