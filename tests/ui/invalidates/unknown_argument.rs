use cachemacro::invalidates;

#[invalidates(kye = "user:<id>", on = err, label = "a", pattern = "b:<id>", guard = off, get_user)]
async fn rename(id: u64) {}

#[invalidates(key = "user:<uid>:{id}", key = "", cach = 5)]
async fn keys(id: u64) {}

#[invalidates(get_user(.., id), "user:<id>", on, get_team(..))]
async fn later(id: u64) {}

fn main() {}
