//! `companion = Name` and `companion = off`.

use proc_macro2::Ident;
use syn::Expr;
use syn::parse::ParseStream;

use super::args;

/// What stands beside a function.
pub(crate) enum Companion {
    /// Nothing.
    Off,
    /// A type of this name.
    Named(Ident),
}

pub(super) fn read(name: &Ident, input: ParseStream<'_>) -> syn::Result<Companion> {
    let value = args::value(name, "Users", input)?;
    match &value {
        Expr::Path(path) if path.path.is_ident("off") => Ok(Companion::Off),
        Expr::Path(path) => match path.path.get_ident() {
            Some(name) => Ok(Companion::Named(name.clone())),
            None => Err(takes(&value)),
        },
        _ => Err(takes(&value)),
    }
}

fn takes(value: &Expr) -> syn::Error {
    let message = "`companion` takes the name of a type, or `off`; write `companion = Users`";
    syn::Error::new_spanned(value, message)
}
