//! What stands beside a cached function: its key, its site, its body, and what can be done by hand.
//!
//! For a free function it is a type of the same name; for a method, functions in an `impl`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::call::{Of, invocation, run, signature};
use super::key::{self, given, of_given};
use crate::model::{CacheSource, Cached, How};
use crate::names;

/// The type beside a free function.
pub(super) fn expand(cached: &Cached, companion: &syn::Ident) -> TokenStream {
    let (all, vis, ident) = (&cached.attrs.all, &cached.vis, &cached.sig.ident);
    let docs = format!("The key of [`{ident}`](fn@{ident}), and what is stored under it.");
    let parts = parts(cached, &vis.to_token_stream());
    let loads = loads(cached);
    let body = body(cached);
    quote! {
        #(#all)*
        #[doc = #docs]
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
        #vis enum #companion {}


        #(#all)*
        #[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #companion {
            #parts
            #loads
        }

        #(#all)*
        // What concerns the signature is said of the function that is called.
        #[allow(dead_code, unreachable_pub, clippy::too_many_arguments)]
        impl #companion {
            #body
        }
    }
}

/// All but what runs the body.
pub(super) fn parts(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let parts = [
        site(cached),
        key::functions(cached, vis),
        shape(cached),
        cache(cached),
        target(cached, vis),
        by_hand(cached, vis),
    ];
    parts.into_iter().collect()
}

/// The function that has the static that the engine counts in, and that the registry lists.
fn site(cached: &Cached) -> TokenStream {
    let (generated, ident) = (&cached.generated, cached.hidden("site"));
    let value = site_value(cached);
    quote! {
        fn #ident() -> &'static #generated::Site {
            #value
        }
    }
}

/// The static, in a block of its own.
pub(super) fn site_value(cached: &Cached) -> TokenStream {
    let (generated, name) = (&cached.generated, &cached.name);
    let (path, template) = (key::path(cached), key::template(cached));
    let jitter = match cached.jitter {
        Some(percent) => quote!(#generated::Jitter::percent(#percent)),
        None => quote!(#generated::Jitter::DEFAULT),
    };
    quote! {
        static SITE: #generated::Site = #generated::Site::new(#generated::SiteSpec {
            name: #name,
            path: #path,
            file: ::core::file!(),
            line: ::core::line!(),
            template: #template,
            jitter: #jitter,
        });
        #generated::inventory::submit! {
            #generated::Registered(&SITE)
        }
        &SITE
    }
}

/// What the return type means. All that is asked of the value is asked here, once.
fn shape(cached: &Cached) -> TokenStream {
    let (generated, output) = (&cached.generated, &cached.output);
    let span = names::at(output.span());
    let (ident, value) = (cached.hidden("shape"), shape_value(cached));
    let (declared, clause) = (cached.value_needs.declared(), cached.value_needs.clause());
    quote_spanned! {span=>
        fn #ident #declared () -> impl #generated::Sharing<Output = #output, Value: #generated::Cacheable> #clause {
            #value
        }
    }
}

/// The question, and its answer.
pub(super) fn shape_value(cached: &Cached) -> TokenStream {
    let (generated, output) = (&cached.generated, &cached.output);
    let shape = names::local("shape");
    quote_spanned! {names::at(output.span())=>
        use #generated::ladder::*;
        let #shape = (&&&&#generated::Probe::<#output>::NEW).shape();
        (&&#shape).sharing()
    }
}

/// The cache that the attribute names, if it does not depend on the arguments.
fn cache(cached: &Cached) -> TokenStream {
    let (generated, ident) = (&cached.generated, cached.hidden("cache"));
    let value = match &cached.cache {
        CacheSource::Ambient => quote!(::core::option::Option::None),
        CacheSource::Fixed(expr) => named_cache(generated, expr),
        CacheSource::PerCall(_) => return TokenStream::new(),
    };
    quote! {
        fn #ident() -> ::core::option::Option<#generated::Cache> {
            #value
        }
    }
}

