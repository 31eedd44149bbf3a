use cachemacro::cache_result;

trait Load: Sync {
    type Item: Clone;

    fn make(&self) -> Self::Item;

    #[cache_result(ttl = 5, key = "item:<Self>", skip(self))]
    async fn item(&self) -> Vec<Self::Item> {
        vec![self.make()]
    }
}

fn main() {}
