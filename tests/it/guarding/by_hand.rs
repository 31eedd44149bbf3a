//! `get_user::guard(id)`: from before a commit to after it, by hand.

use std::time::Duration;

use cachemacro::{ErrorKind, cache_result};

use super::{Failed, LONG, Shared, number, read};
use crate::support::{Source, eventually};

#[cache_result(ttl = Duration::from_secs(*seconds), key = "guarding:timed:<id>", skip(source, seconds))]
async fn timed(source: &Source, id: u64, seconds: &u64) -> Result<Option<u64>, Failed> {
    let _ = (id, seconds);
    Ok(Some(source.load().await))
}

#[tokio::test]
async fn what_is_put_is_read_and_nothing_is_loaded() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    here.scope(async {
        let guard = number::guard(7_u64).await.unwrap();
        source.write(2);
        assert!(guard.put(&2_u64).await.unwrap());
    })
    .await;
    assert_eq!((read(&there, &source).await, source.loads()), (2, 1));
}

#[tokio::test]
async fn what_another_writer_came_between_is_not_put() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    let guard = here.scope(number::guard(7_u64)).await.unwrap();
    let other = there.scope(number::guard(7_u64)).await.unwrap();
    source.write(2);
    assert!(!guard.put(&2_u64).await.unwrap());
    source.write(3);
    other.finish().await.unwrap();
    assert_eq!(read(&there, &source).await, 3);
}

#[tokio::test]
async fn a_guard_that_is_dropped_invalidates() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    let guard = here.scope(number::guard(7_u64)).await.unwrap();
    source.write(2);
    drop(guard);
    eventually("it is gone", async || read(&there, &source).await == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_guard_is_kept_until_its_end() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    let guard = here.scope(number::guard(7_u64)).await.unwrap();
    for _ in 0..LONG.as_secs() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        clock.advance(Duration::from_secs(1));
    }
    source.write(2);
    assert_eq!(read(&there, &source).await, 1, "it still stands, and carries the value");
    assert!(guard.put(&2_u64).await.unwrap());
    assert_eq!((read(&there, &source).await, source.loads()), (2, 1));
}

#[tokio::test]
async fn a_function_that_computes_its_ttl_must_be_told_one() {
    let Shared { here, .. } = Shared::new().await;
    let source = Source::open();
    here.scope(async {
        let guard = timed::guard(7_u64).await.unwrap();
        assert_eq!(guard.put(&2_u64).await.unwrap_err().kind(), ErrorKind::Config);
        let guard = timed::guard(7_u64).await.unwrap();
        assert!(guard.put_for(&2_u64, LONG).await.unwrap());
        assert_eq!(timed(&source, 7, &60).await.unwrap(), Some(2));
        let guard = timed::guard(7_u64).await.unwrap();
        let error = guard.put_for(&Some(3_u64), LONG).await.unwrap_err();
        assert!(
            error.to_string().ends_with("the function caches a `u64`, and this is another type"),
            "{error}"
        );
    })
    .await;
    assert_eq!(source.loads(), 0);
}
