use cachemacro::{cache_result, invalidates};
use std::fmt::Display;
use std::pin::Pin;

#[cache_result(ttl = 5)]
fn list() -> impl Iterator<Item = u64> {
    [1].into_iter()
}

#[cache_result(ttl = 5)]
fn boxed() -> Pin<Box<dyn Display>> {
    Box::pin(5)
}

#[invalidates(key = "a")]
fn change() -> impl Display {
    5
}

fn main() {}
