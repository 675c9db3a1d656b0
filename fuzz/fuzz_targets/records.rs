//! Any bytes as records of the spool.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| routo_receiver::fuzzing::records(bytes));
