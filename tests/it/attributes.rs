//! What the attributes make of a function.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cachemacro::{Cache, Key, cache_result, invalidates, registry};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    team: (u32, String),
}

#[derive(Debug)]
struct DbError;

/// An alias, which the attributes do not have to know.
type Answer<T> = Result<T, DbError>;

#[derive(Default)]
struct Db {
    loads: AtomicUsize,
    cache: Cache,
}

impl Db {
    fn user(&self, id: u64) -> User {
        self.loads.fetch_add(1, Ordering::Relaxed);
        User { id, team: (7, "ops".to_owned()) }
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }
}

/// A user.
#[cache_result(ttl = "1h 30m", key = "user:<id>", skip(db))]
async fn get_user(db: &Db, id: u64) -> Answer<User> {
    Ok(db.user(id))
}

#[cache_result(ttl = 60)]
async fn search(name: &str, tags: Vec<String>, near: Option<&str>) -> Vec<usize> {
    vec![name.len(), tags.len(), near.map_or(0, str::len)]
}

#[cache_result(ttl = 60, key = "{team:<user.team.0>}:<user.id>/<page>")]
async fn tasks(user: &User, page: u8) -> Option<u64> {
    Some(user.id + u64::from(page))
}

fn assert_key(key: &Key, text: &str) {
    assert_eq!(key.as_str(), text);
}

#[tokio::test]
async fn a_call_returns_what_the_body_does() {
    let db = Db::default();
    let user = get_user(&db, 42).await.unwrap();
    assert_eq!((user.id, db.loads()), (42, 1));
    assert_eq!(tasks(&user, 1).await, Some(43));
    assert_eq!(search("ab", vec![String::new()], None).await, [2, 1, 0]);
    assert_eq!(named().await, 1);
}

#[tokio::test]
async fn refresh_and_uncached_run_the_body_each_time() {
    let db = Db::default();
    get_user::uncached(&db, 1042).await.unwrap();
    get_user::uncached(&db, 1042).await.unwrap();
    get_user::refresh(&db, 1042).await.unwrap();
    get_user::refresh(&db, 1042).await.unwrap();
    assert_eq!(db.loads(), 4);
    get_user::peek(1042).await.unwrap();
    get_user::invalidate(1042).await.unwrap();
}

#[test]
#[expect(clippy::needless_borrows_for_generic_args, reason = "that references fit is what is tested")]
fn keys_are_what_the_template_says() {
    let user = User { id: 1, team: (2, String::new()) };
    assert_key(&tasks::key(&user, 3), "{team:2}:1/3");
    assert_key(&tasks::key(user, &3_u8), "{team:2}:1/3");
}

#[test]
#[expect(clippy::needless_borrows_for_generic_args, reason = "that references fit is what is tested")]
fn a_companion_takes_whatever_makes_the_same_keys() {
    let (id, user) = (42, User { id: 42, team: (0, String::new()) });
    for key in [get_user::key(42), get_user::key(id), get_user::key(&id), get_user::key(user.id)] {
        assert_key(&key, "user:42");
    }
    assert_key(&get_user::key(Arc::new(42)), "user:42");
    let text = String::from("a");
    let expected = concat!(module_path!(), "::search:a:[b,c]:d");
    let tags = [String::from("b"), String::from("c")];
    assert_key(&search::key("a", ["b", "c"], Some("d")), expected);
    assert_key(&search::key(&text, &tags, Some(String::from("d"))), expected);
    assert_key(&search::key(text.clone(), tags.to_vec(), Some(&"d".to_owned())), expected);
    assert_key(&search::key(&&text, &tags[..], &Some("d")), expected);
    assert_key(&search::key(Cow::Borrowed("a"), vec!["b", "c"], Some(Cow::Borrowed("d"))), expected);
    assert_key(&search::key("", [""; 0], None::<String>), concat!(module_path!(), "::search::[]:<none>"));
}

#[test]
fn the_registry_lists_each_function_with_its_template() {
    let site = |name: &str| registry().iter().find(|site| site.path().ends_with(name)).copied().unwrap();
    assert_eq!(site("attributes::get_user").template().to_string(), "user:<id>");
    assert_eq!(site("attributes::get_user").name(), "get_user");
    assert_eq!(site("attributes::tasks").template().to_string(), "{team:<user.team.0>}:<user.id>/<page>");
    assert_eq!(
        site("attributes::search").template().to_string(),
        concat!(module_path!(), "::search:<name>:<tags>:<near>")
    );
    assert_eq!(site("attributes::named").name(), "labelled");
    assert!(site("attributes::nested").to_string().contains("tests/it/attributes.rs:"));
}

#[cache_result(ttl = 5, name = "labelled", jitter = "0%")]
async fn named() -> u8 {
    1
}

#[tokio::test]
async fn a_function_in_a_function_is_one_too() {
    #[cache_result(ttl = 5)]
    async fn nested(id: u64) -> u64 {
        id
    }
    assert_eq!(nested(3).await, 3);
    assert_key(&nested::key(3), concat!(module_path!(), "::nested:3"));
}

#[cache_result(ttl = 5)]
#[expect(clippy::too_many_arguments, reason = "each has a name that generated code might use")]
async fn awkward(
    key: u8,
    ttl: u8,
    value: u8,
    result: u8,
    cache: u8,
    body: u8,
    shape: u8,
    call: u8,
    r#type: u8,
) -> u8 {
    key + ttl + value + result + cache + body + shape + call + r#type
}

#[tokio::test]
async fn parameters_may_have_any_name() {
    assert_eq!(awkward(1, 1, 1, 1, 1, 1, 1, 1, 1).await, 9);
    let key = awkward::key(1, 2, 3, 4, 5, 6, 7, 8, 9);
    assert_key(&key, concat!(module_path!(), "::awkward:1:2:3:4:5:6:7:8:9"));
}

