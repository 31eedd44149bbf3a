//! What `with(…)` computes for the key: like parameters, after those of the function.

use quote::ToTokens;
use syn::{Expr, Signature};

use super::cached::{Param, Role};
use super::types;
use crate::attr::{Template, With};
use crate::errors::Errors;
use crate::parse::{mentions, unraw};

/// A part of the key that is computed from the arguments.
pub(crate) struct Computed {
    pub(crate) param: Param,
    pub(crate) expr: Expr,
}

impl Computed {
    pub(super) fn new(With { ident, ty, expr }: With) -> Self {
        let name = unraw(&ident);
        let param = Param {
            attrs: Vec::new(),
            mutability: None,
            name,
            ident,
            ty,
            role: Role::Whole,
            is_used_by_attribute: false,
            must_be_handle: false,
        };
        Self { param, expr }
    }

    /// Whether it is computed from this parameter, which is then in the key through it.
    pub(super) fn is_of(&self, param: &str) -> bool {
        mentions(self.expr.to_token_stream(), &|name| name == param)
    }
}

/// Each has a name of its own and a type that is written out, and is in the key.
pub(super) fn check(
    sig: &Signature,
    params: &[Param],
    computed: &[Computed],
    template: Option<&Template>,
    errors: &Errors,
) {
    for (at, Computed { param, .. }) in computed.iter().enumerate() {
        let (name, span) = (&param.name, param.ident.span());
        if computed[..at].iter().any(|before| before.param.name == *name) {
            errors.at(span, format!("`with` computes `{name}` twice; leave one of them"));
        } else if params.iter().any(|param| param.name == *name) {
            let function = unraw(&sig.ident);
            errors.at(
                span,
                format!(
                    "`{name}` is a parameter of `{function}` already; give what `with` computes another name"
                ),
            );
        } else if template.is_some_and(|template| template.holes().all(|hole| hole.root != *name)) {
            errors.at(
                span,
                format!("`with` computes `{name}`, which the key does not use; add `<{name}>` to it"),
            );
        }
        if let Some(span) = types::impl_trait(&param.ty) {
            errors.at(span, format!("`{name}` needs a type that is written out, as the companion takes it"));
        }
    }
}
