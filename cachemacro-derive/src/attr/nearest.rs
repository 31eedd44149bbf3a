//! "did you mean": the nearest of the names that there are.

/// ``did you mean `ttl`?``, if one of the known names is near enough.
pub(crate) fn did_you_mean(name: &str, known: &[&str]) -> Option<String> {
    nearest(name, known).map(|nearest| format!("did you mean `{nearest}`?"))
}

/// ``; did you mean `ttl`?`` at the end of a message, or nothing.
pub(super) fn or_meant(name: Option<&str>, known: &[&str]) -> String {
    let near = name.and_then(|name| did_you_mean(name, known));
    near.map(|near| format!("; {near}")).unwrap_or_default()
}

/// ``did you mean `id`?``, or else all that there are: ``it has `db`, `id` ``.
pub(crate) fn meant_or_all(name: &str, known: &[&str]) -> String {
    match did_you_mean(name, known) {
        Some(suggestion) => suggestion,
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", super::list(known)),
    }
}

/// The known name that is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |known: &&&str| distance(name, known) <= (name.chars().count() / 3).max(1);
    let is_other_letter = |known: &str| known.chars().next() != name.chars().next();
    known.iter().filter(near).min_by_key(|known| (distance(name, known), is_other_letter(known))).copied()
}

/// How many characters must be added, removed, changed or swapped with their neighbour (Damerau), in any case.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let changed = rows[i - 1][j - 1] + usize::from(!from[i - 1].eq_ignore_ascii_case(&to[j - 1]));
            rows[i][j] = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                rows[i][j] = rows[i][j].min(rows[i - 2][j - 2] + 1);
            }
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted() {
        assert_eq!(distance("ttl", "ttl"), 0);
        assert_eq!(distance("tll", "ttl"), 1);
        assert_eq!(distance("kye", "key"), 1);
        assert_eq!(distance("TTL", "ttl"), 0);
        assert_eq!(distance("", "key"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["ttl", "jitter", "key", "skip"];
        assert_eq!(did_you_mean("tll", &known).unwrap(), "did you mean `ttl`?");
        assert_eq!(did_you_mean("jiter", &known).unwrap(), "did you mean `jitter`?");
        assert_eq!(did_you_mean("tags", &known), None);
        assert_eq!(did_you_mean("cach", &["each", "cache"]).unwrap(), "did you mean `cache`?");
    }
}
