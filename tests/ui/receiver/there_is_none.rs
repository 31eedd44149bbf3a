use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<self.tenant>:<Self>", skip(self))]
async fn user() -> u64 {
    5
}

fn main() {}
