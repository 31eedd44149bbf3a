//! What an attribute costs to build: a crate of 200 annotated functions beside one of 200 plain ones.
//!
//! ```sh
//! cargo bench --bench build_time
//! cargo bench --bench build_time -- clean
//! ```
//!
//! It writes the crates below `target/`, builds their dependencies once, then builds them in turn, each time anew,
//! and prints the best of three for each, the difference for each function, and the size of what came out. All functions of
//! the two return one type; in two more crates they return 40, so that what a type costs is seen too.
//! Time is the processor's, of the user, which other programs on the machine change less than the wall's.
//!
//! With `clean` it counts the dependencies, and builds all of them for development, beside those of a program that
//! has redis-rs, tokio and serde alone.

mod bar;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use bar::Bar;

const FUNCTIONS: u32 = 200;
const TYPES: u32 = 40;
const ROUNDS: usize = 3;

/// How many milliseconds one function may cost more than a plain one.
const EACH_MAX: f64 = 20.0;

/// All dependencies with Redis.
const DEPENDENCIES_MAX: f64 = 95.0;

/// A clean build beside that of redis-rs, tokio and serde alone.
const CLEAN_MAX: f64 = 1.15;

/// What a program has that speaks to Redis without us.
const BARE: &str = "redis = { version = \"1.8\", default-features = false, features = [\"tokio-comp\"] }\n\
                    tokio = { version = \"1\", features = [\"macros\", \"net\", \"rt\", \"sync\", \"time\"] }\n";

fn main() {
    match std::env::args().any(|arg| arg == "clean") {
        true => clean(),
        false => each_function(),
    }
}

fn clean() {
    let dependencies = dependencies();
    let bare = Crate::write("bare", BARE, "");
    let ours = Crate::write("ours", &ours(), "");
    let [bare, ours] = [bare, ours].map(|krate| krate.build_all());
    let times = ours.as_secs_f64() / bare.as_secs_f64();
    println!("redis-rs, tokio, serde alone {:>7.0} ms", ms(bare));
    println!("cachemacro                   {:>7.0} ms, {times:.2} times that", ms(ours));
    println!();
    bar::print(&[
        Bar::new("dependencies with Redis", ..=DEPENDENCIES_MAX, dependencies as f64, ""),
        Bar::new("a clean build, of redis-rs, tokio and serde alone", ..=CLEAN_MAX, times, "×"),
    ]);
}

/// Those that are built for a program with the default features, cachemacro among them.
fn dependencies() -> usize {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--package", "cachemacro", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    // A name and its version; what follows says that it was named before.
    let named = tree.lines().map(|line| line.split(' ').take(2).collect::<String>());
    named.collect::<BTreeSet<_>>().len()
}

fn each_function() {
    let crates = [
        ("plain", false, 1),
        ("annotated", true, 1),
        ("plain_types", false, TYPES),
        ("annotated_types", true, TYPES),
    ]
    .map(|(name, annotated, types)| Crate::write(name, &ours(), &source(annotated, types)));
    crates.iter().for_each(Crate::build);
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        for (best, krate) in best.iter_mut().zip(&crates) {
            *best = (*best).min(krate.rebuild());
        }
    }
    let [plain, annotated, ..] = &crates;
    let [plain_best, annotated_best, plain_types, annotated_types] = best;
    let each = annotated_best.saturating_sub(plain_best) / FUNCTIONS;
    let bytes_each = annotated.bytes().saturating_sub(plain.bytes()) / u64::from(FUNCTIONS);
    println!("200 plain functions        {:>7.0} ms {:>9} KiB", ms(plain_best), plain.bytes() / 1024);
    println!("200 annotated functions    {:>7.0} ms {:>9} KiB", ms(annotated_best), annotated.bytes() / 1024);
    println!("each annotated function   +{:>7.1} ms {:>9.1} KiB", ms(each), bytes_each as f64 / 1024.0);
    let of_types = annotated_types.saturating_sub(plain_types).saturating_sub(each * FUNCTIONS);
    println!("each type that they return +{:>6.1} ms", ms(of_types / TYPES));
    println!();
    bar::print(&[Bar::new("build of each annotated function", ..=EACH_MAX, ms(each), " ms")]);
}

fn ours() -> String {
    format!("cachemacro = {{ path = {:?} }}\n", env!("CARGO_MANIFEST_DIR"))
}

/// A crate that is built.
struct Crate {
    folder: PathBuf,
    name: &'static str,
}

impl Crate {
    fn write(name: &'static str, dependencies: &str, source: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let krate = Self { folder: root.join("target/build-time").join(name), name };
        fs::create_dir_all(krate.folder.join("src")).expect("a folder below target/");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\n{dependencies}serde = {{ version = \"1\", features = [\"derive\"] }}\n"
        );
        fs::write(krate.folder.join("Cargo.toml"), manifest).expect("it is written");
        fs::copy(root.join("Cargo.lock"), krate.folder.join("Cargo.lock")).expect("it is copied");
        fs::write(krate.source(), source).expect("it is written");
        krate
    }

    fn source(&self) -> PathBuf {
        self.folder.join("src/lib.rs")
    }

    fn build(&self) {
        self.build_into("../shared");
    }

    fn build_into(&self, folder: &str) {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--target-dir", folder])
            // Nothing is taken from the build before, in which the same was in the file.
            .env("CARGO_INCREMENTAL", "0")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .status()
            .expect("cargo runs");
        assert!(status.success(), "{} does not build", self.name);
    }

    /// Builds the crate alone: its dependencies are built.
    fn rebuild(&self) -> Duration {
        let source = fs::File::options().append(true).open(self.source()).expect("it is there");
        source.set_modified(SystemTime::now()).expect("its time is set");
        let before = time_of_children();
        self.build();
        time_of_children() - before
    }

    /// Builds it with all its dependencies.
    fn build_all(&self) -> Duration {
        let folder = self.folder.join("target");
        // There is none the first time.
        let _ = fs::remove_dir_all(&folder);
        let before = time_of_children();
        self.build_into("target");
        time_of_children() - before
    }

    fn bytes(&self) -> u64 {
        let library = self.folder.with_file_name("shared").join(format!("debug/lib{}.rlib", self.name));
        fs::metadata(library).map_or(0, |file| file.len())
    }
}

fn source(annotated: bool, types: u32) -> String {
    let mut text = String::from("pub struct Db;\npub struct Failed;\n");
    for n in 0..types {
        let _ = writeln!(
            text,
            "\n#[derive(Clone, serde::Serialize, serde::Deserialize)]\n\
             pub struct User{n} {{ pub id: u64, pub name: String }}"
        );
    }
    for n in 0..FUNCTIONS {
        if annotated {
            let _ = writeln!(
                text,
                "\n#[cachemacro::cache_result(ttl = \"1h\", key = \"f{n}:<id>:<name>\", skip(db))]"
            );
        }
        let of = n % types;
        let _ = writeln!(
            text,
            "pub async fn f{n}(db: &Db, id: u64, name: &str) -> Result<User{of}, Failed> {{\n    \
             let _ = db;\n    Ok(User{of} {{ id, name: name.to_owned() }})\n}}"
        );
    }
    text
}

/// The time of the user that all children have taken which have ended.
fn time_of_children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells");
    // The name, in brackets, may hold spaces; this is the fourteenth field after it, in hundredths of a second.
    let after_name = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = after_name.split(' ').nth(14).and_then(|ticks| ticks.parse().ok()).expect("a number");
    Duration::from_millis(10 * ticks)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
