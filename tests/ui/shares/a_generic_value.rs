use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "list:<id>")]
async fn list(id: u64) -> Vec<u64> {
    vec![id]
}

#[cache_result(ttl = 5, key = "list:<id>", shares = list, skip(T))]
async fn of<T: Clone + Send>(id: u64) -> Vec<T> {
    Vec::new()
}

fn main() {}
