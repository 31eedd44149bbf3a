//! A type that can stand in a key: what of it is written, and what it asks of its parameters.

use proc_macro2::{Ident, Span, TokenStream};
use syn::visit::{self, Visit};
use syn::{Data, DeriveInput, Fields, Generics, Member, Path, Type};

use crate::attr::key_part;
use crate::errors::Errors;
use crate::names;

/// A type with `#[derive(KeyPart)]`.
pub(crate) struct KeyType {
    /// The path of all that generated code names.
    pub(crate) generated: TokenStream,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) content: Content,
    /// The type parameters that stand in what is written; the others do not matter to the key.
    pub(crate) written: Vec<Ident>,
    /// The associated types of parameters that stand in what is written.
    pub(crate) projections: Vec<Type>,
}

/// What is written.
pub(crate) enum Content {
    /// The one field of a tuple struct.
    Newtype(Box<Written>),
    /// The fields, as a list.
    Struct(Vec<Written>),
    Enum(Vec<Variant>),
}

/// A variant of an enum.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    /// Whether it has no fields: it is written as its name.
    pub(crate) is_unit: bool,
    pub(crate) fields: Vec<Written>,
}

/// A field that is written.
pub(crate) struct Written {
    pub(crate) member: Member,
    pub(crate) ty: Type,
}

impl KeyType {
    /// What the derive means for the type; `None` after adding errors.
    pub(crate) fn resolve(input: DeriveInput, errors: &Errors) -> Option<Self> {
        let krate = key_part::of_type(&input.attrs, errors);
        let content = match &input.data {
            Data::Struct(data) => of_struct(&data.fields, errors),
            Data::Enum(data) => Content::Enum(
                data.variants
                    .iter()
                    .map(|variant| {
                        key_part::of_variant(&variant.attrs, errors);
                        Variant {
                            ident: variant.ident.clone(),
                            is_unit: matches!(variant.fields, Fields::Unit),
                            fields: written(&variant.fields, errors),
                        }
                    })
                    .collect(),
            ),
            Data::Union(data) => {
                let message = "a union cannot be part of a key: which of its fields holds is not known; implement `cachemacro::KeyPart` by hand";
                errors.at(data.union_token.span, message);
                return None;
            }
        };
        let params: Vec<Ident> = input.generics.type_params().map(|param| param.ident.clone()).collect();
        let mut used = Used { params, written: Vec::new(), projections: Vec::new() };
        content.fields().for_each(|field| used.visit_type(&field.ty));
        let written = used.params.iter().filter(|param| used.written.contains(param)).cloned().collect();
        Some(Self {
            generated: names::generated(krate.as_ref()),
            ident: input.ident,
            generics: input.generics,
            content,
            written,
            projections: used.projections,
        })
    }
}

impl Content {
    fn fields(&self) -> Box<dyn Iterator<Item = &Written> + '_> {
        match self {
            Self::Newtype(field) => Box::new(std::iter::once(&**field)),
            Self::Struct(fields) => Box::new(fields.iter()),
            Self::Enum(variants) => Box::new(variants.iter().flat_map(|variant| &variant.fields)),
        }
    }
}

fn of_struct(fields: &Fields, errors: &Errors) -> Content {
    let mut written = written(fields, errors);
    match fields {
        Fields::Unnamed(all) if all.unnamed.len() == 1 && written.len() == 1 => {
            Content::Newtype(Box::new(written.remove(0)))
        }
        _ => Content::Struct(written),
    }
}

fn written(fields: &Fields, errors: &Errors) -> Vec<Written> {
    let mut written = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if key_part::of_field(&field.attrs, errors) {
            continue;
        }
        let member = match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(syn::Index { index: index as u32, span: Span::call_site() }),
        };
        written.push(Written { member, ty: field.ty.clone() });
    }
    written
}

/// Finds the type parameters in what is written, as serde does: what a parameter must be is asked of
/// the parameter, so that a type may contain itself.
struct Used {
    params: Vec<Ident>,
    written: Vec<Ident>,
    projections: Vec<Type>,
}

impl Used {
    fn is_param(&self, path: &Path) -> bool {
        path.leading_colon.is_none() && self.params.iter().any(|param| path.segments[0].ident == *param)
    }
}

impl<'ast> Visit<'ast> for Used {
    fn visit_type_path(&mut self, ty: &'ast syn::TypePath) {
        if ty.qself.is_none() && self.is_param(&ty.path) {
            match ty.path.segments.len() {
                1 => self.written.push(ty.path.segments[0].ident.clone()),
                _ => self.projections.push(Type::Path(ty.clone())),
            }
        }
        visit::visit_type_path(self, ty);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        // It holds no value.
        if path.segments.last().is_some_and(|last| last.ident == "PhantomData") {
            return;
        }
        visit::visit_path(self, path);
    }
}
