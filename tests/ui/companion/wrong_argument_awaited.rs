use cachemacro::cache_result;

#[cache_result(ttl = 5, groups(owner))]
async fn task(owner: u64, page: u32) -> u64 {
    owner + u64::from(page)
}

async fn caller() -> cachemacro::Result<()> {
    task::invalidate("a", 5_u32).await?;
    task::invalidate_by_owner("a").await
}

fn main() {}
