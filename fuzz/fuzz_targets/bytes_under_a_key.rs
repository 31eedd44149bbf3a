#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachemacro_runtime::fuzzing::bytes_under_a_key(data));
