//! Nothing that can change a result is left out of a key: over random signatures.
//!
//! `SIGNATURES=1000000 cargo test --release -p cachemacro-derive completeness -- --nocapture` draws a
//! million; `SEED=…` draws those of a failure again.

use std::env;
use std::time::SystemTime;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::parse::mentions;

/// What an ordinary run draws.
const SIGNATURES: u64 = 2_000;

/// Draws (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Where something of a signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Hole,
    Skip,
    /// In the `skip(…)` of `#[cache_methods]`.
    SkipOfImpl,
    /// Something is computed from it, and that is in the key.
    With,
    Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `u64`
    Value,
    /// Bound by a pattern, and so known to the body and the key alone.
    Bound,
    /// `impl Fn()`, which has no place in a key.
    Opaque,
    /// `&Pool`, of which its type may say that it cannot matter.
    MaybeHandle,
    Receiver,
    Type,
    Const,
    TypeOfImpl,
    ConstOfImpl,
}

/// Something that can change the result.
#[derive(Debug)]
struct Part {
    name: String,
    kind: Kind,
    place: Place,
}

/// A function with its attribute.
#[derive(Debug)]
struct Drawn {
    parts: Vec<Part>,
    in_impl: bool,
    has_key: bool,
    /// Whether `<Self>` is in the key.
    tells_self: bool,
    args: String,
    item: String,
    args_of_impl: String,
}

const VALUES: [&str; 12] = [
    "u64",
    "&str",
    "&'a str",
    "Option<&'a str>",
    "Vec<Option<String>>",
    "(u8, i64)",
    "[u8; 4]",
    "&[&str]",
    "std::borrow::Cow<'a, str>",
    "Arc<Vec<u8>>",
    "f64",
    "fn(&str) -> u8",
];
const HANDLES: [&str; 6] = [
    "&Pool",
    "Arc<db::State>",
    "&(dyn Repo + Sync)",
    "Filter<'a>",
    "Box<dyn Repo + Send>",
    "&mut crate::Conn",
];
const OPAQUE: [&str; 3] =
    ["impl Fn() + Send", "&(impl Fn(u8) -> u8 + Sync)", "Option<impl Iterator<Item = u8>>"];
const RECEIVERS: [&str; 6] =
    ["&self", "&mut self", "self", "mut self", "self: Arc<Self>", "self: &'a Arc<Self>"];

