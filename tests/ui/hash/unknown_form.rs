use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "k:<filter:sha256>")]
async fn search(filter: Vec<u64>) -> u64 {
    filter[0]
}

fn main() {}
