use cachemacro::cache_result;

#[derive(serde::Serialize)]
struct Team {
    score: f64,
}

#[cache_result(ttl = 5, key = "a:<team:hash>", tags = ["score:<team.score>"])]
async fn no_part(team: Team) -> u64 {
    team.score as u64
}

fn main() {}
