use cachemacro::KeyPart;

#[derive(KeyPart)]
#[key_part(skip)]
struct Filter {
    #[key_part(skpi)]
    name: String,
    #[key_part]
    text: String,
    #[key_part(skip, skip)]
    hash: u64,
}

#[derive(KeyPart)]
enum Order {
    #[key_part(skip)]
    Newest,
}

fn main() {}
