use cachemacro::invalidates;

mod users {
    #[cachemacro::cache_result(ttl = 5)]
    async fn private(id: u64) -> u64 {
        id
    }
}

#[invalidates(users::private(id))]
async fn change(id: u64) {
    let _ = id;
}

fn main() {}
