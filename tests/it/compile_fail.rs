//! What must not compile, and what it says; what must compile, under strict lints.

#[test]
fn mistakes_are_explained_and_strict_programs_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/*/[!_]*.rs");
}
