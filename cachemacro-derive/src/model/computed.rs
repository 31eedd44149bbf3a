//! What `with(…)` computes for the key: like parameters, after those of the function.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Expr, Signature};

use super::known::{Known, KnownKind};
use super::param::{Param, Role};
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
        let param = Param {
            attrs: Vec::new(),
            mutability: None,
            ident,
            pattern: None,
            ty,
            id: None,
            role: Role::Whole,
            is_used_by_attribute: false,
            must_be_handle: false,
        };
        Self { param, expr }
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.param.ident
    }

    /// Whether it is computed from this parameter, which is then in the key through it.
    pub(super) fn is_of(&self, param: &str) -> bool {
        mentions(self.expr.to_token_stream(), &|name| name == param)
    }
}

/// What is computed is gone when the value is there, unless the closure takes it along.
pub(super) fn closures_move(computed: &[Computed], closures: [(&str, Option<&Expr>); 2], errors: &Errors) {
    for (what, closure) in closures {
        let Some(Expr::Closure(closure)) = closure else { continue };
        let tokens = closure.body.to_token_stream();
        let used = computed.iter().find(|computed| {
            let name = unraw(computed.ident());
            mentions(tokens.clone(), &|ident| ident == name)
        });
        if let (Some(used), None) = (used, closure.capture) {
            let name = unraw(used.ident());
            let message = format!(
                "the closure outlives `{name}`, which `with` computes; let it take that along: `{what} = move |value| …`"
            );
            errors.on(closure, message);
        }
    }
}

/// Each has a name of its own and a type that is written out, and is in the key.
pub(super) fn check(
    sig: &Signature,
    known: &[Known],
    computed: &[Computed],
    template: Option<&Template>,
    errors: &Errors,
) {
    for (at, Computed { param, .. }) in computed.iter().enumerate() {
        let (name, span) = (unraw(&param.ident), param.ident.span());
        if computed[..at].iter().any(|before| unraw(before.ident()) == name) {
            errors.at(span, format!("`with` computes `{name}` twice; leave one of them"));
        } else if known.iter().any(|known| !matches!(known.kind, KnownKind::Computed) && known.name == name) {
            let function = unraw(&sig.ident);
            errors.at(
                span,
                format!(
                    "`{name}` is a parameter of `{function}` already; give what `with` computes another name"
                ),
            );
        } else if template.is_some_and(|template| template.holes().all(|hole| hole.root != name)) {
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
