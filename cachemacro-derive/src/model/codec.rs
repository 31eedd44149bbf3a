//! What `codec` says beside the other arguments.

use crate::attr::{CacheResult, Codec, Slot, Tier, Wrapping};
use crate::errors::Errors;

/// Refuses arguments that would say nothing.
pub(super) fn check(attr: &CacheResult, errors: &Errors) {
    let Some(codec) = attr.codec.get() else { return };
    if attr.tier.get() == Some(&Tier::Local) {
        errors.at(
            codec.format.span(),
            "values of `tier = local` are never written; leave `codec` out, or the `tier`",
        );
    }
    if codec.wrapping == Wrapping::Raw && attr.version.get().is_some() {
        errors.at(
            codec.format.span(),
            "`Raw` stores no `version`; write it into the key, like `key = \"v2:user:<id>\"`",
        );
    }
    if codec.wrapping == Wrapping::Raw {
        for (name, span) in attr.freshness.decisions() {
            let detail =
                "asks when a value was stored, and replaces that very one: `Raw` keeps neither; leave it out";
            errors.at(span, format!("`{name}` {detail}"));
        }
    }
}

/// Refuses a method whose key does not tell one `Self` from another: what a process has stored for the one is
/// of another version than for the other, and `Raw` stores no version.
pub(super) fn tells_self(codec: &Slot<Codec>, errors: &Errors) {
    if let Some(codec) = codec.get().filter(|codec| codec.wrapping == Wrapping::Raw) {
        errors.at(
            codec.format.span(),
            "a `Raw` value does not say of which `Self` it is, and this attribute does not see whether there are others; add `<Self>` to the key, or put `#[cache_methods]` on the `impl`",
        );
    }
}
