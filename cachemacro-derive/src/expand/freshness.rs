//! What is generated for a function that says more of time than a `ttl`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::call::{self, Of};
use super::{key, storing, tags};
use crate::model::{Cached, Freshness, How, borrow_of};
use crate::names;

/// The field of the site's spec.
pub(super) fn spec(cached: &Cached) -> Option<TokenStream> {
    let generated = &cached.generated;
    let Freshness { ttl_class, idle, stale_while_revalidate, stale_if_error, early, timeout, refresh_every } =
        &cached.freshness;
    if !cached.freshness.is_any() {
        return None;
    }
    let window = |window: &Option<_>| window.map_or(quote!(::core::time::Duration::ZERO), storing::fixed);
    let (revalidate, if_error) = (window(stale_while_revalidate), window(stale_if_error));
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    let idle = idle.map(|idle| some(storing::fixed(idle))).map(|idle| quote!(idle: #idle,));
    let soft = timeout.soft.map(|soft| some(storing::fixed(soft))).map(|it| quote!(timeout: #it,));
    let hard = timeout.hard.map(|hard| some(storing::fixed(hard))).map(|it| quote!(hard: #it,));
    let every = refresh_every.map(|every| some(storing::fixed(every))).map(|it| quote!(refresh_every: #it,));
    let class = ttl_class.as_ref().map(|class| some(quote!(#class))).map(|it| quote!(ttl_class: #it,));
    Some(quote! {
        policy: #generated::Policy {
            windows: #generated::Windows { revalidate: #revalidate, if_error: #if_error },
            early: #early,
            #idle #soft #hard #every #class
            ..#generated::Policy::PLAIN
        },
    })
}

/// The question to the engine; `call` and `shape` are variables of what their names say.
pub(super) fn ask(cached: &Cached, call: &Ident, shape: &Ident) -> TokenStream {
    let generated = &cached.generated;
    let (values, patterns) = args(cached);
    let names = call::Names { this: Some(this()), owner: call::owner(cached) };
    let invocation = call::invocation_with(cached, &names, &cached.body_ident, None);
    let (fails, reach) = (fails(cached), storing::reach(cached));
    let inline = quote!(|(#(#patterns,)*)| #invocation);
    if !cached.freshness.is_owned() {
        return quote! {
            #fails
            #generated::fresh::read(#call, #shape, #reach, (#(#values,)*), #inline).await
        };
    }
    let [background, again] = in_the_background(cached);
    let (hard, every) = (cached.freshness.timeout.hard, cached.freshness.refresh_every);
    let output = &cached.output;
    let late = match hard {
        Some(_) => {
            let late =
                quote_spanned!(names::at(output.span())=> <#output as #generated::fresh::GivesUp>::late);
            quote!(::core::option::Option::Some(#late))
        }
        None => quote!(::core::option::Option::None),
    };
    let again = match every {
        Some(_) => again,
        None => quote!(|_| ::core::option::Option::None),
    };
    quote! {
        #fails
        #generated::fresh::read_owned(
            #call, #shape, #reach, (#(#values,)*), (#inline, #background), #again, #late
        ).await
    }
}

/// The same for a body that stays in its function, as the value `future`.
pub(super) fn ask_in_body(cached: &Cached, call: &Ident, shape: &Ident, future: &TokenStream) -> TokenStream {
    let generated = &cached.generated;
    let (fails, reach) = (fails(cached), storing::reach(cached));
    let body = names::local("body");
    quote! {
        #fails
        let #body = #future;
        #generated::fresh::read(#call, #shape, #reach, (), move |()| #body).await
    }
}

/// The function that a refresh in the background is: the arguments, and a ticket.
pub(super) fn revalidate(cached: &Cached) -> Option<TokenStream> {
    if !cached.freshness.is_owned() {
        return None;
    }
    let generated = &cached.generated;
    let [call, body, ticket] = ["call", "body", "ticket"].map(names::local);
    let param = quote!(#ticket: #generated::fresh::Ticket);
    let signature = call::signature_with(cached, &cached.hidden("revalidate"), Of::Call, Some(&param));
    let (call_value, shape, reach) = (call::call_value(cached), call::shape(cached), storing::reach(cached));
    let (known, variable, tagged) = (call::known(cached), key::variable(cached), tags::tagged(cached));
    let invocation = call::invocation(cached, &call::owner(cached));
    let statements = call::answer(
        cached.how,
        quote! {
            #known
            #variable
            let #call = #call_value;
            #tagged
            let #body = ::core::pin::pin!(#invocation);
            #generated::fresh::refresh(#ticket, #call, #shape, #reach, #body).await
        },
    );
    Some(quote! {
        #[doc(hidden)]
        #signature { #statements }
    })
}

/// The closures that clone the arguments for a load in the background, and for one after the other.
fn in_the_background(cached: &Cached) -> [TokenStream; 2] {
    let generated = &cached.generated;
    let [args, ticket] = ["args", "ticket"].map(names::local);
    let this = cached.sig.receiver().map(|this| (borrow_of(this).is_some(), this.self_token.span));
    let is_reference = |ty: &Type| matches!(ty, Type::Reference(_));
    let params = cached.params.iter().map(|param| (is_reference(&param.ty), param.ty.span()));
    let (mut kept, mut copied, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (is_borrowed, span)) in this.into_iter().chain(params).enumerate() {
        let (ident, place) = (names::local(&format!("kept_{at}")), syn::Index::from(at));
        let span = names::at(span);
        // All at one place, so that the compiler says once that it cannot be owned.
        let generated = names::tokens_at(generated, span);
        let param = if is_borrowed { quote!(#args.#place) } else { quote!(&#args.#place) };
        kept.push(quote_spanned!(span=> let #ident = #generated::fresh::Kept::of(#param);));
        copied.push(quote_spanned!(span=> let #ident = #generated::fresh::Kept::again(&#ident);));
        given.push(match is_borrowed {
            true => quote_spanned!(span=> #generated::fresh::Kept::lend(&#ident)),
            false => quote_spanned!(span=> #generated::fresh::Kept::take(#ident)),
        });
    }
    let names = call::Names { this: None, owner: call::owner(cached) };
    let call = call::call_of(cached, &names, &cached.hidden("revalidate"), &given, Some(&quote!(#ticket)));
    let start = quote!(#generated::fresh::Start::new(move |#ticket| async move { #call.await }));
    let once = quote!(|#args| { #(#kept)* #start });
    let again = quote! {
        |#args| {
            #(#kept)*
            ::core::option::Option::Some(#generated::fresh::Again::new(move || { #(#copied)* #start }))
        }
    };
    [once, again]
}

/// The arguments, and the names by which a closure has them.
fn args(cached: &Cached) -> (Vec<TokenStream>, Vec<Ident>) {
    let this = cached.sig.receiver().map(|receiver| {
        let token = receiver.self_token;
        (quote!(#token), this())
    });
    let params = cached.params.iter().map(|param| {
        let ident = &param.ident;
        (quote!(#ident), ident.clone())
    });
    this.into_iter().chain(params).unzip()
}

fn this() -> Ident {
    format_ident!("__cachemacro_this")
}

/// Asks that there is an error to serve past, where that is wanted.
fn fails(cached: &Cached) -> Option<TokenStream> {
    cached.freshness.stale_if_error?;
    let (generated, shape) = (&cached.generated, storing::known_shape(cached));
    let span = names::at(cached.output.span());
    Some(quote_spanned!(span=> #generated::fresh::fails(&{ #shape });))
}

/// Whether the engine is asked in another way than by `read`.
pub(super) fn decides(cached: &Cached) -> bool {
    cached.how != How::AtOnce && cached.freshness.decides()
}
