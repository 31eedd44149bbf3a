//! A file of tunings, in TOML: read when the cache is built, and again when it changes.
//!
//! ```toml
//! [class]
//! user = "30m"
//!
//! [function.get_user]
//! ttl = "10m"
//! stale_if_error = "2h"
//! value_bytes_max = "64KiB"
//! memory = "16MiB"
//! ```

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use toml::de::{DeTable, DeValue};

use super::{By, Told, Tuning, check_class, config};
use crate::cache::Inner;
use crate::error::{Error, Result};
use crate::policy::TtlClass;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// No file of tunings is larger than this, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Milliseconds of each unit, from the largest: as in an attribute.
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes of each unit.
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// What tells one state of a file from the next.
type Stamp = (SystemTime, u64);

/// Reads a file; its mistakes are told with their line.
pub(crate) fn read(path: &Path) -> Result<Told> {
    let failed = |error: std::io::Error| config(format!("the file of tunings cannot be read: {error}"));
    if std::fs::metadata(path).map_err(failed)?.len() > BYTES_MAX {
        return Err(config("the file of tunings is larger than 1 MiB".to_owned()));
    }
    parse(&std::fs::read_to_string(path).map_err(failed)?)
}

/// Reads it again whenever it changes, until the cache is gone or closed. What is wrong is reported, and all
/// stays as it was.
pub(crate) fn watch(path: Arc<Path>, inner: Weak<Inner>) -> impl Future<Output = ()> + Send {
    // Before it is read: what changes from here on is seen.
    let mut known = stamp(&path);
    async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(inner) = inner.upgrade() else { return };
            let now = stamp(&path);
            // A file that is being replaced may be gone for a moment.
            if now.is_some() && now != known {
                known = now;
                look(&path, &inner);
            }
        }
    }
}

