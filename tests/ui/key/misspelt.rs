use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<idd>:<tenat.id>")]
async fn user(id: u64, tenant: &Tenant) -> u64 {
    id + tenant.id
}

struct Tenant {
    id: u64,
}

fn main() {}
