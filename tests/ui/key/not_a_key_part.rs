use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "near:<x>")]
async fn near(x: f64) -> u64 {
    x as u64
}

pub struct Filter {
    pub name: String,
    pub score: f32,
}

#[cache_result(ttl = 5)]
async fn find(filter: &Filter) -> u64 {
    filter.name.len() as u64
}

#[cache_result(ttl = 5, key = "scored:<filter.score>")]
async fn scored(filter: &Filter) -> u64 {
    filter.name.len() as u64
}

fn main() {}
