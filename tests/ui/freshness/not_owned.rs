use std::borrow::Cow;
use std::rc::Rc;

use cachemacro::cache_result;

struct Db;

#[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "user:<id>", skip(db))]
async fn by_reference(db: &Db, id: u64) -> String {
    let _ = db;
    id.to_string()
}

#[cache_result(ttl = 5, stale_if_error = "1m", timeout = "1s", key = "user:<id>", skip(db))]
async fn by_value(db: Db, id: u64) -> Result<String, String> {
    let _ = db;
    Ok(id.to_string())
}

#[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "users:<id>", skip(all))]
async fn slice(all: &[Db], id: u64) -> String {
    let _ = all;
    id.to_string()
}

#[cache_result(ttl = 5, refresh_every = "1s", key = "counts:<id>", skip(count))]
async fn not_sent(count: Rc<u64>, id: u64) -> String {
    let _ = count;
    id.to_string()
}

#[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "names:<name>")]
async fn borrowed_within(name: Cow<'_, str>) -> String {
    name.into_owned()
}

fn main() {}
