//! `guard = off | required`, for all attributes of mutations.

use proc_macro2::Ident;
use syn::Expr;
use syn::parse::ParseStream;

use super::args;

/// Whether keys are guarded while they change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guards {
    /// Or else the mutation does not run.
    Required,
    /// Not at all.
    Off,
}

pub(super) fn read(name: &Ident, off: bool, input: ParseStream<'_>) -> syn::Result<Guards> {
    let guard: Expr = args::value(name, "required", input)?;
    match &guard {
        Expr::Path(path) if path.path.is_ident("required") => Ok(Guards::Required),
        Expr::Path(path) if path.path.is_ident("off") && off => Ok(Guards::Off),
        _ if off => Err(syn::Error::new_spanned(
            guard,
            "`guard` is `required`, to run only under a guard, or `off`, to do without; leave it out to have one where that can be",
        )),
        _ => Err(syn::Error::new_spanned(
            guard,
            "`guard` is `required`, to run only under a guard; nothing can be put without one",
        )),
    }
}
