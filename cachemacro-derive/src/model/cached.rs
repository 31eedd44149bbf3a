//! A cached function: its parameters by their part in the key, and where its cache comes from.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Expr, FnArg, Signature, Type, Visibility};

use super::attributes::Attributes;
use super::generics::{self, Needed};
use super::key::{self, KeyPiece};
use super::known::{KnownKind, known};
use super::methods::Impl;
use super::param::{self, KeyParam, Kind, Param, Role};
use super::returns::{How, returns};
use super::{check, types};
use crate::attr::{CacheResult, Companion, Ttl};
use crate::errors::Errors;
use crate::names;
use crate::parse::{Body, Function, mentions, unraw};

/// A cached function.
pub(crate) struct Cached {
    /// The path of all that generated code names.
    pub(crate) generated: TokenStream,
    pub(crate) home: Home,
    /// All attributes, for where the body stays in its function.
    pub(crate) written_attrs: Vec<Attribute>,
    pub(crate) attrs: Attributes,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) how: How,
    pub(crate) output: Type,
    pub(crate) body: Body,
    /// What the function with the body is called, where there is one.
    pub(crate) body_ident: Ident,
    /// All parameters but `self`.
    pub(crate) params: Vec<Param>,
    pub(crate) key: Vec<KeyPiece>,
    /// What the companion is given for the key.
    pub(crate) key_params: Vec<KeyParam>,
    /// What of the type parameters the key needs, and the value, and both.
    pub(crate) key_needs: Needed,
    pub(crate) value_needs: Needed,
    pub(crate) peek_needs: Needed,
    /// Whether there can be a second `Self` that the key does not tell.
    pub(crate) may_have_instances: bool,
    pub(crate) ttl: Ttl,
    /// In hundredths; `None` is the engine's default.
    pub(crate) jitter: Option<u8>,
    pub(crate) cache: CacheSource,
    /// What labels it.
    pub(crate) name: String,
    /// What stands between the module and its name in its path.
    pub(crate) label: Option<String>,
}

/// Where what belongs to a function stands: its site, and what can be done by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In a type beside it, of this name.
    Beside(Ident),
    /// In its body: nothing can stand beside it, or shall.
    Body,
    /// In an `impl` beside that of the method, with the body, unless the method is a trait's.
    Impl { has_body: bool },
}

/// Where the cache of a call comes from.
pub(crate) enum CacheSource {
    /// The current one.
    Ambient,
    /// The same one for every call.
    Fixed(Expr),
    /// The arguments.
    PerCall(Expr),
}

/// What a companion has or will have; a function of that name has its body elsewhere.
const COMPANION: [&str; 8] = ["key", "invalidate", "peek", "refresh", "uncached", "warm", "guard", "put"];

impl Cached {
    /// What the attribute means for the function; `None` after adding errors.
    pub(crate) fn resolve(
        attr: CacheResult,
        function: Function,
        around: Option<&Impl>,
        errors: &Errors,
    ) -> Option<Self> {
        let home = home(attr.companion.into_inner(), &function, around, errors);
        let is_associated = around.is_some() || function.is_associated();
        check::signature(&function, errors);
        if attr.ttl.get().is_none() && !attr.ttl_mentioned {
            errors.at(
                function.sig.ident.span(),
                "how long may a value live? add a `ttl` to `#[cache_result(…)]`, like `ttl = \"5m\"`",
            );
        }
        let Function { attrs, vis, sig, body } = function;
        let mut params = param::params(&sig);
        let mut generics = generics::generics(&sig.generics, false);
        generics.extend(around.iter().flat_map(|around| generics::generics(&around.generics, true)));
        let known = known(&sig, &params, &generics, is_associated);
        let skipped = attr.skip.into_inner().unwrap_or_default();
        check::skips(&sig, &known, &skipped, errors);

        let template = match attr.key.into_inner() {
            Some(Some(template)) => {
                check::template(&sig, &known, &skipped, around, &template, errors);
                Some(template)
            }
            // It could not be read, which is reported.
            Some(None) => return None,
            None => None,
        };
        let of_impl = around.iter().flat_map(|around| &around.skipped);
        let skipped: Vec<&str> = skipped.iter().chain(of_impl).map(|skipped| skipped.name.as_str()).collect();
        for param in &mut params {
            param.role = param.role(template.as_ref(), |name| skipped.contains(&name));
        }
        check::key_types(&params, errors);
        let cache = attr.cache.into_inner();
        mark_used(&mut params, attr.ttl.get(), cache.as_ref());
        if home != Home::Body {
            check::patterns_are_not_used(&params, attr.ttl.get(), cache.as_ref(), errors);
        }

        let may_have_instances = home == Home::Body
            && is_associated
            && around.is_none()
            && template.as_ref().is_some_and(|template| !template.holes().any(|hole| hole.root == "Self"));
        let is_bare = around.is_none() && is_associated;
        let key = match template {
            Some(template) => key::by_template(template, &known),
            None => key::by_default(&known, &skipped, around, is_bare),
        };
        let (how, mut output) = returns(&sig)?;
        if let Some(around) = around
            && matches!(home, Home::Impl { .. })
        {
            output = around.qualify(&output);
            params.iter_mut().for_each(|param| param.ty = around.qualify(&param.ty));
        }
        let key_params = key_params(&sig, &key, &params);
        let [key_needs, value_needs, peek_needs] = needs(&sig, &key, &key_params, &output);
        let is_param = |name: &str| {
            known.iter().any(|known| {
                matches!(known.kind, KnownKind::Value | KnownKind::Receiver) && known.name == name
            })
        };
        Some(Self {
            generated: names::generated(attr.krate.get().or(around.and_then(|around| around.krate.as_ref()))),
            written_attrs: attrs.clone(),
            attrs: Attributes::sort(attrs),
            vis,
            how,
            output,
            body,
            body_ident: body_ident(&sig.ident, &home),
            key,
            key_params,
            key_needs,
            value_needs,
            peek_needs,
            may_have_instances,
            ttl: attr.ttl.into_inner()?,
            jitter: attr.jitter.into_inner(),
            cache: cache_source(cache, is_param),
            name: attr.name.into_inner().unwrap_or_else(|| unraw(&sig.ident)),
            label: around.map(Impl::label),
            home,
            params,
            sig,
        })
    }

