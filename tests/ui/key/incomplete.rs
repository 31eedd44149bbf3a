use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<id>", skip(db))]
async fn user(db: &str, id: u64, locale: &str) -> String {
    format!("{db}{id}{locale}")
}

#[cache_result(ttl = 5, key = "everyone")]
async fn users(page: u32) -> u32 {
    page
}

fn main() {}
