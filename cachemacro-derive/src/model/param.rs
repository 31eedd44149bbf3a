//! The parameters of a cached function, and what the key has of each.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, FnArg, Pat, Signature, Token, Type};

use super::types;
use crate::attr::{Hole, Template};
use crate::names;
use crate::parse::unraw;

/// A parameter.
pub(crate) struct Param {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) mutability: Option<Token![mut]>,
    /// What the function that is called has it as.
    pub(crate) ident: Ident,
    /// As it is written, where that is more than a name.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) ty: Type,
    /// What one of its ids is, of those of a batch: that is what the key has.
    pub(crate) id: Option<Type>,
    pub(crate) role: Role,
    /// Whether an expression of the attribute uses it, which the body then need not.
    pub(crate) is_used_by_attribute: bool,
    /// Whether it is neither in the key nor skipped: its type must say that it cannot matter.
    pub(crate) must_be_handle: bool,
}

/// A parameter that is taken apart: `(a, b): (u32, u32)`.
pub(crate) struct Pattern {
    /// As it is written.
    pub(crate) written: Pat,
    /// What takes apart a reference to the parameter: the same names, bound to references.
    pub(crate) borrowing: Pat,
    pub(crate) bound: Vec<Ident>,
}

/// The part that a parameter has in the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// All of it.
    Whole,
    /// Parts of it, or a hash.
    Fields,
    /// None.
    Skipped,
}

impl Param {
    /// The type of what the key has of it, without the references around it.
    pub(crate) fn bare_type(&self) -> &Type {
        self.id.as_ref().unwrap_or_else(|| types::without_references(&self.ty))
    }

    /// What the body knows of it, and so what can be in the key.
    pub(crate) fn bound(&self) -> &[Ident] {
        match &self.pattern {
            Some(pattern) => &pattern.bound,
            None => std::slice::from_ref(&self.ident),
        }
    }

    /// Whether it may say that the call is part of a transaction: a `Pending`, or an `Option` of one.
    pub(super) fn may_be_pending(&self) -> bool {
        self.pattern.is_none() && types::names_pending(&self.ty)
    }

    pub(crate) fn binds(&self, name: &str) -> bool {
        self.bound().iter().any(|ident| unraw(ident) == name)
    }

    /// Its part in the key, by a template; `is_skipped` says it of a name, without one.
    pub(super) fn role(&self, template: Option<&Template>, is_skipped: impl Fn(&str) -> bool) -> Role {
        let mut in_key = self.bound().iter().map(unraw).filter(|name| match template {
            Some(template) => template.holes().any(|hole| hole.root == *name),
            None => !is_skipped(name),
        });
        if in_key.next().is_none() {
            return Role::Skipped;
        }
        let whole =
            |template: &Template| template.holes().filter(|hole| self.binds(&hole.root)).all(Hole::is_whole);
        match self.pattern.is_none() && template.is_none_or(whole) {
            true => Role::Whole,
            false => Role::Fields,
        }
    }
}

/// The parameters, without `self`.
pub(super) fn params(sig: &Signature) -> Vec<Param> {
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let param = |(at, typed): (usize, &syn::PatType)| {
        let (mutability, ident, pattern) = match &*typed.pat {
            Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
                (pat.mutability, pat.ident.clone(), None)
            }
            written => {
                let bound = bound_by(written);
                let pattern = Pattern { written: written.clone(), borrowing: borrowing(written), bound };
                (None, names::local(&format!("parameter_{at}")), Some(pattern))
            }
        };
        Param {
            attrs: typed.attrs.clone(),
            mutability,
            ident,
            pattern,
            ty: (*typed.ty).clone(),
            id: None,
            role: Role::Skipped,
            is_used_by_attribute: false,
            must_be_handle: false,
        }
    };
    typed.enumerate().map(param).collect()
}

/// All names that a pattern binds.
pub(super) fn bound_by(pat: &Pat) -> Vec<Ident> {
    struct Bound(Vec<Ident>);
    impl<'ast> Visit<'ast> for Bound {
        fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
            self.0.push(pat.ident.clone());
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut bound = Bound(Vec::new());
    bound.visit_pat(pat);
    bound.0
}

/// The pattern for a reference: what takes `(mut a, &b)` apart takes `(a, b)` apart, by reference.
fn borrowing(pat: &Pat) -> Pat {
    struct Borrow;
    impl VisitMut for Borrow {
        fn visit_pat_mut(&mut self, pat: &mut Pat) {
            while let Pat::Reference(reference) = pat {
                *pat = (*reference.pat).clone();
            }
            visit_mut::visit_pat_mut(self, pat);
        }
        fn visit_pat_ident_mut(&mut self, pat: &mut syn::PatIdent) {
            (pat.by_ref, pat.mutability) = (None, None);
            visit_mut::visit_pat_ident_mut(self, pat);
        }
    }
    let mut pat = pat.clone();
    Borrow.visit_pat_mut(&mut pat);
    pat
}

/// What a function of the companion is given for the key.
pub(crate) struct KeyParam {
    pub(crate) ident: Ident,
    /// What of the function's it stands for.
    pub(crate) place: TokenStream,
    pub(crate) kind: Kind,
    /// What takes it apart.
    pub(crate) pattern: Option<Pat>,
}

/// What a companion may be given.
pub(crate) enum Kind {
    /// What makes the same keys as this type.
    Whole(Type),
    /// A value of this type, of which the key has parts.
    Parts(Type),
    /// Whatever can be part of a key: a field of `self`, whose type is written elsewhere.
    Any,
    /// The same, of which the key has a hash.
    AnyHash,
}

impl KeyParam {
    pub(super) fn of(param: &Param) -> Self {
        let (ident, ty) = (&param.ident, param.bare_type().clone());
        Self {
            ident: ident.clone(),
            place: quote!(#ident),
            kind: if param.role == Role::Whole { Kind::Whole(ty) } else { Kind::Parts(ty) },
            pattern: param.pattern.as_ref().map(|pattern| pattern.borrowing.clone()),
        }
    }
}
