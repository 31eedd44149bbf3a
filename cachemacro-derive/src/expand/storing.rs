//! What is handed over with a call: how long its value lives and whether it is kept, and how far it goes.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::of::Of;
use crate::attr::{Codec, Ttl, Wrapping};
use crate::model::{Cached, How, Storing};
use crate::names;

/// The engine's function `read` or `refresh`, for this way to answer.
pub(super) fn engine(cached: &Cached, how: &TokenStream) -> TokenStream {
    let generated = &cached.generated;
    match cached.how {
        How::AtOnce => {
            let now = quote::format_ident!("{}_now", how.to_string());
            quote!(#generated::local::#now)
        }
        How::Async | How::Future | How::Boxed => quote!(#generated::#how),
    }
}

/// Whether more is said of a value than a duration.
pub(super) fn has_clauses(cached: &Cached) -> bool {
    let Storing { when, unless, negative_ttl, pending, .. } = &cached.storing;
    !pending.is_empty()
        || when.is_some()
        || unless.is_some()
        || negative_ttl.is_some()
        || matches!(cached.ttl, Ttl::ByValue(_))
}

/// The shape as a type that is known, for closures that look at a value.
pub(super) fn known_shape(cached: &Cached) -> TokenStream {
    let (generated, output) = (&cached.generated, &cached.output);
    let span = names::at(output.span());
    let shape = names::local("shape");
    let climb = match cached.storing.negative_ttl {
        Some(_) => quote!((&&&#generated::Probe::<#output>::NEW).shape_with_none()),
        None => quote!((&&&&#generated::Probe::<#output>::NEW).shape()),
    };
    let climb = names::tokens_at(&climb, span);
    quote_spanned! {span=>
        use #generated::ladder::*;
        let #shape = #climb;
        (&&#shape).sharing()
    }
}

/// What the call says of its value; `shape` is the variable that holds the known shape.
pub(super) fn terms(cached: &Cached) -> TokenStream {
    if !has_clauses(cached) {
        return ttl(&cached.ttl);
    }
    let (generated, shape) = (&cached.generated, names::local("shape"));
    let Storing { when, unless, negative_ttl, pending, .. } = &cached.storing;
    let when = match when {
        Some(expr) => quote_spanned! {names::at(expr.span())=> {
            let when: bool = #expr;
            when
        }},
        None => quote!(true),
    };
    let when = quote!(#when #(&& !{
        use #generated::asked::*;
        (&&#generated::Asked(&#pending)).is_pending()
    })*);
    let by_value = match &cached.ttl {
        Ttl::ByValue(closure) => quote!(#closure),
        other => {
            let (ttl, value) = (ttl(other), names::local("ttl"));
            quote!({
                let #value = #ttl;
                move |_| #value
            })
        }
    };
    let unless = match unless {
        Some(closure) => quote!(#closure),
        None => quote!(|_| false),
    };
    let negative = negative_ttl.map_or_else(|| quote!(::core::time::Duration::ZERO), fixed);
    quote!(#generated::clauses(&#shape, #when, #by_value, #unless, #negative))
}

fn ttl(ttl: &Ttl) -> TokenStream {
    match ttl {
        Ttl::Fixed(duration) => fixed(*duration),
        Ttl::Expr(expr) | Ttl::ByValue(expr) => quote_spanned! {names::at(expr.span())=> {
            let ttl: ::core::time::Duration = #expr;
            ttl
        }},
    }
}

pub(super) fn fixed(duration: std::time::Duration) -> TokenStream {
    let millis = u64::try_from(duration.as_millis()).expect("ten years at most");
    let (number, unit) = match millis % 1000 {
        0 => (Literal::u64_unsuffixed(millis / 1000), quote!(from_secs)),
        _ => (Literal::u64_unsuffixed(millis), quote!(from_millis)),
    };
    quote!(::core::time::Duration::#unit(#number))
}

/// The fields of the site's spec that this says.
pub(super) fn spec(cached: &Cached) -> TokenStream {
    let generated = &cached.generated;
    let Storing { version, codec, value_bytes_max, memory, is_local, is_strict, shares, .. } =
        &cached.storing;
    let version = (*version != 0).then(|| quote!(version: #version,));
    let codec = codec.as_ref().map(|Codec { format, wrapping }| {
        let how = match wrapping {
            Wrapping::Plain => quote!(plain),
            Wrapping::Compressed => quote!(compressed),
            Wrapping::Raw => quote!(raw),
        };
        let encoding =
            quote_spanned!(format.span()=> #generated::Encoding::#how(#generated::Format::#format));
        quote!(encoding: ::core::option::Option::Some(#encoding),)
    });
    let value_bytes_max = value_bytes_max.map(|bytes| quote!(value_bytes_max: #bytes,));
    let memory = memory.map(|bytes| quote!(memory: ::core::option::Option::Some(#bytes),));
    let is_local = is_local.then(|| quote!(is_local: true,));
    let is_strict = is_strict.then(|| quote!(is_strict: true,));
    let shares = shares.as_ref().map(|path| {
        let span = names::at(path.span());
        let (shape, of) = (known_shape(cached), Of::path(path));
        let (owner, arguments) = (&of.owner, &of.arguments);
        let [theirs, site] = ["shape", "site"].map(|name| of.hidden(name));
        let sharing = quote_spanned! {span=>
            #generated::Shares::new({ #shape }, <#owner>::#theirs #arguments (), <#owner>::#site())
        };
        quote!(shares: ::core::option::Option::Some(|| #sharing),)
    });
    let ttl = same_ttl(cached).map(|ttl| quote!(ttl: ::core::option::Option::Some(#ttl),));
    quote!(#ttl #version #codec #value_bytes_max #memory #is_local #is_strict #shares)
}

/// How long every value lives, if the attribute says that of all of them alike.
pub(super) fn same_ttl(cached: &Cached) -> Option<TokenStream> {
    let Storing { when, unless, .. } = &cached.storing;
    if cached.freshness.ttl_class.is_some() {
        return None;
    }
    match &cached.ttl {
        Ttl::Fixed(duration) if when.is_none() && unless.is_none() => Some(fixed(*duration)),
        _ => None,
    }
}

/// How far its values go.
pub(super) fn reach(cached: &Cached) -> TokenStream {
    let generated = &cached.generated;
    let reach = if cached.storing.is_local { quote!(InProcess) } else { quote!(Anywhere) };
    quote!(#generated::#reach)
}
