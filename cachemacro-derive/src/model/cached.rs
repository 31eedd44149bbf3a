//! A cached function: its parameters by their part in the key, and where its cache comes from.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Expr, FnArg, Ident, Pat, ReturnType, Signature, Token, Type, Visibility};

use super::attributes::Attributes;
use super::computed::{self, Computed};
use super::storing::Storing;
use super::{check, types};
use crate::attr::{CacheResult, Hole, Part, Template, Tier, Ttl};
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
    /// What `with(…)` computes, after the parameters.
    pub(crate) computed: Vec<Computed>,
    pub(crate) key: Vec<KeyPiece>,
    pub(crate) ttl: Ttl,
    /// In hundredths; `None` is the engine's default.
    pub(crate) jitter: Option<u8>,
    pub(crate) storing: Storing,
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
    /// Whether it is neither in the key nor skipped: its type must say that it cannot matter.
    pub(crate) must_be_handle: bool,
}

/// The part that a parameter has in the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// All of it.
    Whole,
    /// Fields of it, or a hash: the companion takes a value of its type.
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
        let is_local = attr.tier.get() == Some(&Tier::Local);
        check::signature(&function, is_local, errors);
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
        let mut computed: Vec<_> =
            attr.with.into_inner().unwrap_or_default().into_iter().map(Computed::new).collect();
        let is_skipped = |param: &Param| skipped.iter().any(|skipped| skipped.name == param.name);

        let template = match attr.key.into_inner() {
            Some(Some(template)) => {
                let handles = check::template(&sig, &params, &computed, &skipped, &template, errors);
                for (param, must_be_handle) in params.iter_mut().zip(handles) {
                    param.must_be_handle = must_be_handle;
                }
                Some(template)
            }
            // It could not be read, which is reported.
            Some(None) => return None,
            None => None,
        };
        computed::check(&sig, &params, &computed, template.as_ref(), errors);
        for param in &mut params {
            param.role = match &template {
                Some(template) => role(&param.name, template),
                None if is_skipped(param) || computed.iter().any(|computed| computed.is_of(&param.name)) => {
                    Role::Skipped
                }
                None => Role::Whole,
            };
        }
        for Computed { param, .. } in &mut computed {
            param.role = template.as_ref().map_or(Role::Whole, |template| role(&param.name, template));
        }
        check::key_types(&params, errors);
        let of_storing = [attr.cache.get(), attr.when.get(), attr.unless.get()];
        let of_ttl = attr.ttl.get().and_then(Ttl::expr);
        let of_with = computed.iter().map(|computed| &computed.expr);
        mark_used(&mut params, of_storing.into_iter().flatten().chain(of_ttl).chain(of_with));

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
                None => default_key(&params, &computed),
            },
            ttl: attr.ttl.into_inner()?,
            jitter: attr.jitter.into_inner(),
            storing: Storing {
                when: attr.when.into_inner(),
                unless: attr.unless.into_inner(),
                negative_ttl: attr.negative_ttl.into_inner(),
                version: attr.version.into_inner().unwrap_or_default(),
                is_local,
                shares: attr.shares.into_inner(),
            },
            computed,
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
            must_be_handle: false,
        })
    };
    sig.inputs.iter().filter_map(named).collect()
}

fn role(param: &str, template: &Template) -> Role {
    let holes: Vec<_> = template.holes().filter(|hole| hole.root == param).collect();
    match holes.iter().all(|hole| hole.fields.is_empty() && !hole.is_hash) {
        _ if holes.is_empty() => Role::Skipped,
        true => Role::Whole,
        false => Role::Fields,
    }
}

/// The function's path, each parameter that is not skipped, and what is computed.
fn default_key(params: &[Param], computed: &[Computed]) -> Vec<KeyPiece> {
    let mut key = vec![KeyPiece::FunctionPath];
    let computed = computed.iter().map(|computed| &computed.param);
    for param in params.iter().filter(|param| param.role != Role::Skipped).chain(computed) {
        key.push(KeyPiece::Text(":".to_owned()));
        let (root, text) = (param.name.clone(), param.name.clone());
        let hole = Hole { root, fields: Vec::new(), is_hash: false, text };
        key.push(KeyPiece::Hole(hole, param.ident.span()));
    }
    key
}

fn mark_used<'a>(params: &mut [Param], exprs: impl Iterator<Item = &'a Expr>) {
    let tokens: TokenStream = exprs.map(ToTokens::to_token_stream).collect();
    for param in params {
        let is_it = |name: &str| name == param.name;
        param.is_used_by_attribute = mentions(tokens.clone(), &is_it);
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