#[cache_result(ttl = 5, key = "refreshed:<id>")]
async fn refresh(id: u64) -> u64 {
    id + 1
}

#[tokio::test]
async fn a_function_may_be_called_what_the_companion_calls_its_own() {
    assert_eq!(refresh(1).await, 2);
    assert_eq!(refresh::refresh(1).await, 2);
    assert_eq!(refresh::uncached(1).await, 2);
}

fn ttl_for(name: &str) -> Duration {
    Duration::from_secs(name.len() as u64 + 1)
}

#[cache_result(ttl = ttl_for(&name), key = "computed:<name>", cache = db.cache, skip(db))]
async fn computed(db: &Db, mut name: String) -> String {
    name.push('!');
    format!("{name}{}", db.loads())
}

#[tokio::test]
async fn a_ttl_and_a_cache_may_be_computed_from_arguments_that_the_body_moves() {
    let db = Db::default();
    assert_eq!(computed(&db, "a".to_owned()).await, "a!0");
    computed::invalidate(&db.cache, "a").await.unwrap();
    assert!(computed::peek(&db.cache, "a").await.is_ok());
}

#[cache_result(ttl = "250ms", key = "pair:<left>,<right>")]
async fn pair<'a, 'b>(left: Cow<'a, str>, right: &'b [Option<&'a str>]) -> usize
where
    'b: 'a,
{
    left.len() + right.len()
}

#[tokio::test]
async fn lifetimes_are_taken_as_they_come() {
    let text = String::from("l,");
    let items = [Some(text.as_str()), None];
    assert_eq!(pair(Cow::Borrowed(&text), &items).await, 4);
    assert_key(&pair::key(&text, items), "pair:l%2C,[l%2C,<none>]");
    pair::invalidate("l", [Some("m")]).await.unwrap();
}

#[cache_result(ttl = 5, key = "factorial:<n>")]
async fn factorial(n: u64) -> u64 {
    if n == 0 { 1 } else { n * Box::pin(factorial(n - 1)).await }
}

#[tokio::test]
async fn a_function_may_call_itself() {
    assert_eq!(factorial(5).await, 120);
}

mod attributed {
    use super::*;

    /// Documented.
    #[must_use]
    #[cache_result(ttl = 5, key = "attributed:<id>", skip(_done, hint))]
    #[expect(unused_variables, reason = "a hint is one")]
    /// Below too.
    pub(super) async fn load(#[allow(unused_mut)] mut id: u64, _done: impl Fn() + Send, hint: &str) -> u64
    where
        u64: Copy,
    {
        #![allow(clippy::let_and_return)]
        let answer = id;
        answer
    }
}

// One import brings the function and its companion.
use attributed::load as imported;

#[tokio::test]
async fn attributes_above_and_below_are_kept() {
    assert_eq!(imported(4, || (), "").await, 4);
    assert_key(&imported::key(4), "attributed:4");
    assert_eq!(imported::uncached(4, || (), "").await, 4);
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn futures_can_go_to_other_threads() {
    let db = Db::default();
    is_send(get_user(&db, 1)).await.unwrap();
    is_send(get_user::refresh(&db, 1)).await.unwrap();
    is_send(get_user::peek(1)).await.unwrap();
    is_send(get_user::invalidate(1)).await.unwrap();
    is_send(rename(&db, 1, "a".to_owned())).await.unwrap();
    is_send(create(&db, "a".to_owned(), 3)).await.unwrap();
}

#[invalidates(get_user(id), key = "names:<name>", on = any)]
async fn rename(db: &Db, id: u64, name: String) -> Result<(), DbError> {
    let kept = name;
    if kept.is_empty() {
        return Err(DbError);
    }
    get_user::uncached(db, id).await?;
    Ok(())
}

// The body moves `name` and the pattern takes a pair apart; the key of the late entry is written before.
#[invalidates(
    search(name, [result.team.1.as_str()], Some("near")),
    get_user(result.id),
    key = "owner:<name>:<result.team.0>",
    each(tasks(result, page) for page in [1, 2]),
)]
async fn create(db: &Db, name: String, page_max: u8) -> Answer<User> {
    let _ = (name.into_bytes(), page_max);
    Ok(db.user(9))
}

#[invalidates(each(get_user(*member) for member in &members), cache = db.cache, on = ok)]
async fn dissolve(db: &Db, members: Vec<u64>) -> Option<usize> {
    let last = members.into_iter().next_back()?;
    if last == 0 {
        return None;
    }
    Some(db.loads())
}

struct Service<'a, T> {
    db: &'a Db,
    name: T,
}

impl<T: AsRef<str> + Sync> Service<'_, T> {
    #[invalidates(get_user(self.db.user(1).id), key = "team:<team>")]
    async fn regroup(&mut self, (team, _): (u32, u32)) -> &str {
        self.name.as_ref()
    }

    #[invalidates(get_user(result))]
    async fn finish<const N: usize>(self, ids: [u64; N]) -> u64
    where
        T: Clone,
    {
        ids[0]
    }
}

#[tokio::test]
async fn mutations_return_what_their_bodies_do() {
    let db = Db::default();
    assert!(rename(&db, 1, String::new()).await.is_err());
    assert!(rename(&db, 1, "a".to_owned()).await.is_ok());
    assert_eq!(create(&db, "a".to_owned(), 2).await.unwrap().id, 9);
    assert_eq!(dissolve(&db, vec![]).await, None);
    assert!(dissolve(&db, vec![1, 2]).await.is_some());
    let mut service = Service { db: &db, name: "s" };
    assert_eq!(service.regroup((1, 2)).await, "s");
    assert_eq!(service.finish([5]).await, 5);
}
