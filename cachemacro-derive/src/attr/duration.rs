//! Durations as text, at compile time: `"1h 30m"`.

use std::time::Duration;

/// Milliseconds of each unit, from the largest.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads numbers with units, from the largest unit to the smallest.
///
/// The error says what to write.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    millis(text).map(Duration::from_millis).ok_or_else(|| {
        format!("invalid duration `{text}`; write a number and a unit, like `5m`, `90s` or `1h 30m`")
    })
}

fn millis(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut units = UNITS.as_slice();
    let mut total = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, after) =
            after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let at = units.iter().position(|(name, _)| *name == unit)?;
        total = number.parse::<u64>().ok()?.checked_mul(units[at].1)?.checked_add(total)?;
        units = &units[at + 1..];
        rest = after.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        let millis = |text| parse(text).unwrap().as_millis();
        assert_eq!(millis("250ms"), 250);
        assert_eq!(millis("90s"), 90_000);
        assert_eq!(millis("5m"), 300_000);
        assert_eq!(millis("1h 30m"), 5_400_000);
        assert_eq!(millis("1h30m"), 5_400_000);
        assert_eq!(millis(" 2d  1ms "), 172_800_001);
        assert_eq!(millis("0s"), 0);
    }

    #[test]
    fn anything_else_says_what_to_write() {
        for text in [
            "",
            " ",
            "5",
            "5 mins",
            "m",
            "5m 5m",
            "30m 1h",
            "1.5h",
            "-1s",
            "1h,30m",
            "5µs",
            "5 m",
            "99999999999999d",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("invalid duration `{text}`; write a number")), "{error}");
        }
    }
}
