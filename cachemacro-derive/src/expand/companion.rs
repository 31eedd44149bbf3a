//! What stands beside a cached function: its key, its site, its body, and what can be done by hand.
//!
//! For a free function it is a type of the same name; for a method, functions in an `impl`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::call::{Ask, Of, invocation, refresh_owned, refresh_owns, run, signature};
use super::key::{self, given, of_given};
use super::{batch, freshness, image, storing, tags};
use crate::model::{CacheSource, Cached, How};
use crate::names;

/// The type beside a free function.
pub(super) fn expand(cached: &Cached, companion: &syn::Ident) -> TokenStream {
    let (generated, all) = (&cached.generated, &cached.attrs.all);
    let (vis, ident) = (&cached.vis, &cached.sig.ident);
    let docs = format!("The key of [`{ident}`](fn@{ident}), and what is stored under it.");
    // They are as visible as the type is: where that is not, the compiler says so once.
    let parts = parts(cached, &quote!(pub));
    let loads = loads(cached);
    let body = body(cached);
    let groups = tags::groups(cached, companion);
    quote! {
        #(#all)*
        // Through a macro, whose name the compiler tells where a type cannot stand: in an `impl`.
        #generated::in_an_impl_add_cache_methods_to_it! { #docs #vis #companion }

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

        #groups
    }
}

/// All but what runs the body.
pub(super) fn parts(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let parts = [
        site(cached, vis),
        key::functions(cached, vis),
        image::function(cached).unwrap_or_default(),
        shape(cached, vis),
        cache(cached),
        target(cached, vis),
        by_hand(cached, vis),
        for_writers(cached, vis),
    ];
    parts.into_iter().collect()
}

/// The function that has the static that the engine counts in, and that the registry lists.
fn site(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let (generated, ident) = (&cached.generated, cached.hidden("site"));
    let value = site_value(cached);
    quote! {
        #[doc(hidden)]
        #vis fn #ident() -> &'static #generated::Site {
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
    let (policy, spec, tags) = (freshness::spec(cached), storing::spec(cached), tags::spec(cached));
    quote! {
        static SITE: #generated::Site = #generated::Site::new(#generated::SiteSpec {
            name: #name,
            path: #path,
            file: ::core::file!(),
            line: ::core::line!(),
            template: #template,
            jitter: #jitter,
            #policy
            #spec
            #tags
            ..#generated::SiteSpec::PLAIN
        });
        #generated::inventory::submit! {
            #generated::Registered(&SITE)
        }
        &SITE
    }
}

/// What the return type means. All that is asked of the value is asked here, once.
fn shape(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let (generated, output) = (&cached.generated, &cached.output);
    let span = names::at(output.span());
    let (ident, value) = (cached.hidden("shape"), storing::known_shape(cached));
    let (declared, clause) = (cached.value_needs.declared(), cached.value_needs.clause());
    let bound = if cached.storing.is_local { quote!(Local) } else { quote!(Cacheable) };
    let bound = names::tokens_at(&bound, span);
    quote_spanned! {span=>
        #[doc(hidden)]
        #vis fn #ident #declared () -> impl #generated::Sharing<Output = #output, Value: #generated::#bound> #clause {
            #value
        }
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
    let given = given(cached);
    let (cache_param, target) = target_of_given(cached);
    let [invalidate, peek] = ["invalidate", "peek"].map(|name| cached.item(name));
    let (declared, clause) = (cached.key_needs.declared(), cached.key_needs.clause());
    let (peek_declared, peek_clause) = (cached.peek_needs.declared(), cached.peek_needs.clause());
    let (shape, turbofish) = (cached.hidden("shape"), cached.value_needs.turbofish());
    if cached.how == How::AtOnce {
        let peeks = quote!(#generated::Result<::core::option::Option<#generated::Peek<#output>>>);
        return quote! {
            /// Removes what is stored for these arguments.
            #vis fn #invalidate #declared (#cache_param #(#given),*) #clause {
                #generated::local::invalidate_now(&#target)
            }

            /// Looks at what is stored for these arguments, and changes nothing.
            ///
            /// # Errors
            ///
            /// It is a value of another type or version.
            #vis fn #peek #peek_declared (#cache_param #(#given),*) -> #peeks #peek_clause {
                #generated::local::peek_now(#target, Self::#shape #turbofish())
            }
        };
    }
    let invalidate = quote! {
        /// Removes what is stored for these arguments.
        ///
        /// # Errors
        ///
        /// The store could not be asked.
        #vis fn #invalidate #declared (#cache_param #(#given),*) -> #generated::Invalidating #clause {
            #generated::invalidate(#target)
        }
    };
    if cached.batch.is_some() {
        return invalidate;
    }
    let reach = storing::reach(cached);
    quote! {
        #invalidate

        /// Looks at what is stored for these arguments, and changes nothing.
        ///
        /// # Errors
        ///
        /// The store could not be asked.
        #vis fn #peek #peek_declared (#cache_param #(#given),*) -> #generated::Peeking<#output> #peek_clause {
            #generated::peek(#target, Self::#shape #turbofish(), #reach)
        }
    }
}

