//! How a function answers: as an `async fn`, or with a future of its own.

use syn::{
    AssocType, GenericArgument, Path, PathArguments, PathSegment, ReturnType, Signature, Type, TypeParamBound,
};

/// How a function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `async fn`
    Async,
    /// `fn … -> impl Future<Output = T>`
    Future,
    /// `fn … -> Pin<Box<dyn Future<Output = T>>>`, as `#[async_trait]` writes it.
    Boxed,
    /// `fn`, at once: only for values that never leave the process.
    AtOnce,
}

/// How a function answers, and with what; `None` if that is no future, and must be one.
pub(crate) fn returns(sig: &Signature, may_be_at_once: bool) -> Option<(How, Type)> {
    future(sig).or_else(|| match &sig.output {
        _ if !may_be_at_once => None,
        ReturnType::Default => Some((How::AtOnce, syn::parse_quote!(()))),
        ReturnType::Type(_, ty) => Some((How::AtOnce, bare(ty).clone())),
    })
}

fn future(sig: &Signature) -> Option<(How, Type)> {
    let ReturnType::Type(_, ty) = &sig.output else {
        return sig.asyncness.map(|_| (How::Async, syn::parse_quote!(())));
    };
    if sig.asyncness.is_some() {
        return Some((How::Async, bare(ty).clone()));
    }
    match bare(ty) {
        Type::ImplTrait(ty) => Some((How::Future, output_of(ty.bounds.iter())?)),
        Type::Path(ty) => {
            let last = ty.path.segments.last()?;
            let output = match last.ident.to_string().as_str() {
                "Pin" => boxed(only_type(last)?)?,
                "BoxFuture" | "LocalBoxFuture" => only_type(last)?.clone(),
                _ => return None,
            };
            Some((How::Boxed, output))
        }
        _ => None,
    }
}

/// `Box<dyn Future<Output = T> + …>`
fn boxed(ty: &Type) -> Option<Type> {
    let Type::Path(ty) = bare(ty) else { return None };
    let last = ty.path.segments.last().filter(|last| last.ident == "Box")?;
    match bare(only_type(last)?) {
        Type::TraitObject(ty) => output_of(ty.bounds.iter()),
        _ => None,
    }
}

fn output_of<'a>(mut bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<Type> {
    bounds.find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => output(&bound.path),
        _ => None,
    })
}

/// The `T` of `Future<Output = T>`.
fn output(path: &Path) -> Option<Type> {
    let last = path.segments.last().filter(|last| last.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Output" => Some(ty.clone()),
        _ => None,
    })
}

/// The one type among the arguments of a segment.
fn only_type(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// A type without the parentheses, or the macro, around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Paren(paren) => bare(&paren.elem),
        Type::Group(group) => bare(&group.elem),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn show(sig: Signature) -> Option<(How, String)> {
        returns(&sig, false).map(|(how, output)| (how, output.to_token_stream().to_string()))
    }

    #[test]
    fn a_future_is_known_by_its_output() {
        let answer = |how| Some((how, "u8".to_owned()));
        assert_eq!(show(parse_quote!(async fn f() -> u8)), answer(How::Async));
        assert_eq!(show(parse_quote!(fn f() -> impl Send + Future<Output = u8>)), answer(How::Future));
        assert_eq!(
            show(
                parse_quote!(fn f<'a>() -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + 'a>>)
            ),
            answer(How::Boxed)
        );
        assert_eq!(show(parse_quote!(fn f(&self) -> BoxFuture<'_, u8>)), answer(How::Boxed));
        assert_eq!(show(parse_quote!(fn f() -> u8)), None);
        assert_eq!(show(parse_quote!(fn f() -> impl Iterator<Item = u8>)), None);
        assert_eq!(show(parse_quote!(fn f())), None);
    }
}
