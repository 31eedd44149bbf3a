//! Types, as the companion writes them.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, Generics, Lifetime, PathArguments, Type};

use crate::names;

/// A type without the references around it: its keys are the same.
pub(crate) fn without_references(ty: &Type) -> &Type {
    match ty {
        Type::Reference(reference) => without_references(&reference.elem),
        Type::Paren(paren) => without_references(&paren.elem),
        Type::Group(group) => without_references(&group.elem),
        other => other,
    }
}

/// A type with one lifetime for all of its own, and whether it has any.
pub(crate) fn with_one_lifetime(ty: &Type) -> (Type, bool) {
    struct One {
        lifetime: Lifetime,
        used: bool,
    }
    impl VisitMut for One {
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            if reference.lifetime.is_none() {
                reference.lifetime = Some(self.lifetime.clone());
                self.used = true;
            }
            visit_mut::visit_type_reference_mut(self, reference);
        }
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                *lifetime = self.lifetime.clone();
                self.used = true;
            }
        }
        // Those of a function type are its own.
        fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
    }
    let mut ty = ty.clone();
    let mut one = One { lifetime: names::lifetime(), used: false };
    one.visit_type_mut(&mut ty);
    (ty, one.used)
}

/// A type as a body may write it: which lifetimes it has is inferred.
pub(crate) fn with_inferred_lifetimes(ty: &Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                *lifetime = Lifetime::new("'_", lifetime.span());
            }
        }
        fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    }
    let mut ty = ty.clone();
    Infer.visit_type_mut(&mut ty);
    ty
}

/// Where a type borrows for less than `'static`.
pub(crate) fn borrow(ty: &Type) -> Option<Span> {
    struct Borrow(Option<Span>);
    impl<'ast> Visit<'ast> for Borrow {
        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            if reference.lifetime.is_none() {
                self.0.get_or_insert(reference.and_token.span());
            }
            visit::visit_type_reference(self, reference);
        }
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            if lifetime.ident != "static" {
                self.0.get_or_insert(lifetime.span());
            }
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
    }
    let mut borrow = Borrow(None);
    borrow.visit_type(ty);
    borrow.0
}

/// Whether a type is named `Pending`, or is an `Option` of one.
pub(crate) fn names_pending(ty: &Type) -> bool {
    let Type::Path(path) = without_references(ty) else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" => arguments
            .args
            .iter()
            .any(|argument| matches!(argument, GenericArgument::Type(ty) if names_pending(ty))),
        _ => last.ident == "Pending",
    }
}

/// Where a type is a reference for `'static`.
pub(crate) fn static_reference(ty: &Type) -> Option<Span> {
    struct Find(Option<Span>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            if reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") {
                self.0.get_or_insert(reference.and_token.span());
            }
            visit::visit_type_reference(self, reference);
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// Where a type is `impl Trait`.
pub(crate) fn impl_trait(ty: &Type) -> Option<Span> {
    struct Find(Option<Span>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
            self.0.get_or_insert(ty.span());
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// The types that plainly change a result, by their last name. Of what points to one, the pointee counts.
/// An `Option` says by itself whether it is there.
const PLAIN: [&str; 37] = [
    "bool",
    "char",
    "str",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "String",
    "Vec",
    "VecDeque",
    "HashMap",
    "BTreeMap",
    "HashSet",
    "BTreeSet",
    "Cow",
    "Uuid",
    "Duration",
    "SystemTime",
    "Instant",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "SocketAddr",
    "OsStr",
    "Path",
    "PathBuf",
    "Option",
];

/// Whether somebody may have said of a type that it never changes a result: not of those that are
/// plainly values, nor of what the function does not know.
pub(super) fn may_be_handle(ty: &Type, generics: &Generics) -> bool {
    let Type::Path(path) = without_references(ty) else {
        return matches!(without_references(ty), Type::TraitObject(_));
    };
    let Some(last) = path.path.segments.last() else { return false };
    if impl_trait(ty).is_some() || generics.type_params().any(|param| path.path.is_ident(&param.ident)) {
        return false;
    }
    if PLAIN.iter().any(|plain| last.ident == plain) {
        return false;
    }
    let points = ["Box", "Arc", "Rc"].iter().any(|pointer| last.ident == pointer);
    match &last.arguments {
        PathArguments::AngleBracketed(args) if points => args.args.iter().all(|arg| match arg {
            GenericArgument::Type(ty) => may_be_handle(ty, generics),
            _ => true,
        }),
        _ => true,
    }
}
