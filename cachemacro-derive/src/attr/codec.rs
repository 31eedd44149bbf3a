//! How values are written, and how large they may be, as written.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{GenericArgument, LitStr, PathArguments, Token, Type};

use super::or_meant;

/// The engine's own codecs (`form::Format`).
const FORMATS: [&str; 4] = ["Bincode", "Json", "MessagePack", "Postcard"];

/// Those that other languages read.
const SHARED: [&str; 2] = ["Json", "MessagePack"];

const WRITE: &str = "write `Bincode`, `Json`, `MessagePack`, `Postcard`, `Compressed<…>` of one, `Raw<Json>` or \
                     `Raw<MessagePack>`";

/// The engine's bound (`form::VALUE_BYTES_MAX`).
const VALUE_BYTES_MAX: usize = 8 << 20;

/// The engine's bounds on what one function may take of a process (`cache::tuning`).
const MEMORY_MIN: u64 = 64 << 10;
const MEMORY_MAX: u64 = 64 << 30;

/// Bytes of each unit.
const UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// How values are written.
pub(crate) struct Codec {
    /// The format, as the engine calls it.
    pub(crate) format: Ident,
    pub(crate) wrapping: Wrapping,
}

/// What is around a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// The header.
    Plain,
    /// The header, and compression.
    Compressed,
    /// Nothing.
    Raw,
}

/// `codec = Json`, `codec = Compressed<Json>`, `codec = Raw<Json>`
pub(super) fn codec(name: &Ident, input: ParseStream<'_>) -> syn::Result<Codec> {
    if input.parse::<Token![=]>().is_err() || input.is_empty() {
        return Err(syn::Error::new(name.span(), "`codec` takes a codec; write `codec = Json`"));
    }
    if input.peek(LitStr) {
        return Err(input.error("`codec` names a codec, and takes no text; write `codec = Json`"));
    }
    let written: Type = input.parse()?;
    match parts(&written) {
        Some((name, Some(inner))) if name == "Compressed" => match parts(inner) {
            Some((format, None)) if is_format(&format) => {
                Ok(Codec { format, wrapping: Wrapping::Compressed })
            }
            other => Err(unknown(inner, other.map(|(name, _)| name))),
        },
        Some((name, Some(inner))) if name == "Raw" => match parts(inner) {
            Some((format, None)) if SHARED.iter().any(|shared| format == shared) => {
                Ok(Codec { format, wrapping: Wrapping::Raw })
            }
            _ => Err(syn::Error::new_spanned(
                inner,
                "`Raw` is for what other languages read; write `Raw<Json>` or `Raw<MessagePack>`",
            )),
        },
        Some((format, None)) if is_format(&format) => Ok(Codec { format, wrapping: Wrapping::Plain }),
        other => Err(unknown(&written, other.map(|(name, _)| name))),
    }
}

fn is_format(name: &Ident) -> bool {
    FORMATS.iter().any(|format| name == format)
}

/// The last name of a path, and what it is of.
fn parts(written: &Type) -> Option<(Ident, Option<&Type>)> {
    let Type::Path(path) = written else { return None };
    let last = path.path.segments.last()?;
    let of = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(of)) if arguments.args.len() == 1 => Some(of),
            _ => return None,
        },
        _ => None,
    };
    Some((last.ident.clone(), of))
}

fn unknown(written: &Type, name: Option<Ident>) -> syn::Error {
    let near = or_meant(name.map(|name| name.to_string()).as_deref(), &FORMATS);
    syn::Error::new_spanned(written, format!("no codec of cachemacro; {WRITE}{near}"))
}

/// `value_bytes_max = "1MiB"`
pub(super) fn bytes(text: &LitStr) -> syn::Result<usize> {
    match size(text)?.try_into().unwrap_or(usize::MAX) {
        bytes @ 1..=VALUE_BYTES_MAX => Ok(bytes),
        0 => Err(syn::Error::new(
            text.span(),
            "a `value_bytes_max` of zero stores nothing; write what a value may take, like `\"1MiB\"`",
        )),
        _ => Err(syn::Error::new(
            text.span(),
            "no value of more than `8MiB` is stored; write `\"8MiB\"` at most",
        )),
    }
}

/// `memory = "16MiB"`
pub(super) fn memory(text: &LitStr) -> syn::Result<u64> {
    match size(text)? {
        bytes @ MEMORY_MIN..=MEMORY_MAX => Ok(bytes),
        _ => Err(syn::Error::new(
            text.span(),
            "a `memory` is what all values of the function may take of a process, from `64KiB` to `64GiB`; write it like `\"16MiB\"`",
        )),
    }
}

/// A number and a unit; what is more than can be counted is the most that can.
fn size(text: &LitStr) -> syn::Result<u64> {
    let value = text.value();
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim());
    match (number.is_empty(), unit) {
        (false, Some((_, unit))) => Ok(number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*unit)),
        _ => Err(syn::Error::new(
            text.span(),
            format!("invalid size `{value}`; write a number and `B`, `KiB`, `MiB` or `GiB`, like `64KiB`"),
        )),
    }
}
