//! The type beside a cached function: its key, its site, its body, and what can be done by hand.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::cache_result::{invocation, run, signature};
use super::{handles, storing};
use crate::model::{CacheSource, Cached, KeyPiece, Param, Role, with_one_lifetime};
use crate::names;
use crate::parse::unraw;

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let (all, vis, ident) = (&cached.attrs.all, &cached.vis, &cached.sig.ident);
    let docs = format!("The key of [`{ident}`](fn@{ident}), and what is stored under it.");
    let parts = [
        site(cached),
        key(cached),
        shape(cached),
        cache(cached),
        target(cached),
        by_hand(cached),
        loads(cached),
        handles::check(cached),
    ];
    let body = body(cached);
    quote! {
        #(#all)*
        #[doc = #docs]
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
        #vis enum #ident {}


        #(#all)*
        #[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #ident {
            #(#parts)*
        }

        #(#all)*
        // What concerns the signature is said of the function that is called.
        #[allow(dead_code, unreachable_pub, clippy::too_many_arguments)]
        impl #ident {
            #body
        }
    }
}

/// The static that the engine counts in, and that the registry lists.
fn site(cached: &Cached) -> TokenStream {
    let (generated, name) = (&cached.generated, &cached.name);
    let path = path(cached);
    let jitter = match cached.jitter {
        Some(percent) => quote!(#generated::Jitter::percent(#percent)),
        None => quote!(#generated::Jitter::DEFAULT),
    };
    let (spec, site_vis) = (storing::spec(cached), &cached.vis);
    let pieces = cached.key.iter().map(|piece| match piece {
        KeyPiece::Text(text) => quote!(#generated::Piece::Text(#text)),
        KeyPiece::FunctionPath => quote!(#generated::Piece::Text(#path)),
        KeyPiece::Hole(hole, _) => {
            let text = &hole.text;
            quote!(#generated::Piece::Hole(#text))
        }
    });
    quote! {
        #[doc(hidden)]
        #site_vis fn __cachemacro_site() -> &'static #generated::Site {
            static SITE: #generated::Site = #generated::Site::new(#generated::SiteSpec {
                name: #name,
                path: #path,
                file: ::core::file!(),
                line: ::core::line!(),
                template: #generated::Template(&[#(#pieces),*]),
                jitter: #jitter,
                #spec
                ..#generated::SiteSpec::PLAIN
            });
            #generated::inventory::submit! {
                #generated::Registered(&SITE)
            }
            &SITE
        }
    }
}

fn path(cached: &Cached) -> TokenStream {
    let name = format!("::{}", unraw(&cached.sig.ident));
    quote!(::core::concat!(::core::module_path!(), #name))
}

/// Two ways to the key: from the function's arguments, and from whatever stands for the same keys.
///
/// The second one asks no more than `KeyPart` of what it is given, so that a parameter that is none
/// is reported where its type is written, and not again at each call.
fn key(cached: &Cached) -> TokenStream {
    let (generated, vis) = (&cached.generated, &cached.vis);
    let buffer = names::local("buffer");
    let typed = key_params(cached).map(|param| {
        let (ident, ty) = (&param.ident, with_one_lifetime(param.bare_type()).0);
        quote!(#ident: &#ty)
    });
    let any = key_params(cached).map(|param| {
        let (ident, ty) = (&param.ident, with_one_lifetime(param.bare_type()).0);
        match param.role {
            Role::Fields => quote!(#ident: &#ty),
            _ => quote!(#ident: &impl #generated::KeyPart),
        }
    });
    let write_typed = writes(cached, &buffer, |param| {
        let (ty, span) = (with_one_lifetime(param.bare_type()).0, names::at(param.bare_type().span()));
        let generated = names::tokens_at(generated, span);
        quote_spanned!(span=> <#ty as #generated::KeyPart>::write)
    });
    let write_any = writes(cached, &buffer, |_| quote!(#generated::KeyPart::write));
    let (lifetime, given, key) = (lifetime(cached), given(cached), key_of_given(cached));
    quote! {
        fn __cachemacro_key #lifetime (#(#typed),*) -> #generated::KeyBuf {
            let mut #buffer = #generated::KeyBuf::new();
            #write_typed
            #buffer
        }

        fn __cachemacro_key_of #lifetime (#(#any),*) -> #generated::Key {
            let mut #buffer = #generated::KeyBuf::new();
            #write_any
            ::core::convert::From::from(#buffer)
        }

        /// The key of these arguments.
        #[must_use]
        #vis fn key #lifetime (#(#given),*) -> #generated::Key {
            #key
        }
    }
}

/// The key, from the parameters of the companion's functions.
fn key_of_given(cached: &Cached) -> TokenStream {
    let generated = &cached.generated;
    let args = key_params(cached).map(|param| {
        let (ident, ty) = (&param.ident, with_one_lifetime(param.bare_type()).0);
        match param.role {
            Role::Fields => quote!(#generated::ArgRef::<#ty>::arg_ref(&#ident)),
            _ => quote!(&#ident),
        }
    });
    quote!(Self::__cachemacro_key_of(#(#args),*))
}

/// Writes the key, from references to the parameters; `write` writes all of one.
fn writes(cached: &Cached, buffer: &Ident, write: impl Fn(&Param) -> TokenStream) -> TokenStream {
    let generated = &cached.generated;
    let piece = |piece: &KeyPiece| match piece {
        KeyPiece::Text(text) => quote!(#buffer.push_raw(#text);),
        KeyPiece::FunctionPath => {
            let path = path(cached);
            quote!(#buffer.push_raw(#path);)
        }
        KeyPiece::Hole(hole, span) => {
            let param = key_params(cached).find(|param| param.name == hole.root);
            let param = param.expect("a hole is a parameter, or computed: model checks it");
            let value = &param.ident;
            if hole.is_hash {
                let span = names::at(*span);
                let generated = names::tokens_at(generated, span);
                let fields = &hole.fields;
                let place = names::tokens_at(&quote!(#value #(.#fields)*), span);
                let place = if fields.is_empty() { place } else { quote_spanned!(span=> &#place) };
                return quote_spanned!(span=> #generated::KeyPart::write(&#generated::Hashed(#place), &mut #buffer););
            }
            if hole.fields.is_empty() {
                let write = write(param);
                return quote!(#write(#value, &mut #buffer););
            }
            let span = names::at(*span);
            let generated = names::tokens_at(generated, span);
            let place = hole.fields.iter().fold(quote!(#value), |place, field| {
                let field = names::tokens_at(&field.to_token_stream(), span);
                quote_spanned!(span=> #place.#field)
            });
            quote_spanned!(span=> #generated::KeyPart::write(&#place, &mut #buffer);)
        }
    };
    cached.key.iter().map(piece).collect()
}

/// The parameters that are in the key, and then what is computed for it.
pub(super) fn key_params(cached: &Cached) -> impl Iterator<Item = &Param> {
    let computed = cached.computed.iter().map(|computed| &computed.param);
    cached.params.iter().filter(|param| param.role != Role::Skipped).chain(computed)
}

/// The parameters of the companion's functions: those that are in the key.
fn given(cached: &Cached) -> Vec<TokenStream> {
    let generated = &cached.generated;
    let given = |param: &Param| {
        let (ident, ty) = (&param.ident, with_one_lifetime(param.bare_type()).0);
        match param.role {
            Role::Fields => quote!(#ident: impl #generated::ArgRef<#ty>),
            _ => quote!(#ident: impl #generated::KeyFor<#ty>),
        }
    };
    key_params(cached).map(given).collect()
}

/// The lifetime of the types in the key, if they have one.
fn lifetime(cached: &Cached) -> Option<TokenStream> {
    let lifetime = names::lifetime();
    key_params(cached).any(|param| with_one_lifetime(param.bare_type()).1).then(|| quote!(<#lifetime>))
}

/// What the return type means. All that is asked of the value is asked here, once.
fn shape(cached: &Cached) -> TokenStream {
    let (generated, output, vis) = (&cached.generated, &cached.output, &cached.vis);
    let span = names::at(output.span());
    let known = storing::known_shape(cached);
    let bound = if cached.storing.is_local { quote!(Local) } else { quote!(Cacheable) };
    let bound = names::tokens_at(&bound, span);
    quote_spanned! {span=>
        #[doc(hidden)]
        #vis fn __cachemacro_shape() -> impl #generated::Sharing<Output = #output, Value: #generated::#bound> {
            #known
        }
    }
}

/// The cache that the attribute names, if it does not depend on the arguments.
fn cache(cached: &Cached) -> TokenStream {
    let generated = &cached.generated;
    let value = match &cached.cache {
        CacheSource::Ambient => quote!(::core::option::Option::None),
        CacheSource::Fixed(expr) => named_cache(generated, expr),
        CacheSource::PerCall(_) => return TokenStream::new(),
    };
    quote! {
        fn __cachemacro_cache() -> ::core::option::Option<#generated::Cache> {
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
fn target(cached: &Cached) -> TokenStream {
    let (generated, vis) = (&cached.generated, &cached.vis);
    let [choice, key] = ["choice", "key"].map(names::local);
    let (bound, or_own) = match cached.cache {
        CacheSource::PerCall(_) => (quote!(NamedCache), TokenStream::new()),
        _ => (quote!(CacheChoice), quote!(.or_else(Self::__cachemacro_cache))),
    };
    quote! {
        #[doc(hidden)]
        #vis fn __cachemacro_target(#choice: impl #generated::#bound, #key: #generated::Key) -> #generated::Target {
            #generated::Target {
                site: ::core::option::Option::Some(Self::__cachemacro_site()),
                cache: #generated::CacheChoice::named(#choice)#or_own,
                key: #key,
            }
        }
    }
}

/// `invalidate` and `peek`.
fn by_hand(cached: &Cached) -> TokenStream {
    let (generated, vis, output) = (&cached.generated, &cached.vis, &cached.output);
    let lifetime = lifetime(cached);
    let given = given(cached);
    let key = key_of_given(cached);
    let cache = names::local("cache");
    let (cache_param, target) = match cached.cache {
        CacheSource::PerCall(_) => {
            (Some(quote!(#cache: &#generated::Cache,)), quote!(Self::__cachemacro_target(#cache, #key)))
        }
        _ => (None, quote!(Self::__cachemacro_target(#generated::Ambient, #key))),
    };
    let peeks = quote!(#generated::Result<::core::option::Option<#generated::Peek<#output>>>);
    if !storing::is_async(cached) {
        return quote! {
            /// Removes what is stored for these arguments.
            #vis fn invalidate #lifetime (#cache_param #(#given),*) {
                #generated::local::invalidate_now(&#target)
            }

            /// Looks at what is stored for these arguments, and changes nothing.
            ///
            /// # Errors
            ///
            /// It is a value of another type or version.
            #vis fn peek #lifetime (#cache_param #(#given),*) -> #peeks {
                #generated::local::peek_now(#target, Self::__cachemacro_shape())
            }
        };
    }
    let peek = if cached.storing.is_local { quote!(local::peek) } else { quote!(peek) };
    quote! {
        /// Removes what is stored for these arguments.
        ///
        /// # Errors
        ///
        /// The store could not be asked.
        #vis async fn invalidate #lifetime (#cache_param #(#given),*) -> #generated::Result<()> {
            #generated::invalidate(#target).await
        }

        /// Looks at what is stored for these arguments, and changes nothing.
        ///
        /// # Errors
        ///
        /// The store could not be asked.
        #vis async fn peek #lifetime (#cache_param #(#given),*) -> #peeks {
            #generated::#peek(#target, Self::__cachemacro_shape()).await
        }
    }
}

/// `refresh` and `uncached`.
fn loads(cached: &Cached) -> TokenStream {
    let (vis, body_ident) = (&cached.vis, &cached.body_ident);
    let [refresh_ident, uncached_ident] = ["refresh", "uncached"].map(|name| quote::format_ident!("{name}"));
    let refresh = signature(cached, &refresh_ident, false);
    let uncached = signature(cached, &uncached_ident, false);
    let run = run(cached, &refresh_ident.to_token_stream());
    let args = cached.params.iter().map(|param| &param.ident);
    let invocation = invocation(cached, quote!(Self::#body_ident(#(#args),*)));
    let dot_await = storing::is_async(cached).then(|| quote!(.await));
    quote! {
        /// Runs the body, and replaces what is stored for these arguments.
        #vis #refresh {
            #run
        }

        /// Runs the body, and leaves the cache alone.
        #vis #uncached {
            #invocation #dot_await
        }
    }
}

/// The function with the body, which is written nowhere else.
fn body(cached: &Cached) -> TokenStream {
    let attrs = &cached.attrs.body;
    let signature = signature(cached, &cached.body_ident, true);
    let inner_attrs = &cached.body.inner_attrs;
    let tokens = &cached.body.tokens;
    let block = cached.body.rebrace(quote!(#(#inner_attrs)* #tokens));
    quote! {
        #(#attrs)*
        #signature #block
    }
}
