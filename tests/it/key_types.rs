//! Types of a user's own in keys.

use std::borrow::Cow;
use std::marker::PhantomData;

use cachemacro::{KeyBuf, KeyPart, cache_result};

#[derive(KeyPart)]
struct UserId(u64);

#[derive(Clone, KeyPart)]
struct Page<'a, T> {
    of: &'a str,
    items: Vec<T>,
    #[key_part(skip)]
    #[expect(dead_code, reason = "it is skipped")]
    hint: usize,
}

#[derive(KeyPart)]
struct Name<'a>(Cow<'a, str>);

#[derive(KeyPart)]
struct Unit;

#[derive(KeyPart)]
struct Tagged<T>(u8, PhantomData<T>);

#[derive(KeyPart)]
struct Grid<const N: usize>([u8; N], bool);

#[derive(KeyPart)]
enum Never {}

#[derive(KeyPart)]
enum Tree<T> {
    Leaf,
    r#Type(T),
    Node { left: Box<Tree<T>>, right: Box<Tree<T>> },
    Empty(),
}

trait Entity {
    type Id;
}
struct Team;
impl Entity for Team {
    type Id = u16;
}

#[derive(KeyPart)]
struct Ref<E: Entity>
where
    E: 'static,
{
    id: E::Id,
    kind: PhantomData<E>,
}

fn key(part: impl KeyPart) -> String {
    let mut key = KeyBuf::new();
    part.write(&mut key);
    key.as_str().to_owned()
}

#[test]
fn a_derived_part_writes_what_the_type_is_made_of() {
    assert_eq!(key(UserId(42)), "42");
    assert_eq!(key(Page { of: "a,b", items: vec![1, 2], hint: 3 }), "[a%2Cb,[1,2]]");
    assert_eq!(key(Page { of: "", items: Vec::<u8>::new(), hint: 3 }), "[%,[]]");
    assert_eq!(key(Name(Cow::Borrowed("a:b"))), "a%3Ab");
    assert_eq!(key(Unit), "[]");
    assert_eq!(key(Grid([1, 2], true)), "[[1,2],true]");
    assert_eq!(key(Ref::<Team> { id: 3, kind: PhantomData }), "[3,[]]");
    assert_eq!(key(Tagged::<f64>(1, PhantomData)), "[1,[]]");
    assert_eq!(key(None::<Never>), "<none>");
}

#[test]
fn variants_are_told_apart() {
    let leaf = || Box::new(Tree::<&str>::Leaf);
    assert_eq!(key(Tree::<u8>::Leaf), "Leaf");
    assert_eq!(key(Tree::Type("Leaf")), "[Type,Leaf]");
    assert_eq!(key(Tree::<u8>::Empty()), "[Empty]");
    assert_eq!(key(Tree::Node { left: Box::new(Tree::Type("]")), right: leaf() }), "[Node,[Type,%5D],Leaf]");
}

#[cache_result(ttl = 60, key = "typed:<id>:<name>:<page>:<tree>")]
async fn typed(id: UserId, name: &Name<'_>, page: Page<'_, String>, tree: Option<&Tree<u8>>) -> u64 {
    let _ = (id, name, page, tree);
    1
}

#[tokio::test]
#[expect(clippy::needless_borrows_for_generic_args, reason = "that references fit is what is tested")]
async fn companions_take_derived_parts_and_references_to_them() {
    let page = Page { of: "p", items: vec!["x"], hint: 0 };
    let name = Name(Cow::Borrowed("n"));
    let expected = "typed:1:n:[p,[x]]:Leaf";
    assert_eq!(typed::key(UserId(1), &name, page.clone(), Some(Tree::<u8>::Leaf)).as_str(), expected);
    assert_eq!(typed::key(&UserId(1), &&name, &page, Some(&Tree::<u8>::Leaf)).as_str(), expected);
    let owned = Page { of: "p", items: vec!["x".to_owned()], hint: 0 };
    assert_eq!(typed(UserId(1), &name, owned, None).await, 1);
    typed::invalidate(UserId(1), &name, &page, None::<&Tree<u8>>).await.unwrap();
}
