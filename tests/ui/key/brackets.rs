use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<id")]
async fn open(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "user:id>")]
async fn closed(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "user:<<id>>")]
async fn twice(id: u64) -> u64 {
    id
}

fn main() {}
