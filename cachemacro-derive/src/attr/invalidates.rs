//! What `#[invalidates(…)]` says.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Pat, Path, Token};

use super::cache_result::path;
use super::guards::{self, Guards};
use super::{Slot, Template, args, storing};
use crate::errors::Errors;

/// All arguments that have a name.
const KNOWN: [&str; 9] = ["key", "tag", "pattern", "each", "on", "guard", "commit", "cache", "crate"];

/// The arguments of `#[invalidates(…)]`.
pub(crate) struct Invalidates {
    /// What to invalidate, in the order of writing.
    pub(crate) entries: Vec<Entry>,
    /// Whether to invalidate on `Ok` alone.
    pub(crate) only_ok: Slot<bool>,
    pub(crate) guards: Slot<Guards>,
    pub(crate) commit: Slot<Commit>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) krate: Slot<Path>,
    /// Whether an entry was begun, well formed or not.
    pub(crate) entry_mentioned: bool,
}

/// Something to invalidate.
pub(crate) enum Entry {
    /// `get_user(id)`
    Typed(Typed),
    /// `each(get_user(member) for member in &team.members)`
    Each { typed: Typed, binder: Box<Pat>, iter: Box<Expr> },
    /// `key = "user:<id>"`
    Key(Template),
    /// `tag = "team:<team>"`
    Tag(Template),
    /// `pattern = "tasks:<id>:*"`
    Pattern(Template),
}

/// When what the body changes is committed.
pub(crate) enum Commit {
    /// By the end of the function, whatever its parameters look like.
    Now,
    /// When that of this parameter is.
    With(Ident),
}

impl Commit {
    fn read(expr: Expr) -> syn::Result<Self> {
        match &expr {
            Expr::Path(path) => match path.path.get_ident() {
                Some(ident) if ident == "now" => Ok(Self::Now),
                Some(ident) => Ok(Self::With(ident.clone())),
                None => Err(Self::unknown(&expr)),
            },
            _ => Err(Self::unknown(&expr)),
        }
    }

    fn unknown(expr: &Expr) -> syn::Error {
        let message = "`commit` names the parameter that is a `&cachemacro::Pending`, like `commit = pending`, or is `now`, for a function that commits by its end";
        syn::Error::new_spanned(expr, message)
    }
}

/// `path::to::get_user(id)`
pub(crate) struct Typed {
    pub(crate) path: Path,
    pub(crate) args: Vec<Expr>,
    /// The places of the arguments, where they are a part of all: `get_tasks(user_id, ..)`.
    pub(crate) group: Option<Vec<usize>>,
}

impl Invalidates {
    pub(crate) fn read(tokens: TokenStream, errors: &Errors) -> Self {
        let mut attr = Self {
            entries: Vec::new(),
            only_ok: Slot::empty("on"),
            guards: Slot::empty("guard"),
            commit: Slot::empty("commit"),
            cache: Slot::empty("cache"),
            krate: Slot::empty("crate"),
            entry_mentioned: false,
        };
        args::read(tokens, errors, |input| attr.argument(input, errors));
        attr
    }

    fn argument(&mut self, input: ParseStream<'_>, errors: &Errors) -> syn::Result<()> {
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) {
            return self.named(input, errors);
        }
        self.entry_mentioned = true;
        let is_each =
            input.peek(syn::Ident) && input.fork().parse::<Ident>().is_ok_and(|name| name == "each");
        let entry = if is_each && input.peek2(syn::token::Paren) { each(input)? } else { typed(input)? };
        self.entries.push(entry);
        Ok(())
    }

    fn named(&mut self, input: ParseStream<'_>, errors: &Errors) -> syn::Result<()> {
        let name = args::name(input)?;
        let span = name.span();
        match name.to_string().as_str() {
            "key" => {
                self.entry_mentioned = true;
                let template = Template::read(&args::text(&name, "\"user:<id>\"", input)?, errors);
                self.entries.extend(template.map(Entry::Key));
            }
            "tag" => {
                self.entry_mentioned = true;
                let template = Template::read(&args::text(&name, "\"team:<team>\"", input)?, errors);
                self.entries.extend(template.map(Entry::Tag));
            }
            "pattern" => {
                self.entry_mentioned = true;
                let template = Template::read(&args::text(&name, "\"tasks:<id>:*\"", input)?, errors);
                self.entries.extend(template.map(Entry::Pattern));
            }
            "on" => {
                let message = "`on` is `ok`, for an `Ok` alone, or `any`, for every way to end";
                let only_ok = storing::one_of(&name, input, [("ok", true), ("any", false)], message)?;
                self.only_ok.set(errors, span, only_ok);
            }
            "guard" => {
                let guards = guards::read(&name, true, input)?;
                self.guards.set(errors, span, guards);
            }
            "commit" => {
                let commit = args::value(&name, "pending", input)?;
                self.commit.set(errors, span, Commit::read(commit)?);
            }
            "cache" => {
                let cache = args::value(&name, "self.cache", input)?;
                self.cache.set(errors, span, cache);
            }
            "crate" => {
                let path = path(&name, input)?;
                self.krate.set(errors, span, path);
            }
            // An entry with a mistake in its name, most likely: it is not that there is none.
            _ => {
                self.entry_mentioned = true;
                return Err(args::unknown(&name, &KNOWN));
            }
        }
        Ok(())
    }
}

