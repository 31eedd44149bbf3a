//! A mutation that guards a key before its body, and stores its value after it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::call::answer;
use super::invalidates::{refused, wrapped};
use super::of::Of;
use super::registered::{self, is_generic};
use super::{body, storing};
use crate::attr::PutTtl;
use crate::model::Putting;
use crate::names;

pub(super) fn expand(putting: &Putting) -> TokenStream {
    let Putting { generated, sig, how, output, body, path, args, .. } = putting;
    let [armed, future, cached, shape, outcome, cache] =
        ["armed", "body", "cached", "shape", "outcome", "cache"].map(names::local);
    let last = path.segments.last().map_or_else(|| path.span(), |segment| segment.ident.span());
    let of = Of::path(path);
    let Of { owner, arguments, .. } = &of;
    let [target, site, their_shape, reach] = ["target", "site", "shape", "reach"].map(|name| of.hidden(name));
    let key = of.item("key");
    let registered =
        registered::mutation(generated, &sig.ident, true, &[registered::function(generated, path)]);
    let args = args.iter().map(|arg| quote_spanned!(names::at(arg.span())=> &(#arg)));
    let choice = match &putting.cache {
        Some(expr) => quote_spanned!(names::at(expr.span())=> {
            let #cache: &#generated::Cache = &(#expr);
            #cache
        }),
        None => names::tokens_at(&quote!(#generated::Ambient), last),
    };
    let ttl = ttl(putting, &of);
    let guards = if putting.is_guard_required { quote!(Required) } else { quote!(Tried) };
    let begin = quote!(#armed.begin(#generated::Guards::#guards).await);
    let begin = match putting.is_guard_required {
        true => refused(generated, &begin, output),
        false => quote!(let _ = #begin;),
    };
    let future_value = body::future(generated, *how, sig, output, body);
    let put = quote_spanned!(names::at(output.span())=> #generated::putting);
    let generated_there = names::tokens_at(generated, names::at(output.span()));
    let fits = quote_spanned!(names::at(output.span())=> #generated_there::fits);
    let known =
        quote_spanned!(names::at(last)=> <#owner>::#target(#choice, <#owner>::#key #arguments (#(#args),*)));
    let statements = answer(
        *how,
        quote! {
            #registered
            let mut #armed = #generated::WriteThrough::armed(#known, <#owner>::#site(), #ttl);
            #begin
            let #cached = <#owner>::#their_shape #arguments ();
            let #shape = {
                use #generated::ladder::*;
                (&&&&#generated::Probe::<#output>::NEW).shape()
            };
            let #outcome = {
                use #generated::rungs::*;
                (&&#generated::Probe::<#output>::NEW).outcome()
            };
            #fits(&#cached, &#shape);
            let #future = #future_value;
            // Not in one: `#[async_trait]` looks into no macro that has an `fn` in it.
            let #future = ::core::pin::pin!(#future);
            #put(#armed, #cached, <#owner>::#reach(), #shape, #outcome, #future).await
        },
    );
    wrapped(&putting.attrs, *how, &putting.vis, sig, body, statements)
}

/// How long the value lives: as the attribute says, or else as the function says of all its values.
fn ttl(putting: &Putting, of: &Of) -> TokenStream {
    match &putting.ttl {
        Some(PutTtl::Fixed(duration)) => storing::fixed(*duration),
        Some(PutTtl::Expr(expr)) => quote_spanned! {names::at(expr.span())=> {
            let ttl: ::core::time::Duration = #expr;
            ttl
        }},
        None => {
            let (owner, ttl) = (&of.owner, of.hidden("ttl"));
            let function =
                putting.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            let message = format!(
                "`{function}` decides for each value how long it lives, or whether it is kept; add a `ttl` to `#[cache_put(…)]`"
            );
            let span = names::at(putting.path.span());
            let ttl = quote_spanned! {span=>
                match <#owner>::#ttl() {
                    ::core::option::Option::Some(ttl) => ttl,
                    ::core::option::Option::None => ::core::panic!(#message),
                }
            };
            // An item is looked at by `cargo check` too; it cannot name what is generic here.
            match is_generic(&putting.path) {
                true => quote_spanned!(span=> const { #ttl }),
                false => quote_spanned!(span=> {
                    const TTL: ::core::time::Duration = #ttl;
                    TTL
                }),
            }
        }
    }
}
