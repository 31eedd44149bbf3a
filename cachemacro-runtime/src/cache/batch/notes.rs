//! The versions of the tags of many ids: those that several have are asked for once.
//!
//! Each by itself would ask for the same version, which one of them would make while all others wait for it.

use std::collections::HashMap;
use std::time::Duration;

use crate::protocol::tags::Standing;
use crate::tag::{Before, Note, Noted, Tag};
use crate::tier::Tier;

/// What loads begin under, of which this is known before; in their order.
pub(super) async fn before(
    tier: &Tier,
    lease: Duration,
    loads: &[Before<'_>],
) -> Result<Vec<Noted>, Standing> {
    let tags = distinct(loads.iter().flat_map(|before| before.tags.iter().chain(before.epochs)));
    let versions = versions(tier, lease, tags).await?;
    let noted = |tags: &[Tag]| tags.iter().filter_map(|tag| versions.get(tag).cloned()).collect();
    Ok(loads.iter().map(|before| Noted { notes: noted(before.tags), epochs: noted(before.epochs) }).collect())
}

/// The versions to store values with, after their loads: with those from before them, those of the tags that each names
/// itself. None for a value of which one may be newer than its load.
pub(super) async fn after(
    tier: &Tier,
    lease: Duration,
    fills: &[(&Noted, &[Tag])],
) -> Vec<Option<Vec<Note>>> {
    let tags = distinct(fills.iter().flat_map(|(_, of_value)| of_value.iter()));
    let versions = versions(tier, lease, tags).await;
    let epochs = epochs(fills);
    // After the versions: what was invalidated before those were noted has moved its epoch on.
    let are_current = epochs.is_empty() || tier.stand(&epochs).await;
    let notes = |(noted, of_value): &(&Noted, &[Tag])| {
        let mut notes = noted.notes.clone();
        if !of_value.is_empty() {
            let versions = versions.as_ref().ok()?;
            if !are_current || !noted.has_epochs_of(of_value) {
                return None;
            }
            for tag in *of_value {
                notes.push(versions.get(tag)?.clone());
            }
        }
        Some(notes)
    };
    fills.iter().map(notes).collect()
}

/// The versions of these tags.
async fn versions(tier: &Tier, lease: Duration, tags: Vec<Tag>) -> Result<HashMap<Tag, Note>, Standing> {
    let notes = tier.notes(&tags, lease).await?;
    Ok(notes.into_iter().map(|note| (note.tag.clone(), note)).collect())
}

/// These tags, each once.
fn distinct<'a>(tags: impl Iterator<Item = &'a Tag>) -> Vec<Tag> {
    let mut tags: Vec<Tag> = tags.cloned().collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// The epochs that were noted for values which name tags, each once.
fn epochs(fills: &[(&Noted, &[Tag])]) -> Vec<Note> {
    let mut epochs: Vec<Note> = Vec::new();
    for (noted, of_value) in fills {
        for epoch in &noted.epochs {
            if !of_value.is_empty() && !epochs.contains(epoch) {
                epochs.push(epoch.clone());
            }
        }
    }
    epochs
}
