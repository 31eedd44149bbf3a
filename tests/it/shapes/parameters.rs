//! Parameters that are more than a name and a type.

use std::borrow::Cow;

use cachemacro::{Cache, cache_result};

use super::{assert_key, is_send, site};

struct Point {
    x: i32,
    y: i32,
}

#[cache_result(ttl = "1h", key = "pattern:<a>:<x>:<third>", skip(b, y))]
async fn taken_apart(
    (mut a, b): (u32, u32),
    Point { x, mut y }: Point,
    &[_, _, ref third @ ..]: &[u8; 3],
    _: &str,
) -> (u32, i32) {
    a += b;
    y += x + i32::from(third[0]);
    (a, y)
}

#[tokio::test]
async fn what_a_pattern_binds_can_be_in_the_key() {
    assert_key(&taken_apart::key((1, 2), Point { x: 3, y: 4 }, [5, 6, 7]), "pattern:1:3:[7]");
    Cache::memory()
        .scope(async {
            let point = || Point { x: 3, y: 4 };
            assert_eq!(is_send(taken_apart((1, 2), point(), &[5, 6, 7], "")).await, (3, 14));
            assert_eq!(taken_apart((1, 9), point(), &[0, 0, 7], "a").await, (3, 14), "a hit");
            assert_eq!(taken_apart((2, 2), point(), &[5, 6, 7], "").await, (4, 14));
            assert_eq!(site("taken_apart").stats().loads, 2);
        })
        .await;
}

#[cache_result(ttl = "1h")]
async fn by_default((a, _): (u32, u32), _: u8) -> u32 {
    a
}

#[cache_result(ttl = "1h", key = "impl:<text>", skip(many, log))]
async fn with_impls(many: impl Iterator<Item = u8> + Send, text: &str, log: &(impl Fn() + Sync)) -> usize {
    log();
    many.count() + text.len()
}

#[cache_result(ttl = "1h", key = "cow:<text>:<list>:<maybe>")]
async fn borrows(text: Cow<'_, str>, list: &[&str], maybe: Option<&String>) -> usize {
    text.len() + list.len() + maybe.map_or(0, String::len)
}

#[tokio::test]
async fn what_the_body_does_not_see_need_not_be_in_the_key() {
    assert_key(&by_default::key((1, 2)), concat!(module_path!(), "::by_default:1"));
    assert_eq!(by_default((1, 2), 3).await, 1);
}

#[tokio::test]
async fn impls_are_skipped_and_borrows_are_taken() {
    assert_eq!(is_send(with_impls([1, 2].into_iter(), "a", &|| ())).await, 3);
    assert_eq!(with_impls::refresh([1].into_iter(), "a", &|| ()).await, 2);
    assert_eq!(with_impls::uncached([1].into_iter(), "a", &|| ()).await, 2);
    assert_eq!(is_send(borrows("a".into(), &["b"], None)).await, 2);
    assert_key(&borrows::key("a", ["b"], Some("c")), "cow:a:[b]:c");
}

struct Awkward;

impl Awkward {
    #[cache_result(ttl = 5, skip(self))]
    #[expect(clippy::too_many_arguments, reason = "each has a name that generated code might use")]
    async fn awkward(
        &self,
        key: u8,
        ttl: u8,
        value: u8,
        result: u8,
        cache: u8,
        body: u8,
        shape: u8,
        call: u8,
        (site, r#type): (u8, u8),
    ) -> u8 {
        const SITE: u8 = 1;
        key + ttl + value + result + cache + body + shape + call + site + r#type + SITE
    }
}

#[tokio::test]
async fn parameters_of_a_method_may_have_any_name() {
    assert_eq!(Awkward.awkward(1, 1, 1, 1, 1, 1, 1, 1, (1, 1)).await, 11);
}

#[cache_result(ttl = "1h", key = "self-like:<this>:<that>")]
async fn pair_of([this, that]: [u8; 2]) -> u8 {
    this - that
}

#[tokio::test]
async fn parts_of_one_parameter_are_apart() {
    Cache::memory()
        .scope(async {
            assert_eq!(pair_of([2, 1]).await, 1);
            assert_eq!(pair_of([3, 1]).await, 2);
            assert_eq!(pair_of::key([3, 1]).as_str(), "self-like:3:1");
        })
        .await;
}
