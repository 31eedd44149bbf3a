use cachemacro::cache_result;

struct User;
struct Repo;

impl Repo {
    #[cache_result(ttl = 5, skip(self))]
    async fn user(&self) -> Result<User, ()> {
        Ok(User)
    }

    #[cache_result(ttl = 5, skip(self))]
    async fn typo(&self) -> Result<u64, ()> {
        let id: u64 = "5";
        Ok(id.len())
    }
}

fn main() {}
