use cachemacro::KeyPart;

#[derive(KeyPart)]
union Bits {
    float: f32,
    bits: u32,
}

fn main() {}
