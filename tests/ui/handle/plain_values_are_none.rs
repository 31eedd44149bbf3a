use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "all")]
async fn all(
    ids: &[u64],
    name: Option<&str>,
    near: (f64, f64),
    tags: std::sync::Arc<Vec<String>>,
    check: impl Fn() + Send,
    locale: Locale,
) -> usize {
    check();
    let _ = locale;
    ids.len() + name.map_or(0, str::len) + near.0 as usize + tags.len()
}

struct Locale;

fn main() {}
