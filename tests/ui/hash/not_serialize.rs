use cachemacro::cache_result;

struct Filter;

#[cache_result(ttl = 5, key = "k:<filter:hash>")]
async fn search(filter: Filter) -> u64 {
    let _ = filter;
    1
}

fn main() {}