/// What mutations use that guard the key or put a value (`guard`, how far values go and how long they live),
/// and `warm`.
fn for_writers(cached: &Cached, vis: &TokenStream) -> TokenStream {
    let (generated, output) = (&cached.generated, &cached.output);
    let [reach, ttl] = ["reach", "ttl"].map(|name| cached.hidden(name));
    let how_far = storing::reach(cached);
    let same_ttl = match storing::same_ttl(cached) {
        Some(ttl) => quote!(::core::option::Option::Some(#ttl)),
        None => quote!(::core::option::Option::None),
    };
    let hidden = quote! {
        #[doc(hidden)]
        #vis fn #reach() -> #how_far {
            #how_far
        }

        #[doc(hidden)]
        #vis const fn #ttl() -> ::core::option::Option<::core::time::Duration> {
            #same_ttl
        }
    };
    if cached.how == How::AtOnce || cached.batch.is_some() {
        return hidden;
    }
    let [guard, warm] = ["guard", "warm"].map(|name| cached.item(name));
    let [items, at_once, call] = ["items", "at_once", "call"].map(names::local);
    let life = names::lifetime();
    let (cache_param, target) = target_of_given(cached);
    let given = given(cached);
    let [site, shape] = ["site", "shape"].map(|name| cached.hidden(name));
    let turbofish = cached.value_needs.turbofish();
    let (declared, clause) = (cached.peek_needs.declared(), cached.peek_needs.clause());
    quote! {
        #hidden

        /// Guards the key of these arguments, from before a commit to after it.
        ///
        /// # Errors
        ///
        /// The store could not be asked, or has no guards.
        #vis fn #guard #declared (#cache_param #(#given),*) -> #generated::Guarding<#output> #clause {
            #generated::guard(#target, Self::#site(), Self::#shape #turbofish(), #how_far)
        }

        /// Makes a call for each item, so many at once, ahead of those who will need its value.
        #vis fn #warm<#life, CachemacroItems, CachemacroCall>(
            #items: CachemacroItems,
            #at_once: usize,
            #call: CachemacroCall,
        ) -> #generated::Warming<#life, CachemacroItems::IntoIter, CachemacroCall>
        where
            CachemacroItems: ::core::iter::IntoIterator,
        {
            #generated::warm(Self::#site(), #items, #at_once, #call)
        }
    }
}

/// What a function by hand takes first, where the cache depends on the arguments; and the target of what it
/// is given.
fn target_of_given(cached: &Cached) -> (Option<TokenStream>, TokenStream) {
    let (generated, key) = (&cached.generated, of_given(cached));
    let (cache, target) = (names::local("cache"), cached.hidden("target"));
    match cached.cache {
        CacheSource::PerCall(_) => {
            (Some(quote!(#cache: &#generated::Cache,)), quote!(Self::#target(#cache, #key)))
        }
        _ => (None, quote!(Self::#target(#generated::Ambient, #key))),
    }
}

/// `refresh` and `uncached`.
pub(super) fn loads(cached: &Cached) -> TokenStream {
    let vis = &cached.vis;
    let uncached = signature(cached, &cached.item("uncached"), Of::Beside);
    let invocation = invocation(cached, &quote!(Self));
    let revalidate = freshness::revalidate(cached);
    let refresh = cached.batch.is_none().then(|| {
        let (of, run) = match refresh_owns(cached) {
            true => (Of::Beside, refresh_owned(cached)),
            false => (Of::Call, run(cached, Ask::Refresh)),
        };
        let refresh = signature(cached, &cached.item("refresh"), of);
        quote! {
            /// Runs the body, and replaces what is stored for these arguments.
            // Compiled where it is called, if it is.
            #[inline]
            #vis #refresh {
                #run
            }
        }
    });
    let one = cached.batch.as_ref().and_then(|batched| batch::one(cached, batched));
    quote! {
        #revalidate
        #refresh
        #one

        /// Runs the body, and leaves the cache alone.
        #[inline]
        #vis #uncached {
            #invocation
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
