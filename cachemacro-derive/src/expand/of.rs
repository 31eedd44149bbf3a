//! A cached function by its path: what has its key and its site, and what they are called there.

use proc_macro2::{Ident, Span};
use syn::{AngleBracketedGenericArguments, Path, PathArguments};

use crate::names;
use crate::parse::unraw;

/// `get_user::<T>` is a type of that name; `Repo::find` is a method, whose functions its type has.
pub(super) struct Of {
    pub(super) owner: Path,
    /// `::<T>`
    pub(super) arguments: Option<AngleBracketedGenericArguments>,
    method: Option<String>,
    span: Span,
}

impl Of {
    pub(super) fn path(path: &Path) -> Self {
        let mut owner = path.clone();
        let Some(mut last) = owner.segments.pop() else {
            return Self { owner, arguments: None, method: None, span: Span::call_site() };
        };
        let arguments = match std::mem::replace(&mut last.arguments, PathArguments::None) {
            PathArguments::AngleBracketed(mut arguments) => {
                arguments.colon2_token = Some(Default::default());
                Some(arguments)
            }
            _ => None,
        };
        let span = last.ident.span();
        let is_method =
            owner.segments.last().is_some_and(|before| is_type(&before.ident)) && !is_type(&last.ident);
        let method = is_method.then(|| unraw(&last.ident));
        if is_method {
            owner.segments.pop_punct();
        } else {
            owner.segments.push(last);
        }
        Self { owner, arguments, method, span }
    }

    /// What one of those that belong to the function is called: `key`, or `find_key` of a method.
    pub(super) fn item(&self, name: &str) -> Ident {
        Ident::new(&self.name(name), self.span)
    }

    /// The same for what is not for users: `__cachemacro_target`.
    pub(super) fn hidden(&self, name: &str) -> Ident {
        let name = match self.method {
            Some(_) => self.name(&names::of_method(name)),
            None => self.name(name),
        };
        Ident::new(&format!("__cachemacro_{name}"), names::at(self.span))
    }

    fn name(&self, name: &str) -> String {
        match &self.method {
            Some(method) => format!("{method}_{name}"),
            None => name.to_owned(),
        }
    }
}

/// Types begin with a capital, functions do not.
fn is_type(ident: &Ident) -> bool {
    unraw(ident).chars().next().is_some_and(char::is_uppercase)
}
