use cachemacro::cache_result;
use std::rc::Rc;

#[cache_result(ttl = 5)]
fn user(id: u64) -> impl Future<Output = u64> + Send {
    async move {
        let id = Rc::new(id);
        std::future::ready(()).await;
        *id
    }
}

fn main() {}
