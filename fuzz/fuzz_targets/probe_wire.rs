#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| monitors::kinds::probe::fuzzing::answers(data));
