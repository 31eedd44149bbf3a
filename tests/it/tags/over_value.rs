//! Tags that a value names itself: known only once it is loaded.

use std::sync::Arc;
use std::sync::Mutex;

use cachemacro::{Cache, cache_result, invalidates};
use serde::{Deserialize, Serialize};

use super::on_each;
use crate::guarding::{LONG, Shared, die_in};
use crate::support::{Source, eventually};

/// What a source holds that says `owner * 100 + title`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    owner: u64,
    pub(super) title: u64,
}

impl From<u64> for Task {
    fn from(number: u64) -> Self {
        Self { owner: number / 100, title: number % 100 }
    }
}

#[cache_result(
    ttl = "1h",
    key = "tags task:<project>:<id>",
    tags = ["tags_owner:<value.owner>", "tags_project:<project>", "tags_in:<project>:<value.title>"],
    skip(source)
)]
pub(super) async fn task(source: &Source, project: String, id: u64) -> Task {
    drop((project, id));
    source.load().await.into()
}

#[cache_result(ttl = "1h", key = "tags maybe:<id>", tags = ["tags_owner:<value.owner>"], negative_ttl = "1h", skip(source))]
async fn maybe(source: &Source, id: u64) -> Option<Task> {
    let _ = id;
    Some(source.load().await).filter(|number| *number != 0).map(Task::from)
}

#[cache_result(ttl = "1h", key = "tags task here:<id>", tags = ["tags_owner:<value.owner>"], tier = local, skip(number))]
fn here(number: &Mutex<(u64, u64)>, id: u64) -> Task {
    let _ = id;
    let mut number = number.lock().unwrap();
    number.1 += 1;
    number.0.into()
}

#[invalidates(tag = "tags_owner:<owner>")]
async fn change_of(source: &Source, owner: u64, number: u64) {
    source.write(number);
}

#[invalidates(tag = "tags_owner:<owner>")]
async fn change_and_hang(source: &Source, owner: u64, number: u64) {
    source.write(number);
    std::future::pending::<()>().await;
}

pub(super) async fn read(cache: &Cache, source: &Source, id: u64) -> Task {
    cache.scope(task(source, "p".to_owned(), id)).await
}

#[tokio::test]
async fn a_tag_takes_what_names_it_and_nothing_else() {
    on_each(async |cache| {
        let (of_seven, of_eight) = (Source::open(), Source::open());
        of_seven.write(701);
        of_eight.write(801);
        for _ in 0..2 {
            assert_eq!(read(cache, &of_seven, 1).await, Task { owner: 7, title: 1 });
            assert_eq!(read(cache, &of_eight, 2).await, Task { owner: 8, title: 1 });
        }
        assert_eq!((of_seven.loads(), of_eight.loads()), (1, 1));
        cache.scope(change_of(&of_seven, 7, 802)).await;
        of_eight.write(803);
        for _ in 0..2 {
            assert_eq!(read(cache, &of_seven, 1).await, Task { owner: 8, title: 2 });
            assert_eq!(read(cache, &of_eight, 2).await, Task { owner: 8, title: 1 });
        }
        assert_eq!((of_seven.loads(), of_eight.loads()), (2, 1));
        cache.invalidate_tag("tags_owner:7").await.expect("it is taken");
        assert_eq!(read(cache, &of_seven, 1).await.title, 2, "it has another owner now");
        cache.invalidate_tag("tags_owner:8").await.expect("it is taken");
        assert_eq!(read(cache, &of_eight, 2).await.title, 3);
        assert_eq!((of_seven.loads(), of_eight.loads()), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn all_of_several_tags_of_a_value_and_of_its_arguments_count() {
    on_each(async |cache| {
        let source = Source::open();
        for (number, tag) in [(701, "tags_owner:7"), (702, "tags_project:p"), (703, "tags_in:p:3"), (704, "")]
        {
            source.write(number);
            assert_eq!(read(cache, &source, 1).await, number.into());
            if !tag.is_empty() {
                cache.invalidate_tag(tag).await.expect("it is taken");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_is_not_served_after() {
    on_each(async |cache| {
        let source = Arc::new(Source::held());
        source.write(701);
        let before = {
            let (cache, source) = (cache.clone(), Arc::clone(&source));
            tokio::spawn(async move { read(&cache, &source, 1).await })
        };
        eventually("it loads", async || source.loads() == 1).await;
        cache.scope(change_of(&source, 7, 702)).await;
        source.let_go(8);
        assert_eq!(before.await.expect("no panic").title, 1);
        assert_eq!(read(cache, &source, 1).await.title, 2, "the first was not stored");
        assert_eq!(read(cache, &source, 1).await.title, 2);
        assert_eq!(source.loads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_writer_that_dies_leaves_nothing_old_to_a_load_that_outlasts_its_guard() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Arc::new(Source::held());
    source.write(701);
    source.let_go(1);
    read(&there, &source, 1).await;
    // It needs no lease, which would be over by then.
    let refresh = {
        let (there, source) = (there.clone(), Arc::clone(&source));
        tokio::spawn(async move { there.scope(task::refresh(&source, "p".to_owned(), 1)).await })
    };
    eventually("it loads", async || source.loads() == 2).await;
    die_in(here.scope(change_and_hang(&source, 7, 702)));
    clock.advance(LONG);
    source.let_go(8);
    assert_eq!(refresh.await.expect("no panic").title, 1);
    assert_eq!(read(&there, &source, 1).await.title, 2);
}

#[tokio::test]
async fn a_value_shows_the_tags_that_it_names() {
    on_each(async |cache| {
        let source = Source::open();
        source.write(701);
        read(cache, &source, 1).await;
        let peek = async || cache.scope(task::peek("p", 1_u64)).await.expect("it can be read");
        let tags: Vec<String> =
            peek().await.expect("it is stored").tags.iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["tags_project:p", "tags_owner:7", "tags_in:p:1"]);
        cache.invalidate_tag("tags_owner:7").await.expect("it is taken");
        assert!(peek().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_refresh_is_stored_under_what_it_names() {
    on_each(async |cache| {
        let source = Source::open();
        source.write(701);
        read(cache, &source, 1).await;
        source.write(801);
        cache.scope(task::refresh(&source, "p".to_owned(), 1)).await;
        cache.invalidate_tag("tags_owner:7").await.expect("it is taken");
        assert_eq!(read(cache, &source, 1).await.owner, 8);
        assert_eq!(source.loads(), 2);
        cache.invalidate_tag("tags_owner:8").await.expect("it is taken");
        read(cache, &source, 1).await;
        assert_eq!(source.loads(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_names_nothing_and_is_stored_all_the_same() {
    on_each(async |cache| {
        let source = Source::open();
        source.write(0);
        for _ in 0..3 {
            assert_eq!(cache.scope(maybe(&source, 1)).await, None);
        }
        assert_eq!(source.loads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_plain_function_has_such_tags_too() {
    on_each(async |cache| {
        let number = Mutex::new((701, 0));
        let read = async || cache.scope(async { here(&number, 1) }).await;
        assert_eq!((read().await.title, read().await.title), (1, 1));
        number.lock().unwrap().0 = 702;
        cache.invalidate_tag("tags_owner:7").await.expect("it is taken");
        assert_eq!((read().await.title, read().await.title), (2, 2));
        assert_eq!(number.lock().unwrap().1, 2);
    })
    .await;
}