fn draw(random: &mut Random) -> Drawn {
    let in_impl = random.one_in(2);
    let mut parts: Vec<Part> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    let mut part = |random: &mut Random, name: &str, kind| {
        let mut places = vec![Place::Hole, Place::Skip];
        match kind {
            Kind::Value | Kind::MaybeHandle => places.push(Place::With),
            Kind::Opaque => places = vec![Place::Skip, Place::With],
            Kind::Receiver => places.extend([Place::Hole, Place::With]),
            _ => {}
        }
        if in_impl {
            places.push(Place::SkipOfImpl);
        }
        let place = if random.one_in(5) { Place::Out } else { random.pick(&places) };
        parts.push(Part { name: name.to_owned(), kind, place });
    };
    let (types, consts) = (random.below(3), random.below(2));
    // A bare attribute sees no other sign of a method.
    let has_receiver = if in_impl { !random.one_in(3) } else { random.one_in(3) };
    if has_receiver {
        inputs.push(random.pick(&RECEIVERS).to_owned());
        part(random, "self", Kind::Receiver);
    }
    for at in 0..random.below(5) {
        let name = format!("p{at}");
        match random.below(9) {
            0 => {
                inputs.push(format!("({name}a, mut {name}b): (u8, String)"));
                part(random, &format!("{name}a"), Kind::Bound);
                part(random, &format!("{name}b"), Kind::Bound);
            }
            1 => {
                inputs.push(format!("&Point {{ {name}x, y: ref {name}y, .. }}: &Point"));
                part(random, &format!("{name}x"), Kind::Bound);
                part(random, &format!("{name}y"), Kind::Bound);
            }
            2 => inputs.push("_: u8".to_owned()),
            3 => {
                inputs.push(format!("{name}: {}", random.pick(&OPAQUE)));
                part(random, &name, Kind::Opaque);
            }
            4 | 5 => {
                inputs.push(format!("{name}: {}", random.pick(&HANDLES)));
                part(random, &name, Kind::MaybeHandle);
            }
            6 if types > 0 => {
                inputs.push(format!("mut {name}: {}", random.pick(&["T0", "&'a T0", "Vec<T0>"])));
                part(random, &name, Kind::Value);
            }
            _ => {
                inputs.push(format!("{name}: {}", random.pick(&VALUES)));
                part(random, &name, Kind::Value);
            }
        }
    }
    let mut generics = vec!["'a".to_owned()];
    for at in 0..types {
        generics.push(format!("T{at}: {}", random.pick(&["Clone", "Row<'a> + Send", "?Sized"])));
        part(random, &format!("T{at}"), Kind::Type);
    }
    for at in 0..consts {
        generics.push(format!("const N{at}: {}", random.pick(&["usize", "bool"])));
        part(random, &format!("N{at}"), Kind::Const);
    }
    let mut generics_of_impl = Vec::new();
    if in_impl && random.one_in(2) {
        generics_of_impl.push("I: Clone".to_owned());
        part(random, "I", Kind::TypeOfImpl);
    }
    if in_impl && random.one_in(3) {
        generics_of_impl.push("const M: usize".to_owned());
        part(random, "M", Kind::ConstOfImpl);
    }
    let has_key = !random.one_in(4);
    let tells_self = has_key && (in_impl || has_receiver) && random.one_in(4);
    if !has_key {
        // All that is not skipped is in it, `Self` for what the `impl` is generic over.
        for part in parts.iter_mut().filter(|part| part.place == Place::Out) {
            part.place = if part.kind == Kind::Opaque { Place::Skip } else { Place::Hole };
        }
    }
    let args = args(random, &parts, has_key, tells_self);
    let function = format!(
        "async fn drawn<{}>({}) -> Result<u64, String> where u64: Copy {{ body() }}",
        generics.join(", "),
        inputs.join(", ")
    );
    let skipped: Vec<&str> = names(&parts, Place::SkipOfImpl);
    let args_of_impl =
        if skipped.is_empty() { String::new() } else { format!("skip({})", skipped.join(", ")) };
    let names_of_impl: Vec<&str> =
        generics_of_impl.iter().map(|param| if param.contains('M') { "M" } else { "I" }).collect();
    let of_trait = random.pick(&["", "Load for "]);
    let item = match in_impl {
        true => format!(
            "impl<{}> {of_trait}Repo<{}> {{ #[cache_result({args})] {function} fn other(&self) {{}} }}",
            generics_of_impl.join(", "),
            names_of_impl.join(", ")
        ),
        false => format!("pub {function}"),
    };
    Drawn { parts, in_impl, has_key, tells_self, args, item, args_of_impl }
}

fn names(parts: &[Part], place: Place) -> Vec<&str> {
    parts.iter().filter(|part| part.place == place).map(|part| part.name.as_str()).collect()
}

fn args(random: &mut Random, parts: &[Part], has_key: bool, tells_self: bool) -> String {
    let mut args = vec!["ttl = 5".to_owned()];
    let computed = names(parts, Place::With);
    let skipped = names(parts, Place::Skip);
    if !skipped.is_empty() {
        args.push(format!("skip({})", skipped.join(", ")));
    }
    if !computed.is_empty() {
        args.push(format!("with(computed: u64 = all(&({})))", computed.join(", &")));
    }
    if has_key {
        let hole = |random: &mut Random, part: &Part| match part.kind {
            Kind::Receiver => {
                random.pick(&["<self>", "<self.0.id>", "<self.filter:hash>", "<self.a>/<self.b>"]).to_owned()
            }
            Kind::Value | Kind::Bound => {
                format!("<{}{}>", part.name, random.pick(&["", "", ".field.1", ":hash"]))
            }
            _ => format!("<{}>", part.name),
        };
        let mut holes: Vec<String> =
            parts.iter().filter(|part| part.place == Place::Hole).map(|part| hole(random, part)).collect();
        holes.extend((!computed.is_empty()).then(|| "<computed>".to_owned()));
        holes.extend(tells_self.then(|| "<Self>".to_owned()));
        args.push(format!("key = \"drawn:{}\"", holes.join(random.pick(&[":", "/", ", "]))));
    }
    // The order of arguments says nothing.
    for at in (1..args.len()).rev() {
        args.swap(at, random.below(at + 1));
    }
    args.join(", ")
}

