use cachemacro::cache_result;

#[cache_result(tll = 5, ttl = 5, jiter = "5%", labels = ["a", "b"], key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
