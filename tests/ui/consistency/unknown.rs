use cachemacro::cache_result;

#[cache_result(ttl = 5, consistency = strct)]
async fn a_slip(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, consistency = "eventual")]
async fn another_kind(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, consistency)]
async fn none(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, consistency = strict, consistency = bounded)]
async fn both(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, tier = local, consistency = strict)]
async fn in_this_process_alone(id: u64) -> u64 {
    id
}

fn main() {}