fn typed(input: ParseStream<'_>) -> syn::Result<Entry> {
    Typed::parse(input).map(Entry::Typed)
}

fn each(input: ParseStream<'_>) -> syn::Result<Entry> {
    const LIKE: &str = "write `each(get_user(id) for id in ids)`";
    let name: Ident = input.parse()?;
    let content;
    syn::parenthesized!(content in input);
    if content.is_empty() {
        return Err(syn::Error::new(name.span(), format!("`each` repeats an entry; {LIKE}")));
    }
    let typed: Typed = content.parse()?;
    if !content.peek(Token![for]) {
        return Err(syn::Error::new(name.span(), format!("`each` repeats an entry; {LIKE}")));
    }
    content.parse::<Token![for]>()?;
    let binder = Pat::parse_multi_with_leading_vert(&content)?;
    content.parse::<Token![in]>()?;
    let iter = content.parse()?;
    if !content.is_empty() {
        return Err(content.error(format!("expected `)`; {LIKE}")));
    }
    Ok(Entry::Each { typed, binder: Box::new(binder), iter: Box::new(iter) })
}

impl Parse for Typed {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !(input.peek(Ident::peek_any) || input.peek(Token![::])) {
            let message = "expected what to invalidate: a cached function, like `get_user(id)`, or `key = \"user:<id>\"`";
            return Err(input.error(message));
        }
        let path = input.parse::<syn::ExprPath>()?.path;
        if !input.peek(syn::token::Paren) {
            let shown = quote::ToTokens::to_token_stream(&path).to_string().replace(' ', "");
            let message = match path.get_ident() {
                Some(name) if name == "self" => {
                    "a method is named by its type; write `Self::find(…)`, with `#[cache_methods]` on the `impl`".to_owned()
                }
                Some(name) if KNOWN.contains(&name.to_string().as_str()) => {
                    format!("`{shown}` takes a value; write `{shown} = …`")
                }
                _ => format!(
                    "name the arguments of the cached function; write `{shown}(…)`, or `{shown}()` if its key has none"
                ),
            };
            return Err(syn::Error::new_spanned(path, message));
        }
        let content;
        syn::parenthesized!(content in input);
        let args: Vec<Expr> =
            Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect();
        let (args, group) = part_of(args)?;
        Ok(Self { path, args, group })
    }
}

/// The arguments of a group, and their places: all before `..` but those that are `_`.
fn part_of(args: Vec<Expr>) -> syn::Result<(Vec<Expr>, Option<Vec<usize>>)> {
    let is_open =
        |arg: &Expr| matches!(arg, Expr::Range(range) if range.start.is_none() && range.end.is_none());
    let len = args.len();
    let Some(open) = args.iter().position(is_open) else {
        return Ok((args, None));
    };
    if open + 1 < len {
        let message = "`..` stands for all arguments from there on; write it last, and `_` for one before it";
        return Err(syn::Error::new_spanned(&args[open], message));
    }
    if open == 0 {
        let message = "`..` stands for the arguments that are left out; write those of a group before it, like `get_tasks(user_id, ..)`";
        return Err(syn::Error::new_spanned(&args[open], message));
    }
    let given = args.into_iter().take(open).enumerate().filter(|(_, arg)| !matches!(arg, Expr::Infer(_)));
    let (places, args): (Vec<usize>, Vec<Expr>) = given.unzip();
    Ok((args, Some(places)))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn read(tokens: TokenStream) -> (usize, Vec<String>) {
        let errors = Errors::new();
        let attr = Invalidates::read(tokens, &errors);
        let texts = errors.finish().err().unwrap_or_default().iter().map(ToString::to_string).collect();
        (attr.entries.len(), texts)
    }

    #[test]
    fn every_kind_of_entry_is_read() {
        let (entries, errors) = read(quote!(
            get_user(id),
            crate::users::get_team(result.team, &id,),
            each(get_user(member) for member in &team.members),
            key = "user:<id>",
            key = "team:<result.team>",
            pattern = "tasks:<id>:*",
            tag = "team:<team>",
            get_tasks(user.id, _, page, ..),
            on = ok,
            guard = off,
            commit = pending,
            cache = self.cache,
            crate = ::renamed,
        ));
        assert_eq!((entries, errors), (8, Vec::<String>::new()));
    }

    #[test]
    fn each_wrong_entry_is_reported_and_the_next_is_read() {
        let (entries, errors) = read(quote!(get_user, on = err, kye = "a", get_team(id), 5, each(a(b))));
        assert_eq!(entries, 1);
        assert_eq!(errors.len(), 5, "{errors:#?}");
        assert_eq!(errors[2], "unknown argument `kye`; did you mean `key`?");
    }
}
