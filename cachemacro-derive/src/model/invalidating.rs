//! A mutation: what it invalidates, and when that is known.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, FnArg, Pat, Path, ReturnType, Signature, Type, Visibility, parse_quote};

use super::mutation_check as check;
use crate::attr::{Entry, Hole, Invalidates, Part, Template, Typed};
use crate::errors::Errors;
use crate::names;
use crate::parse::{Body, Function, mentions, unraw};

/// A mutation.
pub(crate) struct Invalidating {
    /// The path of all that generated code names.
    pub(crate) generated: TokenStream,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) output: Type,
    pub(crate) body: Body,
    pub(crate) only_ok: bool,
    pub(crate) cache: Option<Expr>,
    /// What is known before the body.
    pub(crate) early: Vec<Step>,
    /// What is known only from the body's value.
    pub(crate) late: Vec<Step>,
    /// What late steps take from before the body, which may move it.
    pub(crate) captured: Vec<Captured>,
    /// `result`, as the late steps name it.
    pub(crate) result: Ident,
}

/// A target, or one for each item.
pub(crate) struct Step {
    pub(crate) target: Target,
    pub(crate) each: Option<(Pat, Expr)>,
}

/// What is invalidated.
pub(crate) enum Target {
    /// The value of a cached function.
    Typed { path: Path, args: Vec<Arg> },
    /// A key as it stands.
    Key(Vec<KeyText>),
}

/// An argument of a cached function.
pub(crate) enum Arg {
    /// Evaluated where it stands.
    Here(Expr),
    /// Written into this variable before the body.
    Captured(Ident, Span),
}

/// A piece of a key.
pub(crate) enum KeyText {
    /// Text as it stands.
    Text(String),
    /// A place, evaluated where it stands.
    Here(TokenStream),
    /// Written into this variable before the body.
    Captured(Ident),
}

/// Something that is written before the body.
pub(crate) struct Captured {
    pub(crate) ident: Ident,
    pub(crate) value: TokenStream,
    pub(crate) span: Span,
    /// Whether it is an argument, and not text of a key.
    pub(crate) is_arg: bool,
}

impl Invalidating {
    /// What the attribute means for the function; `None` after adding errors.
    pub(crate) fn resolve(attr: Invalidates, function: Function, errors: &Errors) -> Option<Self> {
        check::signature(&function, errors);
        if attr.entries.is_empty() && !attr.entry_mentioned {
            errors.at(
                Span::call_site(),
                "nothing is invalidated; name a cached function, like `#[invalidates(get_user(id))]`",
            );
        }
        let Function { attrs, vis, sig, body } = function;
        let params = bound_names(&sig);
        for entry in &attr.entries {
            if let Entry::Key(template) = entry {
                check::template(&sig, &params, template, errors);
            }
        }
        let output = match &sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        let generated = names::generated(attr.krate.get());
        let mut steps = Steps { generated: generated.clone(), params, ..Steps::default() };
        attr.entries.into_iter().for_each(|entry| steps.add(entry));
        let Steps { early, late, captured, result, .. } = steps;
        Some(Self {
            generated,
            attrs,
            vis,
            sig,
            output,
            body,
            only_ok: attr.only_ok.into_inner().unwrap_or(false),
            cache: attr.cache.into_inner(),
            early,
            late,
            captured,
            result: Ident::new("result", result.unwrap_or_else(Span::call_site)),
        })
    }
}

/// The entries, sorted by when they are known.
#[derive(Default)]
struct Steps {
    generated: TokenStream,
    params: Vec<Ident>,
    early: Vec<Step>,
    late: Vec<Step>,
    captured: Vec<Captured>,
    result: Option<Span>,
}

