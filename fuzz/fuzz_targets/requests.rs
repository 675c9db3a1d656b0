//! Any bytes as they arrive on a connection.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| routo_receiver::fuzzing::requests(bytes));
