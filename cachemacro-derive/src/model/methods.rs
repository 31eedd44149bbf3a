//! The `impl` around a method, as `#[cache_methods]` sees it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Generics, ItemImpl, Path, Type};

use crate::attr::{CacheMethods, Skipped};
use crate::errors::Errors;
use crate::parse::mentions;

/// The `impl` around a method.
pub(crate) struct Impl {
    pub(crate) generics: Generics,
    pub(crate) self_ty: Type,
    pub(crate) trait_: Option<Path>,
    pub(crate) krate: Option<Path>,
    /// What is skipped in each method that has it.
    pub(crate) skipped: Vec<Skipped>,
}

/// Types of the standard library that traits are implemented for; of others the compiler says what they are.
const OF_STD: [&str; 26] = [
    "Vec", "Option", "Result", "String", "Box", "Arc", "Rc", "HashMap", "BTreeMap", "HashSet", "bool",
    "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f64",
];

impl Impl {
    pub(crate) fn new(attr: CacheMethods, header: &ItemImpl) -> Self {
        Self {
            generics: header.generics.clone(),
            self_ty: (*header.self_ty).clone(),
            trait_: header.trait_.as_ref().map(|(path, _)| path.clone()),
            krate: attr.krate.into_inner(),
            skipped: attr.skip.into_inner().unwrap_or_default(),
        }
    }

    /// What stands between the module and the name in a method's path: `Repo`, `Repo.Load`.
    ///
    /// It holds no separator of keys.
    pub(crate) fn label(&self) -> String {
        let mut label = plain(self.self_ty.to_token_stream());
        if let Some(path) = &self.trait_ {
            label.push('.');
            label.push_str(&plain(path.to_token_stream()));
        }
        label
    }

    /// Whether something can stand in an `impl` of the type alone: not where a parameter is the trait's.
    pub(crate) fn has_inherent(&self) -> bool {
        self.trait_.is_none() || self.params_of_the_trait().is_empty()
    }

    /// Whether the type is one that functions cannot be given to, whatever it is called.
    fn is_nobodys(&self) -> bool {
        match &self.self_ty {
            Type::Path(path) => {
                let last = path.path.segments.last().map(|last| last.ident.to_string());
                self.generics.type_params().any(|param| path.path.is_ident(&param.ident))
                    || last.is_some_and(|last| OF_STD.contains(&last.as_str()))
            }
            Type::TraitObject(_) | Type::Paren(_) | Type::Group(_) | Type::Macro(_) => false,
            _ => true,
        }
    }

    /// It is somebody's.
    pub(crate) fn check(&self, errors: &Errors) {
        if self.is_nobodys() {
            let ty = self.self_ty.to_token_stream().to_string().replace(' ', "");
            errors.on(&self.self_ty, format!("a companion is functions of a type of your own, which `{ty}` is not; leave `#[cache_methods]` out, and give each `#[cache_result(…)]` its own `skip(self)` or key"));
        }
    }

    /// The type and const parameters that `Self` does not tell.
    pub(crate) fn params_of_the_trait(&self) -> Vec<String> {
        let params = super::generics::generics(&self.generics, true);
        let names = params.iter().map(|generic| generic.ident.to_string());
        names.filter(|name| !mentions(self.self_ty.to_token_stream(), &|ident| ident == name)).collect()
    }

    /// Writes `Self::Item` as `<Self as Trait>::Item`, which holds outside the `impl` of the trait too.
    pub(crate) fn qualify(&self, ty: &Type) -> Type {
        struct Qualify<'a>(&'a Path);
        impl VisitMut for Qualify<'_> {
            fn visit_type_mut(&mut self, ty: &mut Type) {
                if let Type::Path(path) = ty
                    && path.qself.is_none()
                    && path.path.segments.len() == 2
                    && path.path.segments[0].ident == "Self"
                {
                    let (item, of) = (&path.path.segments[1], self.0);
                    *ty = syn::parse_quote!(<Self as #of>::#item);
                }
                visit_mut::visit_type_mut(self, ty);
            }
        }
        let mut ty = ty.clone();
        if let Some(path) = &self.trait_ {
            Qualify(path).visit_type_mut(&mut ty);
        }
        ty
    }
}

/// Tokens as text without separators of keys and without what tells nothing: `Repo(u8;T)`.
fn plain(tokens: TokenStream) -> String {
    let text = |token: TokenTree| match token {
        TokenTree::Ident(ident) => format!("{ident} "),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => plain(group.stream()),
        TokenTree::Group(group) => format!("({})", plain(group.stream())),
        TokenTree::Punct(punct) => match punct.as_char() {
            '<' => "(".to_owned(),
            '>' => ")".to_owned(),
            ',' => ";".to_owned(),
            ':' => ".".to_owned(),
            '*' => "^".to_owned(),
            other => other.to_string(),
        },
        TokenTree::Literal(literal) => literal.to_string(),
    };
    let text: String = tokens.into_iter().map(text).collect();
    let parts: Vec<&str> = text.split(' ').collect();
    // Words keep a `-` between them, as `&mut T` and `&mutT` differ.
    let mut plain = String::new();
    for part in parts {
        let is_word = |text: &str| text.chars().next().is_some_and(char::is_alphanumeric);
        if is_word(part) && plain.chars().last().is_some_and(char::is_alphanumeric) {
            plain.push('-');
        }
        plain.push_str(part);
    }
    plain.replace("..", "::").replace("::", ".")
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn a_label_holds_no_separator_and_tells_types_apart() {
        assert_eq!(plain(quote!(users::Repo)), "users.Repo");
        assert_eq!(plain(quote!(Repo<u8, &'static mut dyn Load>)), "Repo(u8;&'static-mut-dyn-Load)");
        assert_eq!(plain(quote!([u8])), "(u8)");
    }
}
