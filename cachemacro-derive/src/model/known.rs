//! All that a hole and `skip(…)` can name, and so all that must be in the one or in the other.

use proc_macro2::{Ident, Span};
use syn::{FnArg, Signature};

use super::computed::Computed;
use super::generics::Generic;
use super::param::Param;
use crate::parse::unraw;

/// A name that a hole can have.
pub(crate) struct Known {
    pub(crate) name: String,
    /// As it is written.
    pub(crate) ident: Ident,
    pub(crate) kind: KnownKind,
}

/// What a name stands for.
#[derive(Clone)]
pub(crate) enum KnownKind {
    /// A parameter, or what the pattern of one binds.
    Value,
    /// `self`
    Receiver,
    /// `Self`, which a bare attribute cannot know to differ: it need not be in the key.
    SelfType,
    /// A type or const parameter.
    Generic(Generic),
    /// What `with(…)` computes.
    Computed,
}

/// All names of a function, in the order of writing.
pub(super) fn known(
    sig: &Signature,
    params: &[Param],
    computed: &[Computed],
    generics: &[Generic],
    is_associated: bool,
) -> Vec<Known> {
    let mut all = Vec::new();
    let mut add = |ident: Ident, kind: KnownKind| all.push(Known { name: unraw(&ident), ident, kind });
    if let Some(FnArg::Receiver(receiver)) = sig.inputs.first() {
        add(Ident::new("self", receiver.self_token.span), KnownKind::Receiver);
    }
    for ident in params.iter().flat_map(Param::bound) {
        add(ident.clone(), KnownKind::Value);
    }
    for generic in generics {
        add(generic.ident.clone(), KnownKind::Generic(generic.clone()));
    }
    for computed in computed {
        add(computed.ident().clone(), KnownKind::Computed);
    }
    if is_associated {
        add(Ident::new("Self", Span::call_site()), KnownKind::SelfType);
    }
    all
}

impl Known {
    /// What is said where it is in neither.
    pub(super) fn missing(&self) -> String {
        let name = &self.name;
        match &self.kind {
            KnownKind::Receiver => "`self` is not part of the key; add what of it can change the result, like `<self.id>` or `<self>`, or `skip(self)` if nothing of it can".to_owned(),
            KnownKind::Generic(generic) if generic.of_impl => format!(
                "{} `{name}` of the `impl` is not part of the key; add `<Self>` or `<{name}>` to it, or `skip({name})` if it cannot change the result",
                generic.noun()
            ),
            KnownKind::Generic(generic) => format!(
                "{} `{name}` is not part of the key; add `<{name}>` to it, or `skip({name})` if it cannot change the result",
                generic.noun()
            ),
            KnownKind::Value | KnownKind::SelfType | KnownKind::Computed => format!(
                "parameter `{name}` is not part of the key; add `<{name}>` to it, or `skip({name})` if it cannot change the result"
            ),
        }
    }
}
