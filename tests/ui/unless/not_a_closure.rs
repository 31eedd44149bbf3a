use cachemacro::cache_result;

#[cache_result(ttl = 5, unless = id > 5)]
async fn about_an_argument(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, unless = |id, value| id > value)]
async fn two_parameters(id: u64) -> u64 {
    id
}

fn main() {}
