use cachemacro::cache_result;

#[cache_result(ttl = 5, skip(U))]
async fn size<T>() -> usize {
    size_of::<T>()
}

fn main() {}
