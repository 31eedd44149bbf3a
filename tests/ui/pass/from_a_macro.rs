//! What a `macro_rules!` writes.
#![deny(warnings)]

macro_rules! cached {
    ($name:ident, $param:ident: $ty:ty) => {
        #[cachemacro::cache_result(ttl = 5, skip(other))]
        async fn $name($param: $ty, other: u8) -> $ty {
            $param + <$ty>::from(other)
        }

        #[cachemacro::invalidates($name($param), key = "plain")]
        async fn clear($param: $ty) {}
    };
}

cached!(twice, id: u64);

#[tokio::main]
async fn main() {
    assert_eq!(twice(1, 2).await, 3);
    clear(1).await;
}
