#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| collectors::fuzzing::proc_text(data));
