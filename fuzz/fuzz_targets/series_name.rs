#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| series_store::names::fuzzing::name(data));
