use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn nothing(id: u64) {
    drop(id);
}

#[cache_result(ttl = 5)]
async fn unit(id: u64) -> () {
    drop(id);
}

fn main() {}
