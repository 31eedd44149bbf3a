use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn name(id: u64) -> Result<&'static str, ()> {
    if id > 0 { Ok("one") } else { Err(()) }
}

fn main() {}
