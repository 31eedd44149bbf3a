use cachemacro::cache_result;

async fn plain(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "user:<id>", shares = plain)]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
