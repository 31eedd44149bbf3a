use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "k:<uid>", with(uid: u64 = id, uid: u64 = id + 1))]
async fn twice(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "l:<id>", with(id: u64 = 5))]
async fn a_parameter(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "m:<id>", with(uid: u64 = id))]
async fn unused(id: u64) -> u64 {
    id
}

fn main() {}
