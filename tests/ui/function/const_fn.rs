use cachemacro::cache_result;

#[cache_result(ttl = 5, tier = local)]
const fn square(id: u64) -> u64 {
    id * id
}

fn main() {}
