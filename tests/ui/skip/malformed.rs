use cachemacro::cache_result;

#[cache_result(ttl = 5, skip)]
async fn bare(db: &str) -> u64 {
    1
}

#[cache_result(ttl = 5, skip())]
async fn empty(db: &str) -> u64 {
    1
}

#[cache_result(ttl = 5, skip = db)]
async fn equals(db: &str) -> u64 {
    1
}

#[cache_result(ttl = 5, skip("db"))]
async fn text(db: &str) -> u64 {
    1
}

fn main() {}
