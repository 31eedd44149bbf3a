use cachemacro::KeyPart;

#[derive(KeyPart)]
struct Point(f64);

#[derive(KeyPart)]
struct Filter<T> {
    name: String,
    labels: std::collections::HashMap<String, T>,
}

#[derive(KeyPart)]
enum Order {
    Newest,
    Near { distance: f32 },
}

fn main() {}
