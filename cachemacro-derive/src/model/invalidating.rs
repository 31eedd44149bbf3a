//! A mutation: what it invalidates, and when that is known.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Expr, FnArg, Pat, Path, Signature, Type, Visibility};

use super::mutation_check as check;
use super::param::bound_by;
use super::returns::{How, returns};
use crate::attr::{Commit, Entry, Guards, Hole, Invalidates, Part, Template, Typed};
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
    pub(crate) how: How,
    pub(crate) output: Type,
    pub(crate) body: Body,
    pub(crate) only_ok: bool,
    pub(crate) guards: Option<Guards>,
    /// The parameter that knows of the commit, where that is not by the end of the function.
    pub(crate) pending: Option<Ident>,
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
    /// The values of a cached function whose arguments have these at these places.
    Group { path: Path, args: Vec<Arg>, places: Vec<usize> },
    /// All values under a tag.
    Tag(Vec<KeyText>),
    /// A key as it stands.
    Key(Vec<KeyText>),
    /// All keys that match.
    Pattern(Vec<KeyText>),
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
    /// A hole, as it is written, and the place that it stands for, evaluated where it stands.
    Here(String, TokenStream),
    /// A hole, and the variable that it is written into before the body.
    Captured(String, Ident),
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
        check::signature("invalidates", &function, errors);
        if attr.entries.is_empty() && !attr.entry_mentioned {
            errors.at(
                Span::call_site(),
                "nothing is invalidated; name a cached function, like `#[invalidates(get_user(id))]`",
            );
        }
        let Function { attrs, vis, sig, body } = function;
        let params = bound_names(&sig);
        for entry in &attr.entries {
            if let Entry::Key(template) | Entry::Tag(template) | Entry::Pattern(template) = entry {
                check::template(&sig, &params, template, errors);
            }
            if let Entry::Pattern(template) = entry {
                check::pattern(template, errors);
            }
        }
        let only_ok = attr.only_ok.into_inner().unwrap_or(false);
        check::commits(&sig, &params, attr.commit.get(), only_ok, errors);
        check::guards(attr.guards.get().copied(), only_ok, errors);
        let (how, output) = returns(&sig, false)?;
        let generated = names::generated(attr.krate.get());
        let mut steps = Steps { generated: generated.clone(), params, ..Steps::default() };
        attr.entries.into_iter().for_each(|entry| steps.add(entry));
        let Steps { early, late, captured, result, .. } = steps;
        Some(Self {
            generated,
            attrs,
            vis,
            sig,
            how,
            output,
            body,
            only_ok,
            guards: attr.guards.into_inner(),
            pending: match attr.commit.into_inner() {
                Some(Commit::With(pending)) => Some(pending),
                Some(Commit::Now) | None => None,
            },
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
            Entry::Key(template) => self.add_key(template, Target::Key),
            Entry::Tag(template) => self.add_key(template, Target::Tag),
            Entry::Pattern(template) => self.add_key(template, Target::Pattern),
        }
    }

    fn add_typed(&mut self, Typed { path, args, group }: Typed, each: Option<(Pat, Expr)>) {
        let iter = each.iter().map(|(_, iter)| iter);
        let spans: Vec<_> = args.iter().chain(iter).map(|expr| result_of(expr.to_token_stream())).collect();
        let Some(result) = spans.into_iter().flatten().next() else {
            let args = args.into_iter().map(Arg::Here).collect();
            self.early.push(Step { target: typed(path, args, group), each });
            return;
        };
        self.result.get_or_insert(result);
        let bound = each.as_ref().map(|(binder, _)| bound_by(binder)).unwrap_or_default();
        let args = args.into_iter().map(|arg| self.late_arg(arg, &bound)).collect();
        self.late.push(Step { target: typed(path, args, group), each });
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

    fn add_key(&mut self, template: Template, target: fn(Vec<KeyText>) -> Target) {
        let is_late = template.holes().any(|hole| hole.root == "result");
        let span = template.span;
        let pieces = template.parts.into_iter().map(|part| match part {
            Part::Text(text) => KeyText::Text(text),
            Part::Hole(hole) => {
                let place = self.place(&hole, span);
                match is_late && hole.root != "result" {
                    true => KeyText::Captured(hole.text, self.capture(place, span, false)),
                    false => KeyText::Here(hole.text, place),
                }
            }
        });
        let target = target(pieces.collect());
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

fn typed(path: Path, args: Vec<Arg>, group: Option<Vec<usize>>) -> Target {
    match group {
        None => Target::Typed { path, args },
        Some(places) => Target::Group { path, args, places },
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
