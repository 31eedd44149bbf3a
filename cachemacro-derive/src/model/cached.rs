//! A cached function: its parameters by their part in the key, and where its cache comes from.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Expr, FnArg, Ident, Pat, ReturnType, Signature, Token, Type, Visibility};

use super::attributes::Attributes;
use super::{check, types};
use crate::attr::{CacheResult, Hole, Part, Template, Ttl};
use crate::errors::Errors;
use crate::names;
use crate::parse::{Body, Function, mentions, unraw};

/// A cached function.
pub(crate) struct Cached {
    /// The path of all that generated code names.
    pub(crate) generated: TokenStream,
    pub(crate) attrs: Attributes,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) output: Type,
    pub(crate) body: Body,
    /// What the function with the body is called in the companion.
    pub(crate) body_ident: Ident,
    pub(crate) params: Vec<Param>,
    pub(crate) key: Vec<KeyPiece>,
    pub(crate) ttl: Ttl,
    /// In hundredths; `None` is the engine's default.
    pub(crate) jitter: Option<u8>,
    pub(crate) cache: CacheSource,
    /// What labels it.
    pub(crate) name: String,
}

/// A parameter.
pub(crate) struct Param {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) mutability: Option<Token![mut]>,
    pub(crate) ident: Ident,
    /// Its name, without `r#`.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) role: Role,
    /// Whether an expression of the attribute uses it, which the body then need not.
    pub(crate) is_used_by_attribute: bool,
}

/// The part that a parameter has in the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// All of it.
    Whole,
    /// Fields of it.
    Fields,
    /// None.
    Skipped,
}

/// A piece of the key.
pub(crate) enum KeyPiece {
    /// Text as it stands.
    Text(String),
    /// The path of the function.
    FunctionPath,
    /// A parameter, or a field of one, and where that is written.
    Hole(Hole, Span),
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
    pub(crate) fn resolve(attr: CacheResult, function: Function, errors: &Errors) -> Option<Self> {
        check::signature(&function, errors);
        if attr.ttl.get().is_none() && !attr.ttl_mentioned {
            errors.at(
                function.sig.ident.span(),
                "how long may a value live? add a `ttl` to `#[cache_result(…)]`, like `ttl = \"5m\"`",
            );
        }
        let Function { attrs, vis, sig, body } = function;
        let mut params = params(&sig);
        let skipped = attr.skip.into_inner().unwrap_or_default();
        check::skips(&sig, &params, &skipped, errors);
        let is_skipped = |param: &Param| skipped.iter().any(|skipped| skipped.name == param.name);

        let template = match attr.key.into_inner() {
            Some(Some(template)) => {
                check::template(&sig, &params, &skipped, &template, errors);
                Some(template)
            }
            // It could not be read, which is reported.
            Some(None) => return None,
            None => None,
        };
        for param in &mut params {
            param.role = match &template {
                Some(template) => role(&param.name, template),
                None if is_skipped(param) => Role::Skipped,
                None => Role::Whole,
            };
        }
        check::key_types(&params, errors);
        mark_used(&mut params, attr.ttl.get(), attr.cache.get());

        let ReturnType::Type(_, output) = sig.output.clone() else { return None };
        let reserved = COMPANION.contains(&unraw(&sig.ident).as_str());
        let body_ident = if reserved { names::local("body") } else { sig.ident.clone() };
        Some(Self {
            generated: names::generated(attr.krate.get()),
            attrs: Attributes::sort(attrs),
            vis,
            output: *output,
            body,
            body_ident,
            key: match template {
                Some(Template { parts, span }) => {
                    parts.into_iter().map(|part| KeyPiece::new(part, span)).collect()
                }
                None => default_key(&params),
            },
            ttl: attr.ttl.into_inner()?,
            jitter: attr.jitter.into_inner(),
            cache: cache_source(attr.cache.into_inner(), &params),
            name: attr.name.into_inner().unwrap_or_else(|| unraw(&sig.ident)),
            params,
            sig,
        })
    }
}

impl Param {
    /// Its type without the references around it.
    pub(crate) fn bare_type(&self) -> &Type {
        types::without_references(&self.ty)
    }
}

impl KeyPiece {
    fn new(part: Part, span: Span) -> Self {
        match part {
            Part::Text(text) => Self::Text(text),
            Part::Hole(hole) => Self::Hole(hole, span),
        }
    }
}

/// The parameters that have a name; others are refused elsewhere.
fn params(sig: &Signature) -> Vec<Param> {
    let named = |input: &FnArg| {
        let FnArg::Typed(typed) = input else { return None };
        let Pat::Ident(pat) = &*typed.pat else { return None };
        Some(Param {
            attrs: typed.attrs.clone(),
            mutability: pat.mutability,
            name: unraw(&pat.ident),
            ident: pat.ident.clone(),
            ty: (*typed.ty).clone(),
            role: Role::Skipped,
            is_used_by_attribute: false,
        })
    };
    sig.inputs.iter().filter_map(named).collect()
}

fn role(param: &str, template: &Template) -> Role {
    let holes: Vec<_> = template.holes().filter(|hole| hole.root == param).collect();
    match holes.iter().all(|hole| hole.fields.is_empty()) {
        _ if holes.is_empty() => Role::Skipped,
        true => Role::Whole,
        false => Role::Fields,
    }
}

/// The function's path, and each parameter that is not skipped.
fn default_key(params: &[Param]) -> Vec<KeyPiece> {
    let mut key = vec![KeyPiece::FunctionPath];
    for param in params.iter().filter(|param| param.role != Role::Skipped) {
        key.push(KeyPiece::Text(":".to_owned()));
        let hole = Hole { root: param.name.clone(), fields: Vec::new(), text: param.name.clone() };
        key.push(KeyPiece::Hole(hole, param.ident.span()));
    }
    key
}

fn mark_used(params: &mut [Param], ttl: Option<&Ttl>, cache: Option<&Expr>) {
    let ttl = match ttl {
        Some(Ttl::Expr(expr)) => expr.to_token_stream(),
        _ => TokenStream::new(),
    };
    let cache = cache.to_token_stream();
    for param in params {
        let is_it = |name: &str| name == param.name;
        param.is_used_by_attribute = mentions(ttl.clone(), &is_it) || mentions(cache.clone(), &is_it);
    }
}

fn cache_source(expr: Option<Expr>, params: &[Param]) -> CacheSource {
    let Some(expr) = expr else { return CacheSource::Ambient };
    let is_param = |name: &str| params.iter().any(|param| param.name == name);
    if mentions(expr.to_token_stream(), &is_param) {
        CacheSource::PerCall(expr)
    } else {
        CacheSource::Fixed(expr)
    }
}
