//! What `#[cache_result(…)]` says.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, Token};

use super::batch::{self, Batch};
use super::codec::{self, Codec};
use super::storing::{Consistency, Tier, Ttl};
use super::tags::{self, Group};
use super::with::{self, With};
use super::{Freshness, Slot, Template, args, nearest, storing};
use crate::errors::Errors;
use crate::parse::unraw;

/// All arguments, in the order in which they are suggested.
const KNOWN: [&str; 30] = [
    "ttl",
    "negative_ttl",
    "jitter",
    "ttl_class",
    "idle",
    "stale_while_revalidate",
    "stale_if_error",
    "early",
    "timeout",
    "refresh_every",
    "key",
    "skip",
    "with",
    "batch",
    "batch_window",
    "when",
    "unless",
    "tier",
    "consistency",
    "shares",
    "tags",
    "groups",
    "version",
    "codec",
    "value_bytes_max",
    "memory",
    "cache",
    "name",
    "companion",
    "crate",
];

/// What others call them.
const OTHER_WORDS: [(&str, &str); 19] = [
    ("expire", "ttl"),
    ("expires", "ttl"),
    ("expiry", "ttl"),
    ("expiration", "ttl"),
    ("lifetime", "ttl"),
    ("max_age", "ttl"),
    ("time", "ttl"),
    ("time_to_live", "ttl"),
    ("time_to_idle", "idle"),
    ("tti", "idle"),
    ("swr", "stale_while_revalidate"),
    ("key_prefix", "key"),
    ("prefix", "key"),
    ("exclude", "skip"),
    ("ignore", "skip"),
    ("condition", "when"),
    ("local", "tier = local"),
    ("strict", "consistency = strict"),
    ("serializer", "codec"),
];

/// The arguments of `#[cache_result(…)]`.
pub(crate) struct CacheResult {
    pub(crate) ttl: Slot<Ttl>,
    pub(crate) negative_ttl: Slot<Duration>,
    pub(crate) jitter: Slot<u8>,
    pub(crate) freshness: Freshness,
    pub(crate) key: Slot<KeyArgument>,
    pub(crate) skip: Slot<SkipArgument>,
    pub(crate) with: Slot<Vec<With>>,
    pub(crate) batch: Slot<Batch>,
    pub(crate) batch_window: Slot<Duration>,
    pub(crate) when: Slot<Expr>,
    pub(crate) unless: Slot<Expr>,
    pub(crate) tier: Slot<Tier>,
    pub(crate) consistency: Slot<Consistency>,
    pub(crate) shares: Slot<syn::Path>,
    pub(crate) tags: Slot<Vec<Template>>,
    pub(crate) groups: Slot<Vec<Group>>,
    pub(crate) version: Slot<u32>,
    pub(crate) codec: Slot<Codec>,
    pub(crate) value_bytes_max: Slot<usize>,
    pub(crate) memory: Slot<u64>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) name: Slot<String>,
    pub(crate) companion: Slot<super::Companion>,
    pub(crate) krate: Slot<syn::Path>,
    /// Whether a `ttl` is there, well formed or not: an ill formed one is not missing too.
    pub(crate) ttl_mentioned: bool,
}

/// A key: `None` if it could not be read.
pub(crate) type KeyArgument = Option<Template>;

/// What is skipped: `None` if it could not be read.
pub(crate) type SkipArgument = Option<Vec<Skipped>>;

