//! A cached function: its parameters by their part in the key, and where its cache comes from.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Expr, FnArg, Signature, Type, Visibility};

use super::attributes::Attributes;
use super::batch::{self, Batched};
use super::computed::{self, Computed};
use super::freshness::{self, Freshness};
use super::generics::{self, Needed};
use super::key::{self, KeyPiece};
use super::known::{KnownKind, known};
use super::methods::Impl;
use super::param::{self, KeyParam, Kind, Param, Role};
use super::returns::{How, returns};
use super::storing::Storing;
use super::tags::{self, Group};
use super::{check, codec, types};
use crate::attr::{CacheResult, Companion, Consistency, Tier, Ttl};
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
    /// The parameter with the ids, where the function is for many.
    pub(crate) batch: Option<Batched>,
    /// What `with(…)` computes, after the parameters.
    pub(crate) computed: Vec<Computed>,
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
    pub(crate) freshness: Freshness,
    pub(crate) storing: Storing,
    /// What each of its tags is written from, those of its groups last.
    pub(crate) tags: Vec<Vec<KeyPiece>>,
    pub(crate) groups: Vec<Group>,
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
///
/// So has one named `new`, of which clippy asks in an `impl` that it returns its type.
const COMPANION: [&str; 10] =
    ["key", "invalidate", "peek", "refresh", "uncached", "one", "warm", "guard", "put", "new"];

