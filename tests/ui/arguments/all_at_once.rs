use cachemacro::cache_result;

#[cache_result(tll = 5, ttl = "5 mins", key = "user:<uid>-<id>", skip(locale, db, db))]
async fn user(db: &str, id: u64, team: u8) -> u64 {
    id
}

// The function and its companion are there all the same: no second error follows.
async fn caller() -> u64 {
    user::invalidate(1).await.unwrap();
    user("", 1, 2).await
}

#[cachemacro::invalidates(user(id))]
async fn mutation(id: u64) {}

fn main() {}
