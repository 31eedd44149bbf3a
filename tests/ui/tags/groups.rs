use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "a:<owner>:<page>", groups(onwer))]
async fn misspelt(owner: u64, page: u32) -> u64 {
    owner + u64::from(page)
}

#[cache_result(ttl = 5, key = "b:<owner.0>:<page>", groups(owner, page, page))]
async fn of_a_part(owner: (u64,), page: u32) -> u64 {
    owner.0 + u64::from(page)
}

#[cache_result(ttl = 5, key = "c:<owner.0>", groups(owner))]
async fn of_a_field(owner: (u64,)) -> u64 {
    owner.0
}

struct Repo;

impl Repo {
    #[cache_result(ttl = 5, key = "d:<owner>", groups(owner), skip(self))]
    async fn method(&self, owner: u64) -> u64 {
        owner
    }
}

fn main() {}