/// Takes what is in the file now.
pub(crate) fn look(path: &Path, inner: &Inner) {
    match read(path) {
        Ok(told) => {
            inner.tunings.take_file(Ok(told));
            inner.resize();
        }
        Err(error) => {
            crate::trace::warn_once(&error);
            inner.tunings.take_file(Err(error));
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl super::Tunings {
    fn take_file(&self, read: Result<Told>) {
        let mut refused = self.refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match read {
            Ok(told) => {
                self.update(By::File, |all| *all = told);
                *refused = None;
            }
            Err(error) => *refused = Some(error.to_string()),
        }
    }
}

fn parse(text: &str) -> Result<Told> {
    let at = |offset: usize, what: &str| at_line(text, offset, what);
    let table = DeTable::parse(text)
        .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message()))?;
    let mut told = Told::default();
    for (section, value) in table.get_ref() {
        let DeValue::Table(entries) = value.get_ref() else {
            return Err(at(section.span().start, "there are `[class]` and `[function.NAME]`"));
        };
        for (name, value) in entries {
            let (key, start) = (name.get_ref().to_string(), name.span().start);
            let checked = match (&**section.get_ref(), value.get_ref()) {
                ("class", value) => {
                    let ttl =
                        duration(value).ok_or_else(|| at(start, "a class is a time, like `\"30m\"`"))?;
                    let class = TtlClass::Fixed(ttl);
                    told.classes.insert(key.clone(), class);
                    check_class(&key, class)
                }
                ("function", DeValue::Table(said)) => {
                    Tuning::new().check(&key).map_err(|error| at(start, error.detail()))?;
                    let mut tuning = Tuning::new();
                    for (what, value) in said {
                        let at_it = |error: &str| at(what.span().start, error);
                        let with = |tuning| with(tuning, what.get_ref(), value.get_ref());
                        // By itself, so that a mistake is told where it is made.
                        let alone = with(Tuning::new()).map_err(|error| at_it(&error))?;
                        alone.check(&key).map_err(|error| at_it(error.detail()))?;
                        tuning = with(tuning).map_err(|error| at_it(&error))?;
                    }
                    told.functions.insert(key, tuning);
                    Ok(())
                }
                _ => return Err(at(start, "there are `[class]` and `[function.NAME]`")),
            };
            checked.map_err(|error| at(start, error.detail()))?;
        }
    }
    Ok(told)
}

/// One thing that is said of a function.
fn with(tuning: Tuning, what: &str, value: &DeValue<'_>) -> Result<Tuning, String> {
    let time =
        || duration(value).ok_or_else(|| format!("`{what}` is a time, like `\"10m\"` or `90`, in seconds"));
    Ok(match what {
        "ttl" => tuning.ttl(time()?),
        "stale_while_revalidate" => tuning.stale_while_revalidate(time()?),
        "stale_if_error" => tuning.stale_if_error(time()?),
        "value_bytes_max" => tuning.value_bytes_max(
            size(value).ok_or_else(|| "`value_bytes_max` is a size, like `\"64KiB\"`".to_owned())?,
        ),
        "memory" => tuning
            .memory(size(value).ok_or_else(|| "`memory` is a size, like `\"16MiB\"`".to_owned())? as u64),
        _ => {
            return Err(format!(
                "unknown `{what}`; there are `ttl`, `stale_while_revalidate`, `stale_if_error`, `value_bytes_max` and `memory`"
            ));
        }
    })
}

fn duration(value: &DeValue<'_>) -> Option<Duration> {
    match value {
        DeValue::Integer(seconds) => seconds.as_str().parse().ok().map(Duration::from_secs),
        DeValue::String(text) => sum(text, &TIMES).map(Duration::from_millis),
        _ => None,
    }
}

fn size(value: &DeValue<'_>) -> Option<usize> {
    match value {
        DeValue::String(text) => sum(text, &SIZES)?.try_into().ok(),
        _ => None,
    }
}

/// Numbers with units, like `1h 30m`: each unit once.
fn sum(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (mut rest, mut total, mut used) = (text.trim(), None, Vec::new());
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, each) = units.iter().find(|(name, _)| *name == unit && !used.contains(name))?;
        used.push(unit);
        total = Some(number.parse::<u64>().ok()?.checked_mul(*each)?.checked_add(total.unwrap_or(0))?);
        rest = after.trim_start();
    }
    total
}

fn at_line(text: &str, offset: usize, what: &str) -> Error {
    let line = text[..offset.min(text.len())].matches('\n').count() + 1;
    config(format!("line {line} of the file of tunings: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text).expect_err("it is refused").to_string()
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, said) in [
            ("[class]\n\nuser = 7.5", "line 3 of the file of tunings: a class is a time"),
            ("[class]\nuser = \"0s\"", "line 2 of the file of tunings: the class `user` has a ttl"),
            (
                "\n[function.nobody]\nttl = 5",
                "line 2 of the file of tunings: no cached function has the name `nobody`",
            ),
            ("a = 1", "line 1 of the file of tunings: there are `[class]`"),
            ("[class]\nx = 1\nx = 2", "line 3 of the file of tunings"),
            ("[class\n", "line 1 of the file of tunings"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(said), "{refusal}");
        }
    }

    #[test]
    fn times_and_sizes_are_written_as_in_an_attribute() {
        assert_eq!(sum("1h 30m", &TIMES), Some(5_400_000));
        assert_eq!(sum("250ms", &TIMES), Some(250));
        assert_eq!(sum("64KiB", &SIZES), Some(64 << 10));
        for text in ["", "5", "m", "5m 5m", "1.5h", "-1s", "99999999999999999999d", "5 m"] {
            assert_eq!(sum(text, &TIMES), None, "{text}");
        }
        let told = parse("[class]\nuser = 90\nmine = \"1d\"").unwrap();
        assert_eq!(told.classes["user"], TtlClass::Fixed(Duration::from_secs(90)));
        assert_eq!(told.classes["mine"], TtlClass::Fixed(Duration::from_secs(86_400)));
    }
}