    /// What one of those that belong to the function is called: `key`, or `find_key` of a method.
    pub(crate) fn item(&self, name: &str) -> Ident {
        match self.home {
            Home::Impl { .. } => format_ident!("{}_{name}", unraw(&self.sig.ident)),
            _ => format_ident!("{name}"),
        }
    }

    /// The same for what is not for users: `__cachemacro_site`.
    pub(crate) fn hidden(&self, name: &str) -> Ident {
        names::local(&self.item(name).to_string())
    }
}

fn home(companion: Option<Companion>, function: &Function, around: Option<&Impl>, errors: &Errors) -> Home {
    if let Some(Companion::Named(name)) = &companion
        && (around.is_some() || function.is_associated())
    {
        errors.at(name.span(), "a method has no companion to name; `#[cache_methods]` on its `impl` gives it functions like `find_key`, and `companion = off` none");
    }
    match (companion, around) {
        (Some(Companion::Off), _) => Home::Body,
        (_, Some(around)) if around.has_inherent() => Home::Impl { has_body: around.trait_.is_none() },
        (_, Some(_)) => Home::Body,
        (Some(Companion::Named(name)), None) => Home::Beside(name),
        (None, None) if !function.is_associated() => Home::Beside(function.sig.ident.clone()),
        (None, None) => {
            check::has_a_receiver(function, errors);
            Home::Body
        }
    }
}

/// Its own name where it can have it, since macros below ours see it.
fn body_ident(ident: &Ident, home: &Home) -> Ident {
    match home {
        Home::Impl { .. } => names::local(&format!("{}_body", unraw(ident))),
        _ if COMPANION.contains(&unraw(ident).as_str()) => names::local("body"),
        _ => ident.clone(),
    }
}

fn key_params(sig: &Signature, key: &[KeyPiece], params: &[Param]) -> Vec<KeyParam> {
    let mut all: Vec<KeyParam> = Vec::new();
    for piece in key {
        let KeyPiece::OfSelf { hole, given, .. } = piece else { continue };
        if all.iter().any(|known| known.ident == *given) {
            continue;
        }
        let Some(FnArg::Receiver(receiver)) = sig.inputs.first() else { continue };
        let (this, fields) = (receiver.self_token, &hole.fields);
        let kind = if fields.is_empty() { Kind::Whole(syn::parse_quote!(Self)) } else { Kind::Any };
        all.push(KeyParam { ident: given.clone(), place: quote!(#this #(.#fields)*), kind, pattern: None });
    }
    all.extend(params.iter().filter(|param| param.role != Role::Skipped).map(KeyParam::of));
    all
}

fn needs(sig: &Signature, key: &[KeyPiece], params: &[KeyParam], output: &Type) -> [Needed; 3] {
    let mut tokens = TokenStream::new();
    let mut lifetime = false;
    for param in params {
        if let Kind::Whole(ty) | Kind::Parts(ty) = &param.kind {
            let (ty, borrows) = types::with_one_lifetime(ty);
            lifetime |= borrows;
            ty.to_tokens(&mut tokens);
            quote!(;).to_tokens(&mut tokens);
        }
    }
    for piece in key {
        if let KeyPiece::TypeName { ident } | KeyPiece::Const { ident } = piece {
            ident.to_tokens(&mut tokens);
            quote!(;).to_tokens(&mut tokens);
        }
    }
    let both = quote!(#tokens #output);
    let value = output.to_token_stream();
    [(&tokens, lifetime), (&value, false), (&both, lifetime)]
        .map(|(tokens, lifetime)| Needed::by(&sig.generics, tokens, lifetime))
}

fn mark_used(params: &mut [Param], ttl: Option<&Ttl>, cache: Option<&Expr>) {
    let exprs = [ttl_tokens(ttl), cache.to_token_stream()];
    for param in params {
        let is_it = |name: &str| param.binds(name);
        param.is_used_by_attribute = exprs.iter().any(|tokens| mentions(tokens.clone(), &is_it));
    }
}

pub(super) fn ttl_tokens(ttl: Option<&Ttl>) -> TokenStream {
    match ttl {
        Some(Ttl::Expr(expr)) => expr.to_token_stream(),
        _ => TokenStream::new(),
    }
}

fn cache_source(expr: Option<Expr>, is_param: impl Fn(&str) -> bool) -> CacheSource {
    let Some(expr) = expr else { return CacheSource::Ambient };
    if mentions(expr.to_token_stream(), &is_param) {
        CacheSource::PerCall(expr)
    } else {
        CacheSource::Fixed(expr)
    }
}
