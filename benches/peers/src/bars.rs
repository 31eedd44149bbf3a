//! What is promised of a hit in this process.

use crate::bar::Bar;
use crate::cases::{BY_HAND, Case, OURS, OURS_WRITTEN, QUICK_TEXT};
use crate::times::Times;

/// Instructions of a hit with a key of one integer, under fat LTO: found by the integer, and where the key is written first.
const INSTRUCTIONS_MAX: [(Case, f64); 2] = [(OURS, 250.0), (OURS_WRITTEN, 400.0)];

/// What the checks allow: about a tenth more than it was when this was written.
const INSTRUCTIONS_CHECKED: [(Case, f64); 2] = [(OURS, 262.0), (OURS_WRITTEN, 400.0)];

/// The bars that can be told of what was measured.
pub fn of(counts: &[(&str, f64)], times: &[Times]) -> Vec<Bar> {
    let count = |name| counts.iter().find(|(case, _)| *case == name).map(|(_, count)| *count);
    let time = |name| times.iter().find(|times| times.name == name);
    let mut bars = Vec::new();
    for (case, most) in INSTRUCTIONS_MAX {
        if let Some(ours) = count(case.name) {
            bars.push(Bar::new(&format!("instructions, {}", case.name), ..=most, ours, ""));
        }
    }
    if let (Some(ours), Some(written), Some(by_hand), Some(get)) =
        (time(OURS.name), time(OURS_WRITTEN.name), time(BY_HAND.name), time(QUICK_TEXT.name))
    {
        let [one, two] = ours.one_key;
        bars.extend([
            Bar::new("time of a hit, of `get` with its key at hand", ..=2.0, ours.hot / get.hot, "×"),
            Bar::new(
                "time, key written each time, of the same by hand",
                ..=1.4,
                written.hot / by_hand.hot,
                "×",
            ),
            Bar::new("two threads on one key, of one", ..=2.0, two / one, "×"),
            Bar::new("two threads over 8192 keys", ..=80.0, ours.many_keys[1], " ns"),
        ]);
    }
    bars
}

/// Whether a hit takes more instructions than it did.
pub fn is_worse(counts: &[(&str, f64)]) -> bool {
    let is_more =
        |(case, most): &(Case, f64)| counts.iter().any(|(name, count)| *name == case.name && count > most);
    INSTRUCTIONS_CHECKED.iter().any(is_more)
}
