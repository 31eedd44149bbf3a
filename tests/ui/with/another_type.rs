use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "k:<uid>", with(uid: u64 = name.len()))]
async fn user(name: String) -> String {
    name
}

fn main() {}
