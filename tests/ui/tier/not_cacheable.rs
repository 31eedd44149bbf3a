use cachemacro::cache_result;

#[cache_result(ttl = 5, tier = local)]
async fn not_send(id: u64) -> std::rc::Rc<u64> {
    std::rc::Rc::new(id)
}

struct User;

#[cache_result(ttl = 5, tier = local)]
fn not_clone(id: u64) -> Option<User> {
    (id > 1).then_some(User)
}

fn main() {}
