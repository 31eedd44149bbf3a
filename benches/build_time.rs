//! What an attribute costs to build: a crate of 200 annotated functions beside one of 200 plain ones.
//!
//! ```sh
//! cargo bench --bench build_time
//! ```
//!
//! It writes both crates below `target/`, builds their dependencies once, then builds the two in turn,
//! and prints the best of five for each, the difference for each function, and the size of what came out.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const FUNCTIONS: u32 = 200;
const ROUNDS: usize = 5;

/// What one function may cost more than a plain one.
const TARGET: Duration = Duration::from_millis(20);

fn main() {
    let [plain, annotated] = [false, true].map(Crate::write);
    plain.build();
    annotated.build();
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (best, krate) in best.iter_mut().zip([&plain, &annotated]) {
            *best = (*best).min(krate.rebuild());
        }
    }
    let [plain_best, annotated_best] = best;
    let each = annotated_best.saturating_sub(plain_best) / FUNCTIONS;
    let bytes_each = annotated.bytes().saturating_sub(plain.bytes()) / u64::from(FUNCTIONS);
    println!("200 plain functions        {:>7.0} ms {:>9} KiB", ms(plain_best), plain.bytes() / 1024);
    println!("200 annotated functions    {:>7.0} ms {:>9} KiB", ms(annotated_best), annotated.bytes() / 1024);
    println!("each annotated function   +{:>7.1} ms {:>9.1} KiB", ms(each), bytes_each as f64 / 1024.0);
    let verdict = if each <= TARGET { "met" } else { "not met" };
    println!("target: {:.0} ms for each: {verdict}", ms(TARGET));
}

/// A crate of functions, plain or annotated.
struct Crate {
    folder: PathBuf,
    name: &'static str,
}

impl Crate {
    fn write(annotated: bool) -> Self {
        let name = if annotated { "annotated" } else { "plain" };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let krate = Self { folder: root.join("target/build-time").join(name), name };
        fs::create_dir_all(krate.folder.join("src")).expect("a folder below target/");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\ncachemacro = {{ path = {root:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n"
        );
        fs::write(krate.folder.join("Cargo.toml"), manifest).expect("it is written");
        fs::copy(root.join("Cargo.lock"), krate.folder.join("Cargo.lock")).expect("it is copied");
        fs::write(krate.source(), source(annotated)).expect("it is written");
        krate
    }

    fn source(&self) -> PathBuf {
        self.folder.join("src/lib.rs")
    }

    fn build(&self) {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--target-dir", "../shared"])
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
        let start = Instant::now();
        self.build();
        start.elapsed()
    }

    fn bytes(&self) -> u64 {
        let library = self.folder.with_file_name("shared").join(format!("debug/lib{}.rlib", self.name));
        fs::metadata(library).map_or(0, |file| file.len())
    }
}

fn source(annotated: bool) -> String {
    let mut text = String::from(
        "pub struct Db;\npub struct Failed;\n\n\
         #[derive(Clone, serde::Serialize, serde::Deserialize)]\npub struct User { pub id: u64, pub name: String }\n",
    );
    for n in 0..FUNCTIONS {
        if annotated {
            let _ = writeln!(
                text,
                "\n#[cachemacro::cache_result(ttl = \"1h\", key = \"f{n}:<id>:<name>\", skip(db))]"
            );
        }
        let _ = writeln!(
            text,
            "pub async fn f{n}(db: &Db, id: u64, name: &str) -> Result<User, Failed> {{\n    \
             let _ = db;\n    Ok(User {{ id, name: name.to_owned() }})\n}}"
        );
    }
    text
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