impl Drawn {
    fn expand(&self) -> TokenStream {
        let item = self.item.parse().expect("an item is drawn");
        match self.in_impl {
            true => super::cache_methods(self.args_of_impl.parse().expect("arguments are drawn"), item),
            false => super::cache_result(self.args.parse().expect("arguments are drawn"), item),
        }
    }

    /// What is to be said: one error for each part that is left out, and whose type cannot answer for it.
    fn errors(&self) -> Vec<String> {
        let told = |part: &Part| matches!(part.kind, Kind::TypeOfImpl | Kind::ConstOfImpl) && self.tells_self;
        let out = self.parts.iter().filter(|part| part.place == Place::Out && !told(part));
        let or_skip = |name: &str| format!("or `skip({name})` if it cannot change the result");
        let mut errors: Vec<String> = out
            .filter_map(|Part { name, kind, .. }| {
                let skip = or_skip(name);
                Some(match kind {
                    Kind::MaybeHandle => return None,
                    Kind::Receiver => "`self` is not part of the key; add what of it can change the result, like `<self.id>` or `<self>`, or `skip(self)` if nothing of it can".to_owned(),
                    Kind::Value | Kind::Bound | Kind::Opaque => format!("parameter `{name}` is not part of the key; add `<{name}>` to it, {skip}"),
                    Kind::Type => format!("type parameter `{name}` is not part of the key; add `<{name}>` to it, {skip}"),
                    Kind::Const => format!("const parameter `{name}` is not part of the key; add `<{name}>` to it, {skip}"),
                    Kind::TypeOfImpl => format!("type parameter `{name}` of the `impl` is not part of the key; add `<Self>` or `<{name}>` to it, {skip}"),
                    Kind::ConstOfImpl => format!("const parameter `{name}` of the `impl` is not part of the key; add `<Self>` or `<{name}>` to it, {skip}"),
                })
            })
            .collect();
        errors.sort();
        errors
    }

    /// Checks what is generated; whether it is no error.
    fn check(&self) -> Result<bool, String> {
        let tokens = self.expand();
        let mut said = Vec::new();
        compile_errors(&tokens, &mut said);
        said.sort();
        let expected = self.errors();
        if said != expected {
            return Err(format!("it says {said:#?}\nand not {expected:#?}"));
        }
        let text = tokens.to_string();
        let left_to_types = self.parts.iter().filter(|part| part.kind == Kind::MaybeHandle);
        let has_asked = expected.is_empty()
            || (!self.in_impl && self.parts.iter().all(|part| part.kind != Kind::Receiver));
        for part in left_to_types.filter(|_| has_asked) {
            let asks = text.contains(&format!("enum {} {{ }}", part.name));
            if asks != (part.place == Place::Out) {
                return Err(format!("whether the type of `{}` answers for it: {asks}", part.name));
            }
        }
        if expected.is_empty() {
            self.check_images(tokens.clone())?;
            self.check_keys(tokens)?;
        }
        Ok(expected.is_empty())
    }

    /// An image is of all that is in the key, and there is none where that is more than values.
    fn check_images(&self, tokens: TokenStream) -> Result<(), String> {
        let mut images = Vec::new();
        image_adds(tokens, &mut images);
        let in_key = || self.parts.iter().filter(|part| part.place == Place::Hole);
        let is_value = |part: &Part| matches!(part.kind, Kind::Value | Kind::Bound | Kind::MaybeHandle);
        for image in images {
            if let Some(part) = in_key().find(|part| !is_value(part)) {
                return Err(format!("`{}` is in the key, and not in the image {image}", part.name));
            }
            for part in in_key() {
                if !mentions(image.clone(), &|ident| ident == part.name) {
                    return Err(format!("`{}` is not in the image {image}", part.name));
                }
            }
            if self.args.contains(":hash") || self.parts.iter().any(|part| part.place == Place::With) {
                return Err(format!("the key is of more than the image {image}"));
            }
        }
        Ok(())
    }

