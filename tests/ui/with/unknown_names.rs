use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<tenant>", with(tenant: u64 = session.tenant()), skip(sesion))]
async fn user(sesion: &str) -> usize {
    sesion.len()
}

fn main() {}
