//! A program that allows nothing.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
#![deny(missing_debug_implementations, missing_copy_implementations, unused_qualifications)]
#![deny(rust_2018_idioms, single_use_lifetimes, unused_results, let_underscore_drop)]
#![forbid(unsafe_code)]

use cachemacro::{cache_result, invalidates};

/// Loads.
///
/// # Errors
///
/// Never.
#[cache_result(ttl = "5m", key = "user:<id>:<name>", skip(_db))]
pub async fn get_user(_db: &str, id: u64, name: Option<&str>) -> Result<u64, String> {
    if name == Some("none") {
        return Err("none".to_owned());
    }
    Ok(id)
}

#[cache_result(ttl = std::time::Duration::from_secs(page))]
async fn tasks(mut page: u64) -> Vec<u64> {
    page += 1;
    vec![page]
}

#[invalidates(get_user(id, Some("a")), tasks(result), key = "user:<id>", on = ok)]
async fn rename(id: u64, name: String) -> Result<u64, String> {
    let length: u64 = name.parse::<u64>().map_err(|error| error.to_string())?;
    if length > 5 {
        return Err(name);
    }
    Ok(id + length)
}

/// The body need not use what the attribute does.
#[cache_result(ttl = std::time::Duration::from_secs(seconds), cache = cache, key = "everyone", skip(cache, seconds))]
async fn everyone(cache: &cachemacro::Cache, seconds: u64) -> u8 {
    1
}

#[invalidates(each(tasks(page) for page in [1_u64, 2]))]
async fn clear() {}

#[tokio::main]
async fn main() {
    assert_eq!(get_user("", 1, None).await, Ok(1));
    assert_eq!(tasks(1).await, [2]);
    assert_eq!(rename(1, "2".to_owned()).await, Ok(3));
    clear().await;
    assert_eq!(everyone(&cachemacro::Cache::default(), 5).await, 1);
}
