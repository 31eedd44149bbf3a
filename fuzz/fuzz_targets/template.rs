#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachemacro_runtime::fuzzing::template(data));
