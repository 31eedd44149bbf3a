use cachemacro::cache_result;

const USER: &str = "user:<id>";

#[cache_result(ttl = 5, key = format!("user:{id}"))]
async fn formatted(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = USER)]
async fn constant(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = id)]
async fn parameter(id: u64) -> u64 {
    id
}

fn main() {}
