use cachemacro::cache_result;

#[cache_result(expire = 60, condition = id > 5, local, strict, ignore(db), key = "user:<id>")]
async fn user(db: &str, id: u64) -> u64 {
    id
}

fn main() {}
