use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> Result<u64, String> {
    Ok(id)
}

async fn write() -> cachemacro::Result<()> {
    let guard = user::guard(5_u64).await?;
    guard.put(&"five".to_owned()).await?;
    Ok(())
}

fn main() {}
