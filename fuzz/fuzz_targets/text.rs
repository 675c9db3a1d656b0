//! Any bytes as the text of a message.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| routo_receiver::fuzzing::text(bytes));
