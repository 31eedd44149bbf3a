//! The key: what is written into it, and the functions that write it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::attr::Hole;
use crate::model::{Cached, KeyParam, KeyPiece, Kind, Param, with_one_lifetime};
use crate::names;
use crate::parse::unraw;

/// From what a key is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// From references to what the function's parameters are.
    Typed,
    /// From references to whatever stands for the same keys.
    Any,
    /// In the function itself.
    Body,
}

/// Two ways to the key: from the function's arguments, into a variable of the call, and from whatever stands for the same keys.
///
/// The second one asks no more than `KeyPart` of what it is given, so that a parameter that is none
/// is reported where its type is written, and not again at each call.
pub(super) fn functions(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let generated = &cached.generated;
    let [buffer, written] = ["buffer", "written"].map(names::local);
    let typed = typed(cached);
    let any = cached.key_params.iter().map(|param| {
        let ident = &param.ident;
        match &param.kind {
            Kind::Parts(ty) => {
                let ty = with_one_lifetime(ty).0;
                quote!(#ident: &#ty)
            }
            Kind::Whole(_) | Kind::Any => quote!(#ident: &impl #generated::KeyPart),
            Kind::AnyHash => quote!(#ident: &impl #generated::KeyHash),
        }
    });
    let (write_typed, write_any) = (writes(cached, &buffer, From::Typed), writes(cached, &buffer, From::Any));
    let (declared, clause) = (cached.key_needs.declared(), cached.key_needs.clause());
    let (given, key_of_given) = (given(cached), of_given(cached));
    let (hidden, hidden_of, key) = (cached.hidden("key"), cached.hidden("key_of"), cached.item("key"));
    quote! {
        fn #hidden #declared (#buffer: &mut #generated::KeyBuf #(, #typed)*) #clause {
            #write_typed
        }

        fn #hidden_of #declared (#(#any),*) -> #generated::Key #clause {
            let mut #written = #generated::KeyBuf::new();
            let #buffer = &mut #written;
            #write_any
            ::core::convert::From::from(#written)
        }

        /// The key of these arguments.
        #[must_use]
        #vis fn #key #declared (#(#given),*) -> #generated::Key #clause {
            #key_of_given
        }
    }
}

/// References to what the function's parameters are that are in the key.
pub(super) fn typed(cached: &Cached) -> Vec<TokenStream> {
    let generated = &cached.generated;
    let typed = |param: &KeyParam| {
        let ident = &param.ident;
        match &param.kind {
            Kind::Whole(ty) | Kind::Parts(ty) => {
                let ty = with_one_lifetime(ty).0;
                quote!(#ident: &#ty)
            }
            Kind::Any => quote!(#ident: &impl #generated::KeyPart),
            Kind::AnyHash => quote!(#ident: &impl #generated::KeyHash),
        }
    };
    cached.key_params.iter().map(typed).collect()
}

/// The parameters of the companion's functions: those that are in the key.
pub(super) fn given(cached: &Cached) -> Vec<TokenStream> {
    let generated = &cached.generated;
    let given = |param: &KeyParam| {
        let ident = &param.ident;
        match &param.kind {
            Kind::Parts(ty) => {
                let ty = with_one_lifetime(ty).0;
                quote!(#ident: impl #generated::ArgRef<#ty>)
            }
            Kind::Whole(ty) => {
                let ty = with_one_lifetime(ty).0;
                quote!(#ident: impl #generated::KeyFor<#ty>)
            }
            Kind::Any => quote!(#ident: impl #generated::KeyPart),
            Kind::AnyHash => quote!(#ident: impl #generated::KeyHash),
        }
    };
    cached.key_params.iter().map(given).collect()
}

/// The key, from the parameters of the companion's functions.
pub(super) fn of_given(cached: &Cached) -> TokenStream {
    let generated = &cached.generated;
    let args = cached.key_params.iter().map(|param| {
        let ident = &param.ident;
        match &param.kind {
            Kind::Parts(ty) => {
                let ty = with_one_lifetime(ty).0;
                quote!(#generated::ArgRef::<#ty>::arg_ref(&#ident))
            }
            Kind::Whole(_) | Kind::Any | Kind::AnyHash => quote!(&#ident),
        }
    });
    let (hidden_of, turbofish) = (cached.hidden("key_of"), cached.key_needs.turbofish());
    quote!(Self::#hidden_of #turbofish(#(#args),*))
}

/// The variable that the key of a call is written into: in its place, as to move it costs as much as to write it.
pub(super) fn variable(cached: &Cached) -> TokenStream {
    let (generated, buffer) = (&cached.generated, names::local("buffer"));
    quote!(let #buffer = &mut #generated::KeyBuf::new();)
}

/// The same, where the key may never be written.
pub(super) fn late_variable() -> TokenStream {
    let buffer = names::local("buffer");
    quote!(let #buffer = &mut ::core::option::Option::None;)
}

/// The key, in the function.
pub(super) fn in_body(cached: &Cached) -> TokenStream {
    let buffer = names::local("buffer");
    let writes = writes(cached, &buffer, From::Body);
    quote!({
        #writes
        &*#buffer
    })
}

/// What a tag is written from, in the function.
pub(super) fn pieces_in_body(cached: &Cached, pieces: &[KeyPiece], buffer: &Ident) -> TokenStream {
    pieces.iter().map(|piece| write(cached, piece, buffer, From::Body)).collect()
}

/// The path of the function, as text.
pub(super) fn path(cached: &Cached) -> TokenStream {
    let name = unraw(&cached.sig.ident);
    let path = match &cached.label {
        Some(label) => format!("::{label}::{name}"),
        None => format!("::{name}"),
    };
    quote!(::core::concat!(::core::module_path!(), #path))
}

/// What stands before and after the `impl` of a method in its path.
pub(super) fn around_impl(cached: &Cached) -> (TokenStream, String) {
    (quote!(::core::concat!(::core::module_path!(), "|")), format!("|{}", unraw(&cached.sig.ident)))
}

/// What takes parameters apart that are references.
pub(super) fn patterns(cached: &Cached) -> Vec<TokenStream> {
    let patterns = cached.key_params.iter().filter_map(|param| {
        let (ident, pattern) = (&param.ident, param.pattern.as_ref()?);
        Some(quote!(#[allow(unused_variables)] let #pattern = #ident;))
    });
    patterns.collect()
}

fn writes(cached: &Cached, buffer: &Ident, from: From) -> TokenStream {
    let patterns = if from == From::Body { Vec::new() } else { patterns(cached) };
    let pieces = cached.key.iter().map(|piece| write(cached, piece, buffer, from));
    quote!(#(#patterns)* #(#pieces)*)
}

fn write(cached: &Cached, piece: &KeyPiece, buffer: &Ident, from: From) -> TokenStream {
    let generated = &cached.generated;
    match piece {
        KeyPiece::Text(text) => quote!(#buffer.push_raw(#text);),
        KeyPiece::FunctionPath => {
            let path = path(cached);
            quote!(#buffer.push_raw(#path);)
        }
        KeyPiece::MethodPath => {
            let (before, after) = around_impl(cached);
            quote! {
                #buffer.push_raw(#before);
                #buffer.push_text(#generated::impl_of(&|| ()));
                #buffer.push_raw(#after);
            }
        }
        KeyPiece::TypeName { ident } => quote!(#buffer.push_text(::core::any::type_name::<#ident>());),
        KeyPiece::Const { ident } => quote!(#generated::KeyPart::write(&#ident, #buffer);),
        KeyPiece::OfSelf { given, hole, span } if from != From::Body => match hole.is_hash {
            true => write_place(generated, quote!(#given), true, *span, buffer),
            false => quote!(#generated::KeyPart::write(#given, #buffer);),
        },
        KeyPiece::OfSelf { hole, span, .. } => {
            let this = cached.sig.receiver().map(|receiver| receiver.self_token);
            let place = field(quote!(#this), hole, *span);
            write_place(generated, quote_spanned!(names::at(*span)=> &#place), hole.is_hash, *span, buffer)
        }
        KeyPiece::OfValue { hole, span } => {
            let value = names::local("value");
            let place = field(quote!(#value), hole, *span);
            let place =
                if hole.fields.is_empty() { place } else { quote_spanned!(names::at(*span)=> &#place) };
            write_place(generated, place, hole.is_hash, *span, buffer)
        }
        KeyPiece::Value { hole, root, span } if !hole.is_whole() => {
            let place = field(quote!(#root), hole, *span);
            let is_reference = hole.fields.is_empty() && from != From::Body;
            let place = if is_reference { place } else { quote_spanned!(names::at(*span)=> &#place) };
            write_place(generated, place, hole.is_hash, *span, buffer)
        }
        KeyPiece::Value { root, .. } => {
            let computed = cached.computed.iter().map(|computed| &computed.param);
            let param = cached.params.iter().chain(computed).find(|param| param.binds(&unraw(root)));
            let param = param.expect("what is known is bound by a parameter, or computed");
            write_whole(generated, param, root, buffer, from)
        }
    }
}

/// All of a parameter. What is wrong with its type is said where that is written.
fn write_whole(
    generated: &TokenStream,
    param: &Param,
    root: &Ident,
    buffer: &Ident,
    from: From,
) -> TokenStream {
    if param.pattern.is_some() {
        let span = names::at(root.span());
        let generated = names::tokens_at(generated, span);
        return quote_spanned!(span=> #generated::KeyPart::write(&#root, #buffer););
    }
    let borrow = (from == From::Body).then(|| quote!(&));
    if from == From::Any {
        return quote!(#generated::KeyPart::write(#root, #buffer););
    }
    let ty = match from {
        From::Typed => with_one_lifetime(param.bare_type()).0,
        From::Any | From::Body => param.bare_type().clone(),
    };
    let span = names::at(param.bare_type().span());
    let generated = names::tokens_at(generated, span);
    let write = quote_spanned!(span=> <#ty as #generated::KeyPart>::write);
    quote!(#write(#borrow #root, #buffer);)
}

/// The place that a hole stands for.
pub(super) fn field(root: TokenStream, hole: &Hole, span: Span) -> TokenStream {
    let span = names::at(span);
    hole.fields.iter().fold(root, |place, field| {
        let field = names::tokens_at(&field.to_token_stream(), span);
        quote_spanned!(span=> #place.#field)
    })
}

/// What a reference to a place is, or its hash. What is wrong with it is said where the hole is written.
fn write_place(
    generated: &TokenStream,
    place: TokenStream,
    is_hash: bool,
    span: Span,
    buffer: &Ident,
) -> TokenStream {
    let span = names::at(span);
    let generated = names::tokens_at(generated, span);
    let place = match is_hash {
        true => quote_spanned!(span=> &#generated::Hashed(#place)),
        false => place,
    };
    quote_spanned!(span=> #generated::KeyPart::write(#place, #buffer);)
}

/// The pieces of the template, for the registry.
pub(super) fn template(cached: &Cached) -> TokenStream {
    template_of(cached, &cached.key)
}

pub(super) fn template_of(cached: &Cached, pieces: &[KeyPiece]) -> TokenStream {
    let generated = &cached.generated;
    let hole = |text: &str| quote!(#generated::Piece::Hole(#text));
    let pieces = pieces.iter().map(|piece| match piece {
        KeyPiece::Text(text) => quote!(#generated::Piece::Text(#text)),
        KeyPiece::FunctionPath => {
            let path = path(cached);
            quote!(#generated::Piece::Text(#path))
        }
        KeyPiece::MethodPath => {
            let (before, after) = around_impl(cached);
            quote! {
                #generated::Piece::Text(#before),
                #generated::Piece::Impl,
                #generated::Piece::Text(#after)
            }
        }
        KeyPiece::Value { hole: at, .. }
        | KeyPiece::OfSelf { hole: at, .. }
        | KeyPiece::OfValue { hole: at, .. } => hole(&at.text),
        KeyPiece::TypeName { ident } | KeyPiece::Const { ident } => hole(&unraw(ident)),
    });
    quote!(#generated::Template(&[#(#pieces),*]))
}
