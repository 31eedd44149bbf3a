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
    /// A parameter, or a field of one, or what is computed; what it is called there, and where the hole is written.
    Value { hole: Hole, root: Ident, span: Span },
    /// `self`, or a field of it; what a companion is given for it.
    OfSelf { hole: Hole, given: Ident, span: Span },
    /// What the body returns, or a field of it; it stands in tags alone.
    OfValue { hole: Hole, span: Span },
    /// The name of a type.
    TypeName { ident: Ident },
    /// A const parameter.
    Const { ident: Ident },
}

impl KeyPiece {
    /// What is between the `<` and the `>` of its hole; nothing of what is no hole.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Text(_) | Self::FunctionPath | Self::MethodPath => String::new(),
            Self::Value { hole, .. } | Self::OfSelf { hole, .. } | Self::OfValue { hole, .. } => {
                hole.text.clone()
            }
            Self::TypeName { ident } | Self::Const { ident } => unraw(ident),
        }
    }
}

/// Whether equal keys have this piece in common too.
pub(super) fn tells(key: &[KeyPiece], piece: &KeyPiece) -> bool {
    // A field is told by what it is a field of, and what is hashed by its hash.
    let is_of = |part: &Hole, whole: &Hole| part.root == whole.root && part.fields.starts_with(&whole.fields);
    key.iter().any(|known| match (piece, known) {
        (KeyPiece::Text(_) | KeyPiece::FunctionPath | KeyPiece::MethodPath, _) => true,
        // It is the entry's own.
        (KeyPiece::OfValue { .. }, _) => true,
        (KeyPiece::Value { hole, .. }, KeyPiece::Value { hole: known, .. })
        | (KeyPiece::OfSelf { hole, .. }, KeyPiece::OfSelf { hole: known, .. }) => is_of(hole, known),
        (KeyPiece::TypeName { ident }, KeyPiece::TypeName { ident: known })
        | (KeyPiece::Const { ident }, KeyPiece::Const { ident: known }) => ident == known,
        // The path of a method begins with what its `impl` is for.
        (KeyPiece::TypeName { ident }, KeyPiece::MethodPath) => ident == "Self",
        _ => false,
    })
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

/// What the template of a tag says, which may look at the value.
pub(super) fn by_tag_template(template: Template, known: &[Known]) -> Vec<KeyPiece> {
    let Template { parts, span } = template;
    let piece = |part| match part {
        Part::Hole(hole) if is_of_value(&hole, known) => vec![KeyPiece::OfValue { hole, span }],
        part => by_template(Template { parts: vec![part], span }, known),
    };
    parts.into_iter().flat_map(piece).collect()
}

/// Whether a hole of a tag is over the value: a parameter of that name comes first.
pub(super) fn is_of_value(hole: &Hole, known: &[Known]) -> bool {
    hole.root == "value" && !known.iter().any(|known| known.name == "value")
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
    let values = known
        .iter()
        .filter(|known| matches!(known.kind, KnownKind::Receiver | KnownKind::Value | KnownKind::Computed));
    let mut key = vec![path];
    for known in types.chain(values).filter(is_in_key) {
        key.push(KeyPiece::Text(":".to_owned()));
        let hole = Hole::whole(known.name.clone());
        key.push(of(known, hole, known.ident.span()));
    }
    key
}

fn of(known: &Known, hole: Hole, span: Span) -> KeyPiece {
    let ident = known.ident.clone();
    match &known.kind {
        KnownKind::Value | KnownKind::Computed => KeyPiece::Value { hole, root: ident, span },
        KnownKind::Receiver => KeyPiece::OfSelf { given: given(&hole), hole, span },
        KnownKind::SelfType => KeyPiece::TypeName { ident },
        KnownKind::Generic(generic) if generic.is_const => KeyPiece::Const { ident },
        KnownKind::Generic(_) => KeyPiece::TypeName { ident },
    }
}

/// What a companion is given for `<self.tenant.id>`: `self_tenant_id`.
fn given(hole: &Hole) -> Ident {
    let start = if hole.is_hash { format_ident!("self_hash_") } else { format_ident!("self_") };
    hole.fields.iter().fold(start, |name, field| match field {
        syn::Member::Named(field) => format_ident!("{name}{}_", unraw(field)),
        syn::Member::Unnamed(index) => format_ident!("{name}{}_", index.index),
    })
}
