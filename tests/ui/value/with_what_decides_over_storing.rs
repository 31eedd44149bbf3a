use cachemacro::{cache_methods, cache_result};

struct User;

#[cache_result(ttl = 5, unless = |_| true)]
async fn user(id: u64) -> Result<User, ()> {
    let _ = id;
    Ok(User)
}

struct Repo;

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = 5, negative_ttl = 4)]
    async fn user(&self, id: u64) -> Option<User> {
        let _ = id;
        None
    }
}

fn main() {}
