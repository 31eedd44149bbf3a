//! `#[derive(KeyPart)]`: what a type writes, and the form that tells companions what fits.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericParam, Lifetime};

use crate::model::{Content, KeyType, Variant, Written};
use crate::names;
use crate::parse::unraw;

pub(super) fn expand(key_type: &KeyType) -> TokenStream {
    let KeyType { generated, ident, generics, written, projections, .. } = key_type;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let predicates = where_clause.map(|clause| &clause.predicates);
    let predicates = predicates.into_iter().flatten();
    let bounds = quote! {
        where
            #(#predicates,)*
            #(#written: #generated::KeyPart,)*
            #(#projections: #generated::KeyPart,)*
    };
    let (form, form_item) = form(key_type);
    let [key, image, this] = [names::local("key"), names::local("image"), self_ident()];
    let (write, add) = (write(key_type, &key), add(key_type, &image));
    quote! {
        const _: () = {
            #form_item

            #[automatically_derived]
            impl #impl_generics #generated::KeyPart for #ident #type_generics #bounds {
                type Form = #form;

                fn write(&#this, #key: &mut #generated::KeyBuf) {
                    #write
                }

                #[inline]
                fn image(&#this, #image: &mut #generated::Image) {
                    #add
                }
            }

            #[automatically_derived]
            impl #impl_generics #generated::KeyArg<#form> for #ident #type_generics #bounds {}
        };
    }
}

/// The type that stands for all with the same keys: itself, for all lifetimes one; or, where it has
/// type parameters, a type of its own over their forms, so that `Page<&str>` fits `Page<String>`.
fn form(key_type: &KeyType) -> (TokenStream, TokenStream) {
    let KeyType { generated, ident, generics, written, .. } = key_type;
    if generics.type_params().next().is_none() {
        let args = generics.params.iter().map(|param| match param {
            GenericParam::Lifetime(_) => {
                Lifetime::new("'static", proc_macro2::Span::call_site()).to_token_stream()
            }
            GenericParam::Const(param) => param.ident.to_token_stream(),
            GenericParam::Type(param) => param.ident.to_token_stream(),
        });
        return (quote!(#ident<#(#args),*>), TokenStream::new());
    }
    let name = format_ident!("{}Form", unraw(ident));
    let consts: Vec<_> = generics.const_params().collect();
    let args = consts.iter().map(|param| &param.ident);
    let params = consts.iter().map(|param| {
        let (ident, ty) = (&param.ident, &param.ty);
        quote!(const #ident: #ty)
    });
    let item = quote! {
        #[allow(missing_debug_implementations, unreachable_pub)]
        #[doc(hidden)]
        pub struct #name<#(#written: ?::core::marker::Sized,)* #(#params),*>(
            #(::core::marker::PhantomData<#written>),*
        );
    };
    let form = quote!(#name<#(<#written as #generated::KeyPart>::Form,)* #(#args),*>);
    (form, item)
}

/// `self`, as all parts of the method have it.
fn self_ident() -> Ident {
    Ident::new("self", proc_macro2::Span::mixed_site())
}

fn write(key_type: &KeyType, key: &Ident) -> TokenStream {
    let (generated, this) = (&key_type.generated, self_ident());
    match &key_type.content {
        Content::Newtype(field) => {
            let Written { member, ty } = &**field;
            let span = names::at(ty.span());
            let (generated, this) = (names::tokens_at(generated, span), self_ident());
            quote_spanned!(span=> <#ty as #generated::KeyPart>::write(&#this.#member, #key))
        }
        Content::Struct(fields) => {
            let items = fields.iter().map(|field| {
                let (member, this) = (&field.member, self_ident());
                (field, quote!(&#this.#member))
            });
            list(generated, key, None, items)
        }
        Content::Enum(variants) if variants.is_empty() => quote! {
            let _ = #key;
            match *#this {}
        },
        Content::Enum(variants) => {
            let arms = variants.iter().map(|variant| arm(generated, key, variant));
            quote!(match #this { #(#arms)* })
        }
    }
}

/// Adds to an image all that is written, after which variant it is.
fn add(key_type: &KeyType, image: &Ident) -> TokenStream {
    let (generated, this) = (&key_type.generated, self_ident());
    // What is no part of a key is reported where it is written.
    let of_field = |value: TokenStream| quote!((&&#generated::Imaged(#value)).add_to(#image););
    let of_struct = |fields: &[Written]| {
        let adds = fields.iter().map(|Written { member, .. }| of_field(quote!(&#this.#member)));
        quote!(let _ = &#image; #(#adds)*)
    };
    let adds = match &key_type.content {
        Content::Newtype(field) => of_struct(std::slice::from_ref(&**field)),
        Content::Struct(fields) => of_struct(fields),
        Content::Enum(variants) if variants.is_empty() => quote! {
            let _ = #image;
            match *#this {}
        },
        Content::Enum(variants) => {
            let arms = variants.iter().zip(0_u32..).map(|(Variant { ident, fields, .. }, index)| {
                let bound = bound(fields);
                let binders = bound.iter().map(|(Written { member, .. }, local)| quote!(#member: #local));
                let adds = bound.iter().map(|(_, local)| of_field(local.to_token_stream()));
                quote! {
                    Self::#ident { #(#binders,)* .. } => {
                        #image.push_variant(#index);
                        #(#adds)*
                    }
                }
            });
            quote!(match #this { #(#arms)* })
        }
    };
    quote! {
        #[allow(unused_imports)]
        use #generated::imaged::*;
        #adds
    }
}

/// Fields of a variant, and what they are bound to.
fn bound(fields: &[Written]) -> Vec<(&Written, Ident)> {
    let fields = fields.iter().enumerate();
    fields.map(|(at, field)| (field, names::local(&format!("field_{at}")))).collect()
}

fn arm(generated: &TokenStream, key: &Ident, variant: &Variant) -> TokenStream {
    let (ident, name) = (&variant.ident, unraw(&variant.ident));
    if variant.is_unit {
        return quote!(Self::#ident => #key.push_text(#name),);
    }
    let bound = bound(&variant.fields);
    let binders = bound.iter().map(|(Written { member, .. }, local)| quote!(#member: #local));
    let items = bound.iter().map(|(field, local)| (*field, local.to_token_stream()));
    let list = list(generated, key, Some(&name), items);
    quote!(Self::#ident { #(#binders,)* .. } => #list,)
}

/// `[Name,a,b]`
fn list<'a>(
    generated: &TokenStream,
    key: &Ident,
    name: Option<&str>,
    items: impl Iterator<Item = (&'a Written, TokenStream)>,
) -> TokenStream {
    let name = name.map(|name| quote!(.item(#name)));
    let begin = quote!(#generated::KeyBuf::list(#key)#name);
    let whole = items.fold(begin, |list, (Written { ty, .. }, value)| {
        let span = names::at(ty.span());
        quote_spanned!(span=> #list.item::<#ty>(#value))
    });
    quote!(#whole.end())
}
