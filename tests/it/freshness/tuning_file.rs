//! A file of tunings: read again when it changes, and refused as a whole, with the line, where it is wrong.

use std::path::PathBuf;
use std::time::Duration;

use cachemacro::{Cache, Clock, ErrorKind, Tuning, cache_result};

use super::{Broken, Db, seconds};
use crate::support::eventually;

#[cache_result(ttl = 10, stale_if_error = "1h", jitter = "0%", key = "filed", name = "filed_number")]
async fn number(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

#[cache_result(ttl_class = "user", jitter = "0%", key = "filed:class")]
async fn of_users(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

/// A file of its own for each test, gone at its end.
struct File(PathBuf);

impl File {
    fn of(test: &str, text: &str) -> Self {
        let name = format!("cachemacro-tunings-{}-{test}.toml", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    fn remove(&self) {
        std::fs::remove_file(&self.0).unwrap();
    }

    async fn cache(&self) -> Cache {
        Cache::builder().clock(Clock::manual()).tuning_file(&self.0).build().await.unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // It may be gone, which is as well.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// How long values live that are stored now: of the function, and of its class.
async fn lives(cache: &Cache, db: &Db) -> [u64; 2] {
    cache
        .scope(async {
            number::invalidate().await.unwrap();
            of_users::invalidate().await.unwrap();
            number(db).await.unwrap();
            of_users(db).await.unwrap();
            let [function, class] = [number::peek().await, of_users::peek().await];
            [function, class].map(|peek| peek.unwrap().unwrap().ttl_left.as_secs())
        })
        .await
}

/// What is wrong with the file; the codecs have notes too.
fn refusal(cache: &Cache) -> Option<String> {
    cache.status().notes.into_iter().find(|note| note.contains("the file of tunings"))
}

#[tokio::test(start_paused = true)]
async fn what_is_in_it_is_taken_while_the_program_runs_and_what_is_left_out_is_as_before() {
    let (db, file) = (Db::open(), File::of("taken", "[function.filed_number]\nttl = \"1h 40m\"\n"));
    let cache = file.cache().await;
    assert_eq!(lives(&cache, &db).await, [6000, 3600]);
    file.write("[class]\nuser = \"30m\"\n\n[function.filed_number]\nttl = 50 # s\n");
    eventually("both are taken", async || lives(&cache, &db).await == [50, 1800]).await;
    file.write("[class]\nuser = 70\n");
    eventually("the function is as its attribute has it", async || lives(&cache, &db).await == [10, 70])
        .await;
    file.write("");
    eventually("so is the class", async || lives(&cache, &db).await == [10, 3600]).await;
}

#[tokio::test(start_paused = true)]
async fn a_mistake_is_told_with_its_line_and_changes_nothing() {
    let (db, file) =
        (Db::open(), File::of("mistakes", "[class]\nuser = \"2h\"\n[function.filed_number]\nttl = 20\n"));
    let cache = file.cache().await;
    for (text, said) in [
        (
            "[function.filed_number]\nttl = 5\n\n[function.nobody]\nttl = 5\n",
            "line 4 of the file of tunings: no cached function has the name `nobody`",
        ),
        ("[class]\nuser = \"0s\"\n", "line 2 of the file of tunings: the class `user` has a ttl"),
        ("[class]\nuser = 5\n\nstatic = true\n", "line 4 of the file of tunings: a class is a time"),
        (
            "[function.filed_number]\nttl = 5\nvalue_bytes_max = \"1 GB\"\n",
            "line 3 of the file of tunings: `value_bytes_max` is a size",
        ),
        (
            "[function.filed_number]\nttl = 5\nstale_while_revalidate = \"1m\"\n",
            "line 3 of the file of tunings: `filed_number` has no `stale_while_revalidate` in its attribute",
        ),
        ("[function.filed_number]\ntll = 5\n", "line 2 of the file of tunings: unknown `tll`"),
        ("[function.filed_number]\n\nttl = \"5 min\"\n", "line 3 of the file of tunings: `ttl` is a time"),
        (
            "[function.filed_number]\n\n\nttl = \"11000d\"\n",
            "line 4 of the file of tunings: the ttl of `filed_number`",
        ),
        ("[function.filed_number]\nmemory = 5\n", "line 2 of the file of tunings: `memory` is a size"),
        // As an editor leaves it for a moment.
        ("[function.filed_number]\nttl = \"1", "line 2 of the file of tunings"),
    ] {
        file.write(text);
        eventually(said, async || refusal(&cache).is_some_and(|note| note.contains(said))).await;
        assert_eq!(lives(&cache, &db).await, [20, 7200], "no part of it is taken");
    }
    file.write("[function.filed_number]\nttl = \"1m\"\n");
    eventually("what is right is taken", async || lives(&cache, &db).await == [60, 3600]).await;
    assert_eq!(refusal(&cache), None);
    file.write("nonsense");
    let refused = Cache::builder().tuning_file(&file.0).build().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.to_string().contains("line 1 of the file of tunings"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_gone_changes_nothing_and_is_read_when_it_is_back() {
    let (db, file) = (Db::open(), File::of("gone", "[function.filed_number]\nttl = 20\n"));
    let cache = file.cache().await;
    file.remove();
    // Looked at several times meanwhile.
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(lives(&cache, &db).await, [20, 3600]);
    file.write("[function.filed_number]\nttl = 300\n");
    eventually("it is read", async || lives(&cache, &db).await == [300, 3600]).await;
    let missing = std::env::temp_dir().join("cachemacro-no-such-file.toml");
    let refused = Cache::builder().tuning_file(missing).build().await.unwrap_err();
    assert!(refused.to_string().contains("the file of tunings cannot be read"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn it_goes_before_what_the_program_says() {
    let (db, file) = (Db::open(), File::of("before", "[function.filed_number]\nttl = 20\n"));
    let cache = file.cache().await;
    cache.tune("filed_number", Tuning::new().ttl(seconds(40)).stale_if_error(Duration::ZERO)).unwrap();
    assert_eq!(lives(&cache, &db).await, [20, 3600]);
    file.write("");
    eventually("the program's is left", async || lives(&cache, &db).await == [40, 3600]).await;
}

#[tokio::test(start_paused = true)]
async fn staleness_and_size_are_taken_from_it() {
    let text = "[function.filed_number]\nstale_if_error = \"5s\"\nvalue_bytes_max = \"1KiB\"\n";
    let (db, clock, file) = (Db::open(), Clock::manual(), File::of("staleness", text));
    let cache = Cache::builder().clock(clock.clone()).tuning_file(&file.0).build().await.unwrap();
    assert_eq!(cache.scope(number(&db)).await, Ok(1));
    db.fail(true);
    clock.advance(seconds(14));
    assert_eq!(cache.scope(number(&db)).await, Ok(1), "covered");
    clock.advance(seconds(1));
    assert_eq!(cache.scope(number(&db)).await, Err(Broken), "five seconds are over");
}
