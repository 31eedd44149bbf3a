use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "report:<id>", memory = "1MiB")]
async fn report(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "report:<id>", shares = report, memory = "2MiB")]
async fn again(id: u64) -> u64 {
    id
}

fn main() {}
