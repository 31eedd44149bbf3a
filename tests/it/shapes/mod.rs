//! Every shape of function that can be cached, or invalidate.

mod arguments;
mod attributed;
mod futures;
mod generics;
mod methods;
mod mutations;
mod of_impls;
mod parameters;
mod places;

use cachemacro::{Key, Site, registry};

/// Compiles where the value can go to another thread.
fn is_send<T: Send>(value: T) -> T {
    value
}

#[track_caller]
fn assert_key(key: &Key, text: &str) {
    assert_eq!(key.as_str(), text);
}

/// The site of a function, by its label.
#[track_caller]
fn site(name: &str) -> &'static Site {
    let mut named = registry().iter().filter(|site| site.name() == name);
    let site = named.next().expect("the function is registered");
    assert!(named.next().is_none(), "more than one function is called `{name}`");
    site
}
