use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "size:<T>:<id>")]
async fn size<T: Send + Sync>(id: T) -> usize {
    let _ = id;
    size_of::<T>()
}

fn main() {}
