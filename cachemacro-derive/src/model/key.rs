//! The pieces of a key, resolved.

use proc_macro2::{Ident, Span};
use quote::format_ident;

use super::known::{Known, KnownKind};
use super::methods::Impl;
use crate::attr::{Hole, Part, Template};
use crate::parse::unraw;

/// A piece of the key.
pub(crate) enum KeyPiece {
    /// Text as it stands.
    Text(String),
    /// The path of the function.
    FunctionPath,
    /// The path of a method, with what its `impl` is for, which is known when it runs.
    MethodPath,
    /// A parameter, or a field of one; what it is called there, and where the hole is written.
    Value { hole: Hole, root: Ident, span: Span },
    /// `self`, or a field of it; what a companion is given for it.
    OfSelf { hole: Hole, given: Ident, span: Span },
    /// The name of a type.
    TypeName { ident: Ident },
    /// A const parameter.
    Const { ident: Ident },
}

/// What a template says.
pub(super) fn by_template(template: Template, known: &[Known]) -> Vec<KeyPiece> {
    let Template { parts, span } = template;
    let piece = |part| match part {
        Part::Text(text) => Some(KeyPiece::Text(text)),
        // What is not known is reported.
        Part::Hole(hole) => {
            let known = known.iter().find(|known| known.name == hole.root)?;
            Some(of(known, hole, span))
        }
    };
    parts.into_iter().filter_map(piece).collect()
}

/// The path, and all that is not skipped.
pub(super) fn by_default(
    known: &[Known],
    skipped: &[&str],
    around: Option<&Impl>,
    is_bare_method: bool,
) -> Vec<KeyPiece> {
    let path = if is_bare_method { KeyPiece::MethodPath } else { KeyPiece::FunctionPath };
    let of_trait = around.map(Impl::params_of_the_trait).unwrap_or_default();
    let is_generic = around.is_some_and(|around| {
        around.generics.type_params().next().is_some() || around.generics.const_params().next().is_some()
    });
    let is_in_key = |known: &&Known| match &known.kind {
        KnownKind::SelfType => is_generic,
        // `Self` tells the others.
        KnownKind::Generic(generic) if generic.of_impl => of_trait.contains(&known.name),
        _ => !skipped.contains(&known.name.as_str()),
    };
    let types =
        known.iter().filter(|known| matches!(known.kind, KnownKind::SelfType | KnownKind::Generic(_)));
    let values = known.iter().filter(|known| matches!(known.kind, KnownKind::Receiver | KnownKind::Value));
    let mut key = vec![path];
    for known in types.chain(values).filter(is_in_key) {
        key.push(KeyPiece::Text(":".to_owned()));
        let hole = Hole { root: known.name.clone(), fields: Vec::new(), text: known.name.clone() };
        key.push(of(known, hole, known.ident.span()));
    }
    key
}

fn of(known: &Known, hole: Hole, span: Span) -> KeyPiece {
    let ident = known.ident.clone();
    match &known.kind {
        KnownKind::Value => KeyPiece::Value { hole, root: ident, span },
        KnownKind::Receiver => KeyPiece::OfSelf { given: given(&hole), hole, span },
        KnownKind::SelfType => KeyPiece::TypeName { ident },
        KnownKind::Generic(generic) if generic.is_const => KeyPiece::Const { ident },
        KnownKind::Generic(_) => KeyPiece::TypeName { ident },
    }
}

/// What a companion is given for `<self.tenant.id>`: `self_tenant_id`.
fn given(hole: &Hole) -> Ident {
    hole.fields.iter().fold(format_ident!("self_"), |name, field| match field {
        syn::Member::Named(field) => format_ident!("{name}{}_", unraw(field)),
        syn::Member::Unnamed(index) => format_ident!("{name}{}_", index.index),
    })
}
