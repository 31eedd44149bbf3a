use std::collections::HashMap;

use cachemacro::cache_result;

#[cache_result(batch, ttl = 5, key = "a:<ids>")]
async fn bare(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(), ttl = 5, key = "b:<ids>")]
async fn empty(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(idz), ttl = 5, key = "c:<ids>")]
async fn misspelt(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids, chunk = 0), ttl = 5, key = "d:<ids>")]
async fn no_chunk(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids, size = 10), ttl = 5, key = "e:<ids>")]
async fn unknown(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "f", skip(ids))]
async fn not_in_the_key(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "g:<all>", with(all: usize = ids.len()))]
async fn computed(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "h:<ids>", early = on, codec = Raw<Json>)]
async fn together(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "m:<tenant>:<ids>", tags = ["<value>", "of:<other>"], groups(other))]
async fn tagged(tenant: u64, ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), batch_window = "1ms", ttl = 5, key = "u:<ids>", tags = ["of:<tenant>"])]
async fn gathered_under_tags(tenant: u64, ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "i:<ids>", companion = off)]
async fn without_a_companion(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "j:<ids>", tier = local)]
fn not_async(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

struct Repo;

impl Repo {
    #[cache_result(batch(ids), ttl = 5, key = "k:<ids>", skip(self))]
    async fn bare_method(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }
}

#[cachemacro::cache_methods]
impl Repo {
    #[cache_result(batch(ids), ttl = 5, key = "l:<ids>", skip(self))]
    async fn exclusive(&mut self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }
}

#[cache_result(batch_window = "1ms", ttl = 5, key = "w:<id>")]
async fn window_of_one(id: u64) -> Option<u64> {
    Some(id)
}

#[cache_result(batch(ids), batch_window = "2s", ttl = 5, key = "x:<ids>")]
async fn long_window(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), batch_window = "soon", ttl = 5, key = "y:<ids>")]
async fn no_window(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), batch_window = "1ms", ttl = 5, key = "z:<tenant>:<ids>")]
async fn apart(tenant: u64, ids: &[u64]) -> HashMap<u64, u64> {
    let _ = tenant;
    HashMap::new()
}

#[cache_result(batch(ids), batch_window = "1ms", ttl = 5)]
async fn without_a_key(ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

fn main() {}
