//! What `#[cache_methods(…)]` says.

use proc_macro2::TokenStream;
use syn::parse::ParseStream;

use super::cache_result::{path, skipped};
use super::{Skipped, Slot, args};
use crate::errors::Errors;

/// All arguments.
const KNOWN: [&str; 2] = ["skip", "crate"];

/// The arguments of `#[cache_methods(…)]`.
pub(crate) struct CacheMethods {
    /// What is skipped in each method that has it.
    pub(crate) skip: Slot<Vec<Skipped>>,
    pub(crate) krate: Slot<syn::Path>,
}

impl CacheMethods {
    pub(crate) fn read(tokens: TokenStream, errors: &Errors) -> Self {
        let mut attr = Self { skip: Slot::empty("skip"), krate: Slot::empty("crate") };
        args::read(tokens, errors, |input| attr.argument(input, errors));
        attr
    }

    fn argument(&mut self, input: ParseStream<'_>, errors: &Errors) -> syn::Result<()> {
        let name = args::name(input)?;
        match name.to_string().as_str() {
            "skip" => {
                let skipped = skipped(&name, input)?;
                self.skip.set(errors, name.span(), skipped);
            }
            "crate" => {
                let path = path(&name, input)?;
                self.krate.set(errors, name.span(), path);
            }
            _ => return Err(args::unknown(&name, &KNOWN)),
        }
        Ok(())
    }
}