impl Cached {
    /// What the attribute means for the function; `None` after adding errors.
    pub(crate) fn resolve(
        attr: CacheResult,
        function: Function,
        around: Option<&Impl>,
        errors: &Errors,
    ) -> Option<Self> {
        codec::check(&attr, errors);
        tags::check(&attr, errors);
        batch::other_arguments(&attr, errors);
        let home = home(attr.companion.into_inner(), &function, around, errors);
        let is_associated = around.is_some() || function.is_associated();
        let is_local = attr.tier.get() == Some(&Tier::Local);
        check::signature(&function, around, is_local, errors);
        if is_local && attr.consistency.get().is_some() {
            errors.at(
                function.sig.ident.span(),
                "what is in this process alone is never behind a store; leave `consistency` or `tier = local` out",
            );
        }
        if let Home::Beside(companion) = &home {
            check::hides_no_type(companion, &function.sig, errors);
        }
        if attr.ttl.get().is_none() && !attr.ttl_mentioned && !attr.freshness.bounds_life() {
            errors.at(
                function.sig.ident.span(),
                "how long may a value live? add a `ttl` to `#[cache_result(…)]`, like `ttl = \"5m\"`",
            );
        }
        let Function { attrs, vis, sig, body } = function;
        let generated =
            names::generated(attr.krate.get().or(around.and_then(|around| around.krate.as_ref())));
        let mut params = param::params(&sig);
        let batch = attr.batch.into_inner();
        let batched = batch
            .as_ref()
            .and_then(|batch| batch::resolve(batch, &sig, &home, &mut params, &generated, errors))
            .map(|batched| Batched { window: attr.batch_window.get().copied(), ..batched });
        let mut generics = generics::generics(&sig.generics, false);
        generics.extend(around.iter().flat_map(|around| generics::generics(&around.generics, true)));
        let mut computed: Vec<_> =
            attr.with.into_inner().unwrap_or_default().into_iter().map(Computed::new).collect();
        let known = known(&sig, &params, &computed, &generics, is_associated);
        let Some(skipped) = attr.skip.into_inner().unwrap_or_else(|| Some(Vec::new())) else {
            // It could not be read, which is reported.
            return None;
        };
        check::skips(&sig, &known, &skipped, errors);

        let template = match attr.key.into_inner() {
            Some(Some(template)) => {
                let (computed, skipped) = (&computed, &skipped);
                let scope = check::Scope { sig: &sig, known: &known, computed, skipped, around };
                check::template(&scope, &mut params, &template, errors);
                Some(template)
            }
            // It could not be read, which is reported.
            Some(None) => return None,
            None => None,
        };
        computed::check(&sig, &known, &computed, template.as_ref(), errors);
        let by_value = attr.ttl.get().and_then(Ttl::expr);
        computed::closures_move(&computed, [("ttl", by_value), ("unless", attr.unless.get())], errors);
        let of_impl = around.iter().flat_map(|around| &around.skipped);
        let mut skipped: Vec<&str> =
            skipped.iter().chain(of_impl).map(|skipped| skipped.name.as_str()).collect();
        // What something is computed from is in the key through that.
        let through_with = known.iter().map(|known| known.name.as_str());
        skipped.extend(through_with.filter(|name| computed.iter().any(|computed| computed.is_of(name))));
        for param in &mut params {
            param.role = param.role(template.as_ref(), |name| skipped.contains(&name));
        }
        for computed in &mut computed {
            computed.param.role = computed.param.role(template.as_ref(), |_| false);
        }
        check::key_types(&params, errors);
        if let Some(batch) = &batch {
            batch::ids_are_in_the_key(batch, &params, &computed, errors);
            if let Some(span) = attr.batch_window.span() {
                batch::gathers_by_ids_alone(batch, template.as_ref(), span, errors);
            }
        }
        let cache = attr.cache.into_inner();
        let mut exprs: Vec<(&str, &Expr)> = Vec::new();
        exprs.extend(attr.ttl.get().and_then(Ttl::expr).map(|expr| ("ttl", expr)));
        exprs.extend(cache.as_ref().map(|expr| ("cache", expr)));
        exprs.extend(attr.when.get().map(|expr| ("when", expr)));
        exprs.extend(attr.unless.get().map(|expr| ("unless", expr)));
        exprs.extend(computed.iter().map(|computed| ("with", &computed.expr)));
        mark_used(&mut params, &exprs);
        if home != Home::Body {
            check::patterns_are_not_used(&params, &exprs, errors);
        }

        let may_have_instances = home == Home::Body
            && is_associated
            && around.is_none()
            // Its values are those of the other function, whoever `Self` is.
            && attr.shares.get().is_none()
            && template.as_ref().is_some_and(|template| !template.holes().any(|hole| hole.root == "Self"));
        if may_have_instances {
            codec::tells_self(&attr.codec, errors);
        }
        let is_bare = around.is_none() && is_associated;
        let key = match template {
            Some(template) => key::by_template(template, &known),
            None => key::by_default(&known, &skipped, around, is_bare),
        };
        let templates = attr.tags.into_inner().unwrap_or_default();
        let mut tags = tags::pieces(&sig, &known, &params, &key, templates, errors);
        let (how, mut output) = returns(&sig, is_local)?;
        if batched.is_some() {
            output = batch::each(&params, &output, &generated);
        }
        if let Some(around) = around
            && matches!(home, Home::Impl { .. })
        {
            output = around.qualify(&output);
            let computed = computed.iter_mut().map(|computed| &mut computed.param);
            params.iter_mut().chain(computed).for_each(|param| {
                param.ty = around.qualify(&param.ty);
                param.id = param.id.as_ref().map(|id| around.qualify(id));
            });
        }
        let of = freshness::Of { sig: &sig, params: &params, home: &home, how, around };
        let freshness = freshness::resolve(attr.freshness, attr.ttl.into_inner(), &of, errors);
        check::shares_one_type(&sig, &output, attr.shares.get(), errors);
        check::shares_one_room(attr.memory.span(), attr.shares.get(), errors);
        let key_params = key_params(&sig, &key, &params, &computed);
        let declared = attr.groups.into_inner().unwrap_or_default();
        let has_companion = matches!(home, Home::Beside(_));
        let (groups, of_groups) = tags::groups(&sig, &known, &key_params, has_companion, declared, errors);
        tags.extend(of_groups);
        let [key_needs, value_needs, peek_needs] = needs(&sig, &key, &key_params, &output);
        let is_param = |name: &str| {
            known.iter().any(|known| {
                matches!(known.kind, KnownKind::Value | KnownKind::Receiver) && known.name == name
            })
        };
        let (freshness, ttl) = freshness?;
        Some(Self {
            generated,
            batch: batched,
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
            ttl,
            jitter: attr.jitter.into_inner(),
            freshness,
            storing: Storing {
                when: attr.when.into_inner(),
                unless: attr.unless.into_inner(),
                negative_ttl: attr.negative_ttl.into_inner(),
                version: attr.version.into_inner().unwrap_or_default(),
                codec: attr.codec.into_inner(),
                value_bytes_max: attr.value_bytes_max.into_inner(),
                memory: attr.memory.into_inner(),
                is_local,
                is_strict: attr.consistency.into_inner() == Some(Consistency::Strict),
                shares: attr.shares.into_inner(),
                pending: params
                    .iter()
                    .filter(|param| param.may_be_pending())
                    .map(|param| param.ident.clone())
                    .collect(),
            },
            computed,
            tags,
            groups,
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
        let name = match self.home {
            Home::Impl { .. } => names::of_method(name),
            _ => name.to_owned(),
        };
        names::local(&self.item(&name).to_string())
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

fn key_params(sig: &Signature, key: &[KeyPiece], params: &[Param], computed: &[Computed]) -> Vec<KeyParam> {
    let mut all: Vec<KeyParam> = Vec::new();
    for piece in key {
        let KeyPiece::OfSelf { hole, given, .. } = piece else { continue };
        if all.iter().any(|known| known.ident == *given) {
            continue;
        }
        let Some(FnArg::Receiver(receiver)) = sig.inputs.first() else { continue };
        let (this, fields) = (receiver.self_token, &hole.fields);
        let kind = match (fields.is_empty(), hole.is_hash) {
            (true, false) => Kind::Whole(syn::parse_quote!(Self)),
            (true, true) => Kind::Parts(syn::parse_quote!(Self)),
            (false, false) => Kind::Any,
            (false, true) => Kind::AnyHash,
        };
        all.push(KeyParam { ident: given.clone(), place: quote!(#this #(.#fields)*), kind, pattern: None });
    }
    let computed = computed.iter().map(|computed| &computed.param);
    all.extend(params.iter().chain(computed).filter(|param| param.role != Role::Skipped).map(KeyParam::of));
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

fn mark_used(params: &mut [Param], exprs: &[(&str, &Expr)]) {
    for param in params {
        let is_it = |name: &str| param.binds(name);
        param.is_used_by_attribute = exprs.iter().any(|(_, expr)| mentions(expr.to_token_stream(), &is_it));
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
