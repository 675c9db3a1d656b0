//! Any bytes as query and form.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| routo_receiver::fuzzing::parameters(bytes));