impl Steps {
    fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Typed(typed) => self.add_typed(typed, None),
            Entry::Each { typed, binder, iter } => self.add_typed(typed, Some((*binder, *iter))),
            Entry::Key(template) => self.add_key(template),
        }
    }

    fn add_typed(&mut self, Typed { path, args }: Typed, each: Option<(Pat, Expr)>) {
        let iter = each.iter().map(|(_, iter)| iter);
        let spans: Vec<_> = args.iter().chain(iter).map(|expr| result_of(expr.to_token_stream())).collect();
        let Some(result) = spans.into_iter().flatten().next() else {
            let args = args.into_iter().map(Arg::Here).collect();
            self.early.push(Step { target: Target::Typed { path, args }, each });
            return;
        };
        self.result.get_or_insert(result);
        let bound = each.as_ref().map(|(binder, _)| bound_by(binder)).unwrap_or_default();
        let args = args.into_iter().map(|arg| self.late_arg(arg, &bound)).collect();
        self.late.push(Step { target: Target::Typed { path, args }, each });
    }

    /// An argument that needs neither the result nor the item is written before the body moves what it names.
    fn late_arg(&mut self, arg: Expr, bound: &[Ident]) -> Arg {
        let tokens = arg.to_token_stream();
        let is_bound = |name: &str| name == "result" || bound.iter().any(|ident| unraw(ident) == name);
        let is_param = |name: &str| self.params.iter().any(|param| unraw(param) == name);
        if mentions(tokens.clone(), &is_bound) || !mentions(tokens.clone(), &is_param) {
            return Arg::Here(arg);
        }
        let span = syn::spanned::Spanned::span(&arg);
        Arg::Captured(self.capture(tokens, span, true), span)
    }

    fn add_key(&mut self, template: Template) {
        let is_late = template.holes().any(|hole| hole.root == "result");
        let span = template.span;
        let pieces = template.parts.into_iter().map(|part| match part {
            Part::Text(text) => KeyText::Text(text),
            Part::Hole(hole) => {
                let place = self.place(&hole, span);
                match is_late && hole.root != "result" {
                    true => KeyText::Captured(self.capture(place, span, false)),
                    false => KeyText::Here(place),
                }
            }
        });
        let target = Target::Key(pieces.collect());
        let step = Step { target, each: None };
        if is_late { self.late.push(step) } else { self.early.push(step) }
    }

    fn capture(&mut self, value: TokenStream, span: Span, is_arg: bool) -> Ident {
        let ident = names::local(&format!("captured_{}", self.captured.len()));
        self.captured.push(Captured { ident: ident.clone(), value, span, is_arg });
        ident
    }

    /// The place that a hole stands for.
    fn place(&self, hole: &Hole, span: Span) -> TokenStream {
        let fields = &hole.fields;
        let root = match self.params.iter().find(|param| unraw(param) == hole.root) {
            Some(param) if hole.root != "result" => param.clone(),
            _ => Ident::new(&hole.root, self.result.unwrap_or(Span::call_site()).located_at(span)),
        };
        let place = quote::quote!(#root #(.#fields)*);
        let generated = &self.generated;
        let place = if hole.is_hash { quote::quote!(#generated::Hashed(&#place)) } else { place };
        names::tokens_at(&place, span)
    }
}

/// Where `result` is mentioned.
fn result_of(tokens: TokenStream) -> Option<Span> {
    if !mentions(tokens.clone(), &|name| name == "result") {
        return None;
    }
    fn find(tokens: TokenStream) -> Option<Span> {
        tokens.into_iter().find_map(|token| match token {
            proc_macro2::TokenTree::Ident(ident) if ident == "result" => Some(ident.span()),
            proc_macro2::TokenTree::Group(group) => find(group.stream()),
            _ => None,
        })
    }
    find(tokens)
}

/// All names that the parameters bind, `self` among them.
fn bound_names(sig: &Signature) -> Vec<Ident> {
    let bound = |input: &FnArg| match input {
        FnArg::Receiver(receiver) => vec![Ident::new("self", receiver.self_token.span)],
        FnArg::Typed(typed) => bound_by(&typed.pat),
    };
    sig.inputs.iter().flat_map(bound).collect()
}

fn bound_by(pat: &Pat) -> Vec<Ident> {
    struct Bound(Vec<Ident>);
    impl<'ast> Visit<'ast> for Bound {
        fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
            self.0.push(pat.ident.clone());
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut bound = Bound(Vec::new());
    bound.visit_pat(pat);
    bound.0
}
