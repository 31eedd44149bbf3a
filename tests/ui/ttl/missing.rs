use cachemacro::cache_result;

#[cache_result(key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[cache_result]
async fn team(id: u64) -> u64 {
    id
}

fn main() {}