/// A cache by an expression, which may be one or point to one.
pub(super) fn named_cache(generated: &TokenStream, expr: &Expr) -> TokenStream {
    let cache = names::local("cache");
    quote_spanned! {names::at(expr.span())=> {
        let #cache: &#generated::Cache = &(#expr);
        ::core::option::Option::Some(::core::clone::Clone::clone(#cache))
    }}
}

/// What `#[invalidates(…)]` invalidates.
fn target(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let generated = &cached.generated;
    let [choice, key] = ["choice", "key"].map(names::local);
    let [ident, site, cache] = ["target", "site", "cache"].map(|name| cached.hidden(name));
    let (bound, or_own) = match cached.cache {
        CacheSource::PerCall(_) => (quote!(NamedCache), TokenStream::new()),
        _ => (quote!(CacheChoice), quote!(.or_else(Self::#cache))),
    };
    quote! {
        #[doc(hidden)]
        #vis fn #ident(#choice: impl #generated::#bound, #key: #generated::Key) -> #generated::Target {
            #generated::Target {
                site: ::core::option::Option::Some(Self::#site()),
                cache: #generated::CacheChoice::named(#choice)#or_own,
                key: #key,
            }
        }
    }
}

/// `invalidate` and `peek`.
fn by_hand(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let (generated, output) = (&cached.generated, &cached.output);
    let (given, key) = (given(cached), of_given(cached));
    let cache = names::local("cache");
    let target = cached.hidden("target");
    let (cache_param, target) = match cached.cache {
        CacheSource::PerCall(_) => {
            (Some(quote!(#cache: &#generated::Cache,)), quote!(Self::#target(#cache, #key)))
        }
        _ => (None, quote!(Self::#target(#generated::Ambient, #key))),
    };
    let [invalidate, peek] = ["invalidate", "peek"].map(|name| cached.item(name));
    let (declared, clause) = (cached.key_needs.declared(), cached.key_needs.clause());
    let (peek_declared, peek_clause) = (cached.peek_needs.declared(), cached.peek_needs.clause());
    let (shape, turbofish) = (cached.hidden("shape"), cached.value_needs.turbofish());
    quote! {
        /// Removes what is stored for these arguments.
        ///
        /// # Errors
        ///
        /// The store could not be asked.
        #vis async fn #invalidate #declared (#cache_param #(#given),*) -> #generated::Result<()> #clause {
            #generated::invalidate(#target).await
        }

        /// Looks at what is stored for these arguments, and changes nothing.
        ///
        /// # Errors
        ///
        /// The store could not be asked.
        #vis async fn #peek #peek_declared (#cache_param #(#given),*)
            -> #generated::Result<::core::option::Option<#generated::Peek<#output>>>
            #peek_clause
        {
            #generated::peek(#target, Self::#shape #turbofish()).await
        }
    }
}

/// `refresh` and `uncached`.
pub(super) fn loads(cached: &Cached) -> TokenStream {
    let vis = &cached.vis;
    let refresh = signature(cached, &cached.item("refresh"), Of::Call);
    let uncached = signature(cached, &cached.item("uncached"), Of::Call);
    let run = run(cached, &quote!(refresh));
    let invocation = invocation(cached, &quote!(Self));
    let uncached_body = match cached.how {
        How::Async => quote!(#invocation.await),
        How::Future | How::Boxed => invocation,
    };
    quote! {
        /// Runs the body, and replaces what is stored for these arguments.
        #vis #refresh {
            #run
        }

        /// Runs the body, and leaves the cache alone.
        #vis #uncached {
            #uncached_body
        }
    }
}

/// The function with the body, which is written nowhere else.
pub(super) fn body(cached: &Cached) -> TokenStream {
    let attrs = &cached.attrs.body;
    let signature = signature(cached, &cached.body_ident, Of::Body);
    let inner_attrs = &cached.body.inner_attrs;
    let tokens = &cached.body.tokens;
    let block = cached.body.rebrace(quote!(#(#inner_attrs)* #tokens));
    quote! {
        #(#attrs)*
        #signature #block
    }
}
