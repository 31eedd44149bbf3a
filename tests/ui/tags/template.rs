use cachemacro::cache_result;

struct User {
    id: u64,
    team: u64,
}

#[cache_result(ttl = 5, key = "a:<team>", tags = ["team:<taem>", "team:{team}", ""])]
async fn misspelt(team: u64) -> u64 {
    team
}

#[cache_result(ttl = 5, key = "b:<team>", tags = ["<value.owner>", "owner<value.owner>", ":<value>"])]
async fn over_the_value_without_a_kind(team: u64) -> User {
    User { id: team, team }
}

#[cache_result(ttl = 5, key = "i:<team>", tags = ["owner:<value.owner>"])]
async fn over_what_the_value_has_not(team: u64) -> Option<u64> {
    Some(team)
}

#[cache_result(ttl = 5, key = "g:<id>", tags = ["team:<team>"], skip(team))]
async fn over_what_is_skipped(id: u64, team: u64) -> u64 {
    let _ = team;
    id
}

#[cache_result(ttl = 5, key = "h:<user.id>", tags = ["team:<user.team>"])]
async fn over_another_field(user: User) -> u64 {
    user.id
}

#[cache_result(ttl = 5, key = "c:<team>", tags = "team:<team>")]
async fn no_list(team: u64) -> u64 {
    team
}

#[cache_result(ttl = 5, key = "d:<a>:<b>", tags = ["<a>-<b>"])]
async fn touching(a: u64, b: u64) -> u64 {
    a + b
}

#[cache_result(ttl = 5, key = "e:<team>", tags = ["team:<team>"], codec = Raw<Json>)]
async fn raw(team: u64) -> u64 {
    team
}

fn main() {}
