//! A mutation, with what it invalidates armed before its body and completed after it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Path, Signature, Type, Visibility};

use super::body;
use super::call::answer;
use super::of::Of;
use super::registered;
use crate::attr::Guards;
use crate::model::{Arg, Captured, How, Invalidating, KeyText, Step, Target, mask};
use crate::names;
use crate::parse::Body;

pub(super) fn expand(mutation: &Invalidating) -> TokenStream {
    let Invalidating { generated, attrs, vis, sig, how, output, body, .. } = mutation;
    let [armed, outcome, future] = ["armed", "outcome", "body"].map(names::local);
    let cache = cache(mutation);
    let on = if mutation.only_ok { quote!(Ok) } else { quote!(Any) };
    let early = targets(mutation, &mutation.early);
    let captured = mutation.captured.iter().map(|captured| capture(generated, captured));
    let late = late(mutation);
    let future_value = body::future(generated, *how, sig, output, body);
    let guards = match mutation.guards {
        None => quote!(Tried),
        Some(Guards::Required) => quote!(Required),
        Some(Guards::Off) => quote!(Off),
    };
    let begin = (mutation.guards == Some(Guards::Required))
        .then(|| refused(generated, &quote!(#armed.begin().await), output));
    // The body has the parameter itself.
    let pending = names::local("pending");
    let share = mutation.pending.as_ref().map(|param| {
        let span = names::at(param.span());
        let generated = names::tokens_at(generated, span);
        quote_spanned!(span=> let #pending = #generated::share(&#param);)
    });
    let run = match share {
        Some(_) => quote!(#generated::invalidating_at_commit(#armed, #pending, #outcome, #future, #late)),
        None => quote!(#generated::invalidating(#armed, #outcome, #future, #late)),
    };
    let registered = registered(mutation);
    let statements = answer(
        *how,
        quote! {
            #registered
            #cache
            #(#captured)*
            #share
            #[allow(unused_mut)]
            let mut #armed =
                #generated::Invalidation::armed(#early, #generated::On::#on, #generated::Guards::#guards);
            #begin
            let #outcome = {
                use #generated::rungs::*;
                (&&#generated::Probe::<#output>::NEW).outcome()
            };
            let #future = #future_value;
            // Not in one: `#[async_trait]` looks into no macro that has an `fn` in it.
            let #future = ::core::pin::pin!(#future);
            #run.await
        },
    );
    wrapped(attrs, *how, vis, sig, body, statements)
}

/// What the graph of who invalidates what is told.
fn registered(mutation: &Invalidating) -> TokenStream {
    let generated = &mutation.generated;
    let entries = mutation.early.iter().chain(&mutation.late).map(|step| match &step.target {
        Target::Typed { path, .. } | Target::Group { path, .. } => registered::function(generated, path),
        Target::Tag(pieces) => {
            let template = template(generated, pieces);
            quote!(#generated::Entry::Tag(#template))
        }
        Target::Key(pieces) => {
            let template = template(generated, pieces);
            quote!(#generated::Entry::Key(#template))
        }
        Target::Pattern(pieces) => {
            let template = template(generated, pieces);
            quote!(#generated::Entry::Pattern(#template))
        }
    });
    registered::mutation(generated, &mutation.sig.ident, false, &entries.collect::<Vec<_>>())
}

fn template(generated: &TokenStream, pieces: &[KeyText]) -> TokenStream {
    let pieces = pieces.iter().map(|piece| match piece {
        KeyText::Text(text) => quote!(#generated::Piece::Text(#text)),
        KeyText::Here(hole, _) | KeyText::Captured(hole, _) => quote!(#generated::Piece::Hole(#hole)),
    });
    quote!(#generated::Template(&[#(#pieces),*]))
}

/// The function of a mutation, with other statements in it.
pub(super) fn wrapped(
    attrs: &[Attribute],
    how: How,
    vis: &Visibility,
    sig: &Signature,
    body: &Body,
    statements: TokenStream,
) -> TokenStream {
    let inner_attrs = &body.inner_attrs;
    let block = body.rebrace(quote!(#(#inner_attrs)* #statements));
    let lint = (how == How::Future).then(|| quote!(#[allow(clippy::manual_async_fn)]));
    quote!(#(#attrs)* #lint #vis #sig #block)
}

/// Does not run the mutation where a guard is required and could not be had.
pub(super) fn refused(generated: &TokenStream, begin: &TokenStream, output: &Type) -> TokenStream {
    let error = names::local("error");
    let refused = quote_spanned! {names::at(output.span())=>
        <#output as #generated::Refusable>::refused(#error)
    };
    quote! {
        if let ::core::result::Result::Err(#error) = #begin {
            return #refused;
        }
    }
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
    let one = match target {
        Target::Typed { path, args } => typed(mutation, path, args),
        Target::Key(pieces) => key(mutation, pieces),
        Target::Pattern(pieces) => return pattern(mutation, pieces),
        Target::Tag(pieces) => return tag(mutation, pieces),
        Target::Group { path, args, places } => return group(mutation, path, args, places),
    };
    quote!(#generated::Targets::One(#one))
}

fn given(args: &[Arg]) -> Vec<TokenStream> {
    let given = args.iter().map(|arg| match arg {
        Arg::Here(expr) => quote_spanned!(names::at(expr.span())=> &(#expr)),
        Arg::Captured(ident, span) => {
            let ident = names::tokens_at(&ident.to_token_stream(), *span);
            quote_spanned!(names::at(*span)=> &#ident)
        }
    });
    given.collect()
}

fn typed(mutation: &Invalidating, path: &Path, args: &[Arg]) -> TokenStream {
    let last = path.segments.last().map_or_else(|| path.span(), |segment| segment.ident.span());
    let choice = choice(mutation, last);
    let args = given(args);
    let of = Of::path(path);
    let Of { owner, arguments, .. } = &of;
    let (target, key) = (of.hidden("target"), of.item("key"));
    quote_spanned!(names::at(last)=> <#owner>::#target(#choice, <#owner>::#key #arguments (#(#args),*)))
}

/// A function of that name that has no such group is told so by the trait.
fn group(mutation: &Invalidating, path: &Path, args: &[Arg], places: &[usize]) -> TokenStream {
    let last = path.segments.last().map_or_else(|| path.span(), |segment| segment.ident.span());
    let choice = choice(mutation, last);
    let (args, mask) = (given(args), mask(places.iter().copied()));
    let of = Of::path(path);
    let (owner, target) = (&of.owner, of.hidden("target"));
    let generated = names::tokens_at(&mutation.generated, last);
    quote_spanned! {names::at(last)=>
        #generated::Targets::Tagged {
            cache: <#owner>::#target(#choice, #generated::Key::new("")).cache,
            tag: #generated::group::<#owner, #mask, _>(&(#(#args,)*)),
        }
    }
}

fn tag(mutation: &Invalidating, pieces: &[KeyText]) -> TokenStream {
    let (generated, buffer) = (&mutation.generated, names::local("buffer"));
    let choice = choice(mutation, Span::call_site());
    let writes = writes(generated, &buffer, pieces);
    quote! {
        #generated::Targets::Tagged {
            cache: #generated::CacheChoice::named(#choice),
            tag: {
                let mut #buffer = #generated::KeyBuf::new();
                #writes
                #generated::tag(#buffer)
            },
        }
    }
}

fn writes(generated: &TokenStream, buffer: &syn::Ident, pieces: &[KeyText]) -> TokenStream {
    let writes = pieces.iter().map(|piece| match piece {
        KeyText::Text(text) => quote!(#buffer.push_raw(#text);),
        KeyText::Here(_, place) => {
            let generated = names::tokens_at(generated, place.span());
            quote_spanned!(names::at(place.span())=> #generated::KeyPart::write(&#place, &mut #buffer);)
        }
        KeyText::Captured(_, ident) => quote!(#buffer.push_raw(#ident.as_str());),
    });
    writes.collect()
}

fn key(mutation: &Invalidating, pieces: &[KeyText]) -> TokenStream {
    let (generated, buffer) = (&mutation.generated, names::local("buffer"));
    let choice = choice(mutation, Span::call_site());
    let writes = writes(generated, &buffer, pieces);
    quote! {
        #generated::Target {
            site: ::core::option::Option::None,
            cache: #generated::CacheChoice::named(#choice),
            key: {
                let mut #buffer = #generated::KeyBuf::new();
                #writes
                ::core::convert::From::from(#buffer)
            },
        }
    }
}

fn pattern(mutation: &Invalidating, pieces: &[KeyText]) -> TokenStream {
    let (generated, buffer) = (&mutation.generated, names::local("buffer"));
    let choice = choice(mutation, Span::call_site());
    let writes = pieces.iter().map(|piece| match piece {
        KeyText::Text(text) => quote!(#buffer.push_glob(#text);),
        KeyText::Here(_, place) => {
            quote_spanned!(names::at(place.span())=> #buffer.push_part(&#place);)
        }
        KeyText::Captured(_, ident) => quote!(#buffer.push_written(&#ident);),
    });
    quote! {
        #generated::Targets::Matching {
            cache: #generated::CacheChoice::named(#choice),
            pattern: {
                let mut #buffer = #generated::PatternBuf::new();
                #(#writes)*
                ::core::convert::From::from(#buffer)
            },
        }
    }
}
