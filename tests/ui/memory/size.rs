use cachemacro::cache_result;

#[cache_result(ttl = 5, memory = "16MB")]
async fn without_a_unit(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, memory = "10B")]
async fn too_small(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, memory = "65GiB")]
async fn too_large(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, memory = 16)]
async fn not_a_text(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, memory = "1MiB", memory = "2MiB")]
async fn twice(id: u64) -> u64 {
    id
}

fn main() {}
