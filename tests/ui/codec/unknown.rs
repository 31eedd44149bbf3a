use cachemacro::cache_result;

#[cache_result(ttl = 5, codec = Jsom)]
async fn misspelt(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, codec = Compressed<Zip>)]
async fn compressed(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, codec)]
async fn none(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, value_bytes_max = "1MB")]
async fn without_a_unit(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, value_bytes_max = "9MiB")]
async fn too_large(id: u64) -> u64 {
    id
}

fn main() {}