    /// Each way to the key writes all that is in it, and nothing that is skipped.
    fn check_keys(&self, tokens: TokenStream) -> Result<(), String> {
        let mut ways = Vec::new();
        key_writes(tokens, &mut ways);
        if ways.is_empty() {
            return Err("no key is written".to_owned());
        }
        let of_impl = |part: &Part| matches!(part.kind, Kind::TypeOfImpl | Kind::ConstOfImpl);
        for way in ways {
            let text = way.to_string();
            let names_type = |name: &str| text.contains(&format!("type_name :: < {name} >"));
            let writes = |part: &Part| match part.kind {
                Kind::Type | Kind::TypeOfImpl => names_type(&part.name),
                Kind::Receiver => {
                    mentions(way.clone(), &|ident| ident == "self" || ident.starts_with("self_"))
                }
                _ => mentions(way.clone(), &|ident| ident == part.name),
            };
            for part in &self.parts {
                let name = part.name.as_str();
                // In a default key `Self` tells them.
                let is_in_key = match of_impl(part) && !self.has_key {
                    true => writes(part) || names_type("Self"),
                    false => writes(part),
                };
                let should_be = part.place == Place::Hole;
                if should_be != is_in_key && (should_be || self.has_key || !of_impl(part)) {
                    return Err(format!("`{name}` is in the key: {is_in_key}, in {way}"));
                }
            }
            let has_computed = self.parts.iter().any(|part| part.place == Place::With);
            if mentions(way.clone(), &|ident| ident == "computed") != has_computed {
                return Err(format!("what is computed is not as it should be in {way}"));
            }
            if self.tells_self && !names_type("Self") {
                return Err(format!("`Self` is not in {way}"));
            }
        }
        Ok(())
    }
}

/// The text of each `compile_error!`.
fn compile_errors(tokens: &TokenStream, found: &mut Vec<String>) {
    let mut is_error = false;
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(ident) => is_error = ident == "compile_error",
            TokenTree::Group(group) if is_error => {
                let text: syn::LitStr = syn::parse2(group.stream()).expect("an error is text");
                found.push(text.value());
                is_error = false;
            }
            TokenTree::Group(group) => compile_errors(&group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// For each block that writes a key, the statements that do.
fn key_writes(tokens: TokenStream, found: &mut Vec<TokenStream>) {
    const BUFFER: &str = "__cachemacro_buffer";
    for token in tokens {
        let TokenTree::Group(group) = token else { continue };
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let writes = tokens.windows(2).any(|pair| match &pair[1] {
            TokenTree::Punct(dot) => pair[0].to_string() == BUFFER && dot.as_char() == '.',
            TokenTree::Group(given) => {
                pair[0].to_string() == "write" && mentions(given.stream(), &|ident| ident == BUFFER)
            }
            _ => false,
        });
        if group.delimiter() != Delimiter::Brace || !writes {
            key_writes(group.stream(), found);
            continue;
        }
        let mut statements: Vec<Vec<TokenTree>> = vec![Vec::new()];
        for token in group.stream() {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ';' => statements.push(Vec::new()),
                _ => statements.last_mut().expect("there is one").push(token),
            }
        }
        let is_let = |token: &TokenTree| token.to_string() == "let";
        let writes = statements.into_iter().filter(|tokens| !tokens.iter().any(is_let));
        let writes =
            writes.filter(|tokens| mentions(tokens.iter().cloned().collect(), &|ident| ident == BUFFER));
        found.push(writes.flatten().collect());
    }
}

/// The innermost blocks that add to an image.
fn image_adds(tokens: TokenStream, found: &mut Vec<TokenStream>) {
    for token in tokens {
        let TokenTree::Group(group) = token else { continue };
        let adds = group.stream().into_iter().any(|token| token.to_string() == "add_to");
        match group.delimiter() == Delimiter::Brace && adds {
            true => found.push(group.stream()),
            false => image_adds(group.stream(), found),
        }
    }
}

#[test]
fn what_is_left_out_is_reported_and_what_is_not_is_in_the_key() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let signatures = number("SIGNATURES").unwrap_or(SIGNATURES);
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970").as_nanos() as u64;
    let seed = number("SEED").unwrap_or(now);
    println!("{signatures} signatures, SEED={seed}");
    let mut random = Random(seed);
    let mut complete = 0;
    for _ in 0..signatures {
        let drawn = draw(&mut random);
        match drawn.check() {
            Ok(is_complete) => complete += u64::from(is_complete),
            Err(why) => panic!(
                "SEED={seed}: #[cache_methods({})] #[cache_result({})] {}\n{why}\n{:#?}",
                drawn.args_of_impl, drawn.args, drawn.item, drawn.parts
            ),
        }
    }
    println!("{complete} of them were complete");
    assert!(complete > signatures / 5 && complete < signatures, "both are drawn: {complete} of {signatures}");
}
