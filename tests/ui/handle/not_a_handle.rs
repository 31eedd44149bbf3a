use cachemacro::{Handle, cache_result};

struct AppState;
impl Handle for AppState {}

struct Filter<'a> {
    text: &'a str,
}

struct Locale;

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(state: &AppState, id: u64, filter: Filter<'_>, locale: &Locale) -> String {
    let _ = (state, locale);
    format!("{}{id}", filter.text)
}

fn main() {}
