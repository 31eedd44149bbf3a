use cachemacro::invalidates;

#[invalidates(key = "user:<id>")]
fn rename(id: u64) {}

#[invalidates(key = "users")]
const X: u8 = 5;

fn main() {}
