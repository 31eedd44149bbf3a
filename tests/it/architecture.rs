//! Holds the code to what `docs/architecture.md` says of it.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of the engine, from the ground up. A room may know those on its own floor and below.
const FLOORS: &[&[&str]] = &[
    &["chance", "error", "clock", "form", "mutants", "stripe", "task"],
    &["key", "policy", "protocol", "shape", "tag"],
    &["site", "graph", "outcome", "trace"],
    &["codec", "store"],
    &["tier", "flight", "gate", "journal"],
    &["cache"],
    &["generated", "fuzzing"],
];

const LINES_MAX: usize = 500;

/// The separators of keys, as both crates have to know them.
const SEPARATORS: &str = r#"":,/|<>{}*?[]\\""#;

#[test]
fn imports_run_one_way() {
    for (path, text) in sources("cachemacro-runtime/src") {
        let Some(room) = room_of(&path) else { continue };
        for line in code_lines(&text) {
            for (at, _) in line.match_indices("crate::") {
                let known: String =
                    line[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let (Some(ours), Some(theirs)) = (floor(&room), floor(&known)) else { continue };
                assert!(theirs <= ours, "{} ({room}) knows {known}: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_room_has_a_floor() {
    for (path, _) in sources("cachemacro-runtime/src") {
        let Some(room) = room_of(&path) else { continue };
        assert!(
            floor(&room).is_some(),
            "{} stands on no floor; add it to docs/architecture.md too",
            path.display()
        );
    }
}

#[test]
fn what_decides_does_no_io_and_reads_no_clock() {
    for folder in ["cachemacro-runtime/src/protocol", "cachemacro-runtime/src/policy"] {
        for (path, text) in sources(folder) {
            for line in code_lines(&text) {
                for foreign in ["tokio", "Instant", "SystemTime", "std::net", "std::fs", "rand::", "Mutex"] {
                    assert!(!line.contains(foreign), "{} has {foreign}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn only_one_place_spawns() {
    for (path, text) in sources("cachemacro-runtime/src") {
        if path.ends_with("task.rs") {
            continue;
        }
        for line in code_lines(&text) {
            assert!(
                !line.contains("tokio::spawn") && !line.contains("thread::spawn"),
                "{}: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn no_file_is_past_its_length() {
    for folder in
        ["src", "cachemacro-runtime/src", "cachemacro-derive/src", "simulation/src", "tests/it", "examples"]
    {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines; split it by concept", path.display());
        }
    }
}

#[test]
fn no_type_of_a_store_is_in_a_public_signature() {
    for (path, text) in sources("cachemacro-runtime/src") {
        for line in code_lines(&text).filter(|line| line.trim_start().starts_with("pub ")) {
            for foreign in ["quick_cache", "::redis::", "(redis::", " redis::", "smallvec"] {
                assert!(!line.contains(foreign), "{} shows {foreign}: {line}", path.display());
            }
        }
    }
}

#[test]
fn both_crates_know_the_same_separators() {
    for folder in ["cachemacro-runtime/src/key", "cachemacro-derive/src"] {
        assert!(
            sources(folder).iter().any(|(_, text)| text.contains(SEPARATORS)),
            "{folder} has other separators than {SEPARATORS}"
        );
    }
}

/// The lines of a file that are code of the crate itself: no comments, and nothing from its tests on.
fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// The module right below the crate that a file belongs to.
fn room_of(path: &Path) -> Option<String> {
    let below = path.strip_prefix(root().join("cachemacro-runtime/src")).ok()?;
    let first = Path::new(below.components().next()?.as_os_str()).with_extension("");
    let name = first.to_str()?.to_owned();
    (name != "lib").then_some(name)
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("its entries can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
