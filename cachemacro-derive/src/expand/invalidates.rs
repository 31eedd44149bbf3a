//! A mutation, with what it invalidates armed before its body and completed after it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, PathArguments};

use super::body;
use super::call::answer;
use crate::model::{Arg, Captured, How, Invalidating, KeyText, Step, Target};
use crate::names;
use crate::parse::unraw;

pub(super) fn expand(mutation: &Invalidating) -> TokenStream {
    let Invalidating { generated, attrs, vis, sig, how, output, body, .. } = mutation;
    let [armed, outcome, future] = ["armed", "outcome", "body"].map(names::local);
    let cache = cache(mutation);
    let on = if mutation.only_ok { quote!(Ok) } else { quote!(Any) };
    let early = targets(mutation, &mutation.early);
    let captured = mutation.captured.iter().map(|captured| capture(generated, captured));
    let late = late(mutation);
    let inner_attrs = &body.inner_attrs;
    let future_value = body::future(generated, *how, sig, output, body);
    let statements = answer(
        *how,
        quote! {
            #cache
            #(#captured)*
            let #armed = #generated::Invalidation::armed(#early, #generated::On::#on);
            let #outcome = {
                use #generated::rungs::*;
                (&&#generated::Probe::<#output>::NEW).outcome()
            };
            let #future = #future_value;
            // Not in one: `#[async_trait]` looks into no macro that has an `fn` in it.
            let #future = ::core::pin::pin!(#future);
            #generated::invalidating(#armed, #outcome, #future, #late).await
        },
    );
    let block = body.rebrace(quote!(#(#inner_attrs)* #statements));
    let lint = (*how == How::Future).then(|| quote!(#[allow(clippy::manual_async_fn)]));
    quote!(#(#attrs)* #lint #vis #sig #block)
}

/// The cache that is named, cloned before the body may move what names it.
fn cache(mutation: &Invalidating) -> Option<TokenStream> {
    let (generated, cache) = (&mutation.generated, names::local("cache"));
    mutation.cache.as_ref().map(|expr| {
        quote_spanned! {names::at(expr.span())=>
            let #cache: #generated::Cache = {
                let #cache: &#generated::Cache = &(#expr);
                ::core::clone::Clone::clone(#cache)
            };
        }
    })
}

fn choice(mutation: &Invalidating, span: Span) -> TokenStream {
    let (generated, cache) = (&mutation.generated, names::local("cache"));
    let choice = if mutation.cache.is_some() { quote!(&#cache) } else { quote!(#generated::Ambient) };
    names::tokens_at(&choice, span)
}

fn capture(generated: &TokenStream, captured: &Captured) -> TokenStream {
    let Captured { ident, value, span, is_arg } = captured;
    let generated = names::tokens_at(generated, *span);
    if *is_arg {
        quote_spanned!(names::at(*span)=> let #ident = #generated::Written::new(&(#value));)
    } else {
        quote_spanned! {names::at(*span)=>
            let mut #ident = #generated::KeyBuf::new();
            #generated::KeyPart::write(&#value, &mut #ident);
        }
    }
}

fn late(mutation: &Invalidating) -> TokenStream {
    if mutation.late.is_empty() {
        return quote!(|_| ::std::vec::Vec::new());
    }
    let result = &mutation.result;
    let targets = targets(mutation, &mutation.late);
    quote!(|#result| #targets)
}

/// A list of targets.
fn targets(mutation: &Invalidating, steps: &[Step]) -> TokenStream {
    if steps.iter().all(|step| step.each.is_none()) {
        let targets = steps.iter().map(|step| target(mutation, &step.target));
        return quote!(::std::vec::Vec::from([#(#targets),*]));
    }
    let list = names::local("targets");
    let pushes = steps.iter().map(|Step { target: this, each }| {
        let target = target(mutation, this);
        let push = quote!(#list.push(#target););
        match each {
            // An `Option` is a fine thing to go over here.
            Some((binder, iter)) => quote! {
                #[allow(for_loops_over_fallibles)]
                for #binder in #iter { #push }
            },
            None => push,
        }
    });
    quote!({
        let mut #list = ::std::vec::Vec::new();
        #(#pushes)*
        #list
    })
}

fn target(mutation: &Invalidating, target: &Target) -> TokenStream {
    let generated = &mutation.generated;
    match target {
        Target::Typed { path, args } => {
            let last = path.segments.last().map_or_else(|| path.span(), |segment| segment.ident.span());
            let choice = choice(mutation, last);
            let args = args.iter().map(|arg| match arg {
                Arg::Here(expr) => quote_spanned!(names::at(expr.span())=> &(#expr)),
                Arg::Captured(ident, span) => {
                    let ident = names::tokens_at(&ident.to_token_stream(), *span);
                    quote_spanned!(names::at(*span)=> &#ident)
                }
            });
            let Of { owner, key, target } = of(path);
            quote_spanned!(names::at(last)=> <#owner>::#target(#choice, <#owner>::#key(#(#args),*)))
        }
        Target::Key(pieces) => {
            let buffer = names::local("buffer");
            let choice = choice(mutation, Span::call_site());
            let writes = pieces.iter().map(|piece| match piece {
                KeyText::Text(text) => quote!(#buffer.push_raw(#text);),
                KeyText::Here(place) => {
                    let generated = names::tokens_at(generated, place.span());
                    quote_spanned!(names::at(place.span())=> #generated::KeyPart::write(&#place, &mut #buffer);)
                }
                KeyText::Captured(ident) => quote!(#buffer.push_raw(#ident.as_str());),
            });
            quote! {
                #generated::Target {
                    site: ::core::option::Option::None,
                    cache: #generated::CacheChoice::named(#choice),
                    key: {
                        let mut #buffer = #generated::KeyBuf::new();
                        #(#writes)*
                        ::core::convert::From::from(#buffer)
                    },
                }
            }
        }
    }
}

/// What has the key of a cached function, and what it is called there.
struct Of {
    owner: Path,
    key: TokenStream,
    target: Ident,
}

/// `get_user::<T>` is a type of that name; `Repo::find` is a method, whose functions its type has.
fn of(path: &Path) -> Of {
    let mut owner = path.clone();
    let Some(last) = owner.segments.pop() else {
        return Of { owner, key: quote!(key), target: names::local("target") };
    };
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            let mut arguments = arguments.clone();
            arguments.colon2_token = Some(Default::default());
            Some(arguments)
        }
        _ => None,
    };
    if owner.segments.last().is_some_and(|before| is_type(&before.ident)) && !is_type(&last.ident) {
        owner.segments.pop_punct();
        let method = unraw(&last.ident);
        let key = Ident::new(&format!("{method}_key"), last.ident.span());
        let target = Ident::new(&format!("__cachemacro_{method}_target"), names::at(last.ident.span()));
        return Of { owner, key: quote!(#key #arguments), target };
    }
    let span = last.ident.span();
    let mut last = last;
    last.arguments = PathArguments::None;
    owner.segments.push(last);
    let key = Ident::new("key", span);
    Of { owner, key: quote!(#key #arguments), target: Ident::new("__cachemacro_target", names::at(span)) }
}

/// Types begin with a capital, functions do not.
fn is_type(ident: &Ident) -> bool {
    unraw(ident).chars().next().is_some_and(char::is_uppercase)
}
