use cachemacro::invalidates;

#[invalidates(get_user(id))]
async fn rename(id: u64) {}

async fn plain(_: u64) {}

#[invalidates(plain(id))]
async fn not_cached(id: u64) {}

fn main() {}
