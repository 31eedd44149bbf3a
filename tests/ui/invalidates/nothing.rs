use cachemacro::invalidates;

#[invalidates]
async fn bare() {}

#[invalidates()]
async fn empty() {}

#[invalidates(on = ok)]
async fn only_on() -> Result<(), ()> {
    Ok(())
}

fn main() {}