/// A parameter named in `skip(…)`.
pub(crate) struct Skipped {
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl CacheResult {
    pub(crate) fn read(tokens: TokenStream, errors: &Errors) -> Self {
        let mut attr = Self {
            ttl: Slot::empty("ttl"),
            negative_ttl: Slot::empty("negative_ttl"),
            jitter: Slot::empty("jitter"),
            freshness: Freshness::empty(),
            key: Slot::empty("key"),
            skip: Slot::empty("skip"),
            with: Slot::empty("with"),
            batch: Slot::empty("batch"),
            batch_window: Slot::empty("batch_window"),
            when: Slot::empty("when"),
            unless: Slot::empty("unless"),
            tier: Slot::empty("tier"),
            consistency: Slot::empty("consistency"),
            shares: Slot::empty("shares"),
            tags: Slot::empty("tags"),
            groups: Slot::empty("groups"),
            version: Slot::empty("version"),
            codec: Slot::empty("codec"),
            value_bytes_max: Slot::empty("value_bytes_max"),
            memory: Slot::empty("memory"),
            cache: Slot::empty("cache"),
            name: Slot::empty("name"),
            companion: Slot::empty("companion"),
            krate: Slot::empty("crate"),
            ttl_mentioned: false,
        };
        args::read(tokens, errors, |input| attr.argument(input, errors));
        attr
    }

    fn argument(&mut self, input: ParseStream<'_>, errors: &Errors) -> syn::Result<()> {
        let name = args::name(input)?;
        let span = name.span();
        if self.freshness.argument(&name, input, errors)? {
            return Ok(());
        }
        match name.to_string().as_str() {
            "ttl" => {
                self.ttl_mentioned = true;
                let ttl = storing::ttl(args::value(&name, "\"5m\"", input)?)?;
                self.ttl.set(errors, span, ttl);
            }
            "jitter" => {
                let percent = storing::percent(&args::text(&name, "\"10%\"", input)?)?;
                self.jitter.set(errors, span, percent);
            }
            "key" => {
                let key = Template::read(&args::text(&name, "\"user:<id>\"", input)?, errors);
                self.key.set(errors, span, key);
            }
            "skip" => {
                let skipped = skipped(&name, input);
                let (skipped, error) =
                    skipped.map_or_else(|error| (None, Some(error)), |it| (Some(it), None));
                self.skip.set(errors, span, skipped);
                return error.map_or(Ok(()), Err);
            }
            "negative_ttl" => {
                let ttl = storing::duration(&name, input)?;
                self.negative_ttl.set(errors, span, ttl);
            }
            "with" => {
                let computed = with::read(&name, input)?;
                self.with.set(errors, span, computed);
            }
            "batch" => {
                let batch = batch::read(&name, input)?;
                self.batch.set(errors, span, batch);
            }
            "batch_window" => {
                let window = storing::duration(&name, input)?;
                self.batch_window.set(errors, span, window);
            }
            "when" => {
                let when = storing::when(&name, input)?;
                self.when.set(errors, span, when);
            }
            "unless" => {
                let unless = storing::unless(&name, input)?;
                self.unless.set(errors, span, unless);
            }
            "tier" => {
                let tier = storing::tier(&name, input)?;
                self.tier.set(errors, span, tier);
            }
            "consistency" => {
                let consistency = storing::consistency(&name, input)?;
                self.consistency.set(errors, span, consistency);
            }
            "shares" => {
                let function = shares(&name, input)?;
                self.shares.set(errors, span, function);
            }
            "tags" => {
                let templates = tags::tags(&name, input, errors)?;
                self.tags.set(errors, span, templates);
            }
            "groups" => {
                let groups = tags::groups(&name, input)?;
                self.groups.set(errors, span, groups);
            }
            "version" => {
                let version = storing::version(&name, input)?;
                self.version.set(errors, span, version);
            }
            "codec" => {
                let codec = codec::codec(&name, input)?;
                self.codec.set(errors, span, codec);
            }
            "value_bytes_max" => {
                let bytes = codec::bytes(&args::text(&name, "\"1MiB\"", input)?)?;
                self.value_bytes_max.set(errors, span, bytes);
            }
            "memory" => {
                let bytes = codec::memory(&args::text(&name, "\"16MiB\"", input)?)?;
                self.memory.set(errors, span, bytes);
            }
            "cache" => {
                let cache = args::value(&name, "state.cache", input)?;
                self.cache.set(errors, span, cache);
            }
            "name" => {
                let text = args::text(&name, "\"users\"", input)?;
                if text.value().is_empty() {
                    return Err(syn::Error::new(
                        text.span(),
                        "a `name` cannot be empty; leave it out, or write one",
                    ));
                }
                self.name.set(errors, span, text.value());
            }
            "companion" => {
                let companion = super::companion::read(&name, input)?;
                self.companion.set(errors, span, companion);
            }
            "crate" => {
                let path = path(&name, input)?;
                self.krate.set(errors, span, path);
            }
            other => {
                let ours = OTHER_WORDS.iter().find(|(theirs, _)| *theirs == other).map(|(_, ours)| *ours);
                // `tll` is a mistake in a `ttl`, and not a missing one too.
                match ours.or_else(|| nearest(other, &KNOWN)) {
                    Some("ttl") => self.ttl_mentioned = true,
                    Some("skip") => self.skip.set(errors, span, None),
                    _ => {}
                }
                return Err(match ours {
                    Some(ours) => {
                        syn::Error::new(span, format!("unknown argument `{other}`; here it is `{ours}`"))
                    }
                    None => args::unknown(&name, &KNOWN),
                });
            }
        }
        Ok(())
    }
}

pub(super) fn skipped(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Skipped>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(name.span(), "`skip` takes parameters; write `skip(db)`"));
    }
    let content;
    syn::parenthesized!(content in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, |input: ParseStream<'_>| {
        if input.peek(Token![self]) {
            let token: Token![self] = input.parse()?;
            return Ok(Ident::new("self", token.span));
        }
        let name = input.parse();
        if name.is_ok() && (input.is_empty() || input.peek(Token![,])) {
            return name;
        }
        let span = name.map_or_else(|error| error.span(), |_| input.span());
        // Not for another error at the end.
        input.parse::<TokenStream>()?;
        Err(syn::Error::new(span, "`skip` takes names of parameters, like `skip(db, log)`"))
    })?;
    if names.is_empty() {
        return Err(syn::Error::new(
            name.span(),
            "`skip()` names no parameter; write `skip(db)`, or leave it out",
        ));
    }
    Ok(names.iter().map(|name| Skipped { name: unraw(name), span: name.span() }).collect())
}

