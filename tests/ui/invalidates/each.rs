use cachemacro::invalidates;

#[invalidates(each())]
async fn empty(ids: Vec<u64>) {}

#[invalidates(each(get_user(id)))]
async fn no_loop(ids: Vec<u64>) {}

#[invalidates(each(get_user(id) for id of ids))]
async fn no_in(ids: Vec<u64>) {}

fn main() {}
