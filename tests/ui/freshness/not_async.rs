use cachemacro::cache_result;

#[cache_result(ttl = 5, idle = "1m", stale_while_revalidate = "1m", early = on, tier = local)]
fn user(id: u64) -> String {
    id.to_string()
}

fn main() {}
