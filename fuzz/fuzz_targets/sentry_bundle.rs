#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| formats::fuzzing::sentry_bundle(data));
