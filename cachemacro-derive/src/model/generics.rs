//! Type and const parameters: which there are, and which of them a function of the companion needs.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{GenericParam, Generics, Lifetime, WherePredicate};

use crate::names;
use crate::parse::{mentions, unraw};

/// A type or const parameter.
#[derive(Clone)]
pub(crate) struct Generic {
    pub(crate) ident: Ident,
    pub(crate) is_const: bool,
    /// Whether it is one of the `impl`.
    pub(crate) of_impl: bool,
}

impl Generic {
    pub(crate) fn noun(&self) -> &'static str {
        if self.is_const { "const parameter" } else { "type parameter" }
    }
}

/// The type and const parameters.
pub(super) fn generics(generics: &Generics, of_impl: bool) -> Vec<Generic> {
    let generic = |param: &GenericParam| {
        let (ident, is_const) = match param {
            GenericParam::Lifetime(_) => return None,
            GenericParam::Type(param) => (param.ident.clone(), false),
            GenericParam::Const(param) => (param.ident.clone(), true),
        };
        Some(Generic { ident, is_const, of_impl })
    };
    generics.params.iter().filter_map(generic).collect()
}

/// Parameters with their bounds, for a function that has the types of another.
#[derive(Clone, Default)]
pub(crate) struct Needed {
    params: Vec<GenericParam>,
    predicates: Vec<WherePredicate>,
    lifetime: bool,
}

impl Needed {
    /// What of the parameters is needed to write the tokens; `lifetime` is whether they borrow.
    ///
    /// All lifetimes become one, as in the types.
    pub(crate) fn by(generics: &Generics, tokens: &TokenStream, lifetime: bool) -> Self {
        let mut all = generics.clone();
        OneLifetime.visit_generics_mut(&mut all);
        let typed = all.params.iter().filter(|param| !matches!(param, GenericParam::Lifetime(_)));
        let mut needed = vec![tokens.clone()];
        let mut params: Vec<GenericParam> = Vec::new();
        // What a bound of one names is needed too.
        loop {
            let more = typed.clone().find(|param| {
                let name = name(param);
                !params.iter().any(|known| self::name(known) == name)
                    && needed.iter().any(|tokens| mentions(tokens.clone(), &|ident| ident == name))
            });
            let Some(param) = more else { break };
            needed.push(param.to_token_stream());
            params.push(param.clone());
        }
        params.sort_by_key(|param| typed.clone().position(|other| name(other) == name(param)));
        let names: Vec<String> = typed.map(name).collect();
        let is_kept = |name: &str| params.iter().any(|param| self::name(param) == name);
        let is_dropped = |name: &str| names.iter().any(|known| known == name) && !is_kept(name);
        let predicates = all.where_clause.iter().flat_map(|clause| &clause.predicates);
        let predicates = predicates.filter(|predicate| {
            let tokens = predicate.to_token_stream();
            matches!(predicate, WherePredicate::Type(_))
                && mentions(tokens.clone(), &is_kept)
                && !mentions(tokens, &is_dropped)
        });
        let predicates: Vec<_> = predicates.cloned().collect();
        for param in &mut params {
            match param {
                GenericParam::Type(param) => param.default = None,
                GenericParam::Const(param) => param.default = None,
                GenericParam::Lifetime(_) => {}
            }
        }
        let borrows = |tokens: TokenStream| names::has_lifetime(tokens);
        let lifetime = lifetime
            || params.iter().any(|param| borrows(param.to_token_stream()))
            || predicates.iter().any(|predicate| borrows(predicate.to_token_stream()));
        Self { params, predicates, lifetime }
    }

    /// `<'a, T: Bound, const N: usize>`
    pub(crate) fn declared(&self) -> TokenStream {
        let lifetime = self.lifetime.then(names::lifetime).into_iter();
        let params = &self.params;
        match self.lifetime || !params.is_empty() {
            true => quote!(<#(#lifetime,)* #(#params),*>),
            false => TokenStream::new(),
        }
    }

    /// `::<T, N>`
    pub(crate) fn turbofish(&self) -> TokenStream {
        let idents: Vec<_> = self
            .params
            .iter()
            .map(|param| match param {
                GenericParam::Type(param) => param.ident.to_token_stream(),
                GenericParam::Const(param) => param.ident.to_token_stream(),
                GenericParam::Lifetime(param) => param.lifetime.to_token_stream(),
            })
            .collect();
        match idents.is_empty() {
            true => TokenStream::new(),
            false => quote!(::<#(#idents),*>),
        }
    }

    pub(crate) fn clause(&self) -> TokenStream {
        let predicates = &self.predicates;
        match predicates.is_empty() {
            true => TokenStream::new(),
            false => quote!(where #(#predicates),*),
        }
    }
}

fn name(param: &GenericParam) -> String {
    match param {
        GenericParam::Type(param) => unraw(&param.ident),
        GenericParam::Const(param) => unraw(&param.ident),
        GenericParam::Lifetime(param) => param.lifetime.to_string(),
    }
}

/// Makes one lifetime of all that are not bound where they stand.
struct OneLifetime;

impl VisitMut for OneLifetime {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            *lifetime = names::lifetime();
        }
    }
    fn visit_trait_bound_mut(&mut self, bound: &mut syn::TraitBound) {
        if bound.lifetimes.is_none() {
            visit_mut::visit_trait_bound_mut(self, bound);
        }
    }
    fn visit_predicate_type_mut(&mut self, predicate: &mut syn::PredicateType) {
        if predicate.lifetimes.is_none() {
            visit_mut::visit_predicate_type_mut(self, predicate);
        }
    }
    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
}
