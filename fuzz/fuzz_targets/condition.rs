#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| monitors::fuzzing::condition(data));
