use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5)]
async fn size<T>(id: u64) -> usize {
    size_of::<T>() + id as usize
}

#[invalidates(size(id))]
async fn change(id: u64) {}

fn main() {}
