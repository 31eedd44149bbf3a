use cachemacro::cache_result;

#[cache_result(ttl = 5, with = 5)]
async fn value(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, with())]
async fn nothing(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, with(uid = id + 1))]
async fn no_type(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, with(uid: u64))]
async fn no_value(id: u64) -> u64 {
    id
}

fn main() {}