/// `shares = get_user`
fn shares(name: &Ident, input: ParseStream<'_>) -> syn::Result<syn::Path> {
    let value = args::value(name, "get_user", input)?;
    match value {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path),
        other => Err(syn::Error::new_spanned(
            other,
            "`shares` names the cached function whose entries it shares; write `shares = get_user`",
        )),
    }
}

/// The path after `crate =`, for all attributes.
pub(super) fn path(name: &Ident, input: ParseStream<'_>) -> syn::Result<syn::Path> {
    let value = args::value(name, "::cachemacro", input)?;
    match value {
        Expr::Path(syn::ExprPath { qself: None, path, .. }) => Ok(path),
        other => Err(syn::Error::new_spanned(other, "`crate` takes a path; write `crate = ::cachemacro`")),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn errors(tokens: TokenStream) -> Vec<String> {
        let errors = Errors::new();
        CacheResult::read(tokens, &errors);
        errors.finish().err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_argument_is_read() {
        let all = quote!(
            ttl = "1h 30m",
            jitter = "10%",
            key = "user:<id>",
            skip(db, r#type),
            cache = state.cache,
            name = "users",
            companion = Users,
            negative_ttl = "10s",
            with(uid: u64 = user.id(), team: &str = &team.name),
            batch(ids, chunk = 100),
            when = page < 10 && id > 0,
            unless = |users: &Vec<User>| users.is_empty(),
            tier = local,
            consistency = bounded,
            shares = users::get_user,
            tags = ["team:<team>", "all"],
            groups(id, (team, id)),
            version = 2,
            memory = "16MiB",
            ttl_class = "user",
            idle = "5m",
            stale_while_revalidate = 60,
            stale_if_error = "1h",
            early = on,
            timeout = "200ms",
            refresh_every = "1m",
            crate = ::renamed::cachemacro,
        );
        assert_eq!(errors(all), [""; 0]);
    }

    #[test]
    fn every_argument_is_in_the_tables_for_users() {
        for table in ["src/lib.rs", "../docs/guide.md"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(table);
            let text = std::fs::read_to_string(path).unwrap();
            let rows = text.lines().filter_map(|line| line.trim_start_matches("/// ").strip_prefix("| `"));
            let rows: Vec<String> =
                rows.filter_map(|row| Some(format!("`{}", row.split(" | ").next()?))).collect();
            for name in KNOWN {
                let is_in = |row: &String| {
                    row.split(&format!("`{name}")).skip(1).any(|rest| rest.starts_with(['`', ' ', '(']))
                };
                assert!(rows.iter().any(is_in), "`{name}` is not in the table of {table}");
            }
        }
    }

    #[test]
    fn each_wrong_argument_is_reported_and_the_next_is_read() {
        let texts = errors(quote!(tll = 5, ttl = "5 mins", jitter = "200%", labels = ["a", "b"], ttl = 0));
        assert_eq!(texts.len(), 5, "{texts:#?}");
        assert_eq!(texts[0], "unknown argument `tll`; did you mean `ttl`?");
        assert!(
            texts[3].starts_with("unknown argument `labels`; there are `ttl`, `negative_ttl`"),
            "{}",
            texts[3]
        );
    }

    #[test]
    fn ten_years_is_the_longest_ttl() {
        assert!(errors(quote!(ttl = 315360000)).is_empty());
        assert_eq!(errors(quote!(ttl = 315360001)).len(), 1);
        assert!(errors(quote!(ttl = "3650d")).is_empty());
        assert!(errors(quote!(ttl = 3650 * 24 * 60 * 60)).is_empty());
        assert_eq!(errors(quote!(ttl = 3651 * 24 * 60 * 60)).len(), 1);
        assert_eq!(errors(quote!(ttl = 5 * 0)).len(), 1);
        assert_eq!(errors(quote!(ttl = "3650d 1ms")).len(), 1);
        assert_eq!(errors(quote!(ttl = 99999999999999999999999)).len(), 1);
    }

    #[test]
    fn an_expression_with_commas_is_one_value() {
        assert_eq!(errors(quote!(ttl = pick::<A, B>(id, 2), key = "a:<id>")), [""; 0]);
    }
}
