//! What must not compile, and what it says; what must compile, under strict lints.

use std::fs;

#[test]
fn mistakes_are_explained_and_strict_programs_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    for folder in fs::read_dir("tests/ui").unwrap() {
        let folder = folder.unwrap().file_name().into_string().unwrap();
        // Each other folder is named for a mistake.
        if folder != "pass" {
            cases.compile_fail(format!("tests/ui/{folder}/*.rs"));
        }
    }
}
