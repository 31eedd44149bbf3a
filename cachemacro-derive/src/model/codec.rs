//! What `codec` says beside the other arguments.

use crate::attr::{CacheResult, Tier, Wrapping};
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
