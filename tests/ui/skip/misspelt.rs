use cachemacro::cache_result;

struct Db;

#[cache_result(ttl = 5, key = "a:<id>", skp(db))]
async fn a(db: &Db, id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "b:<id>", skip = db)]
async fn b(db: &Db, id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "c:<id>", skip(&db))]
async fn c(db: &Db, id: u64) -> u64 {
    id
}

fn main() {}
