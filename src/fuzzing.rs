//! What holds for any bytes whatever: each function panics where it does not. `fuzz/` looks for such
//! bytes, and a test tries those that are kept in `fuzz/corpus`. Not part of the program.

pub use crate::http::fuzzing::requests;
pub use crate::spool::fuzzing::records;
pub use crate::wire::fuzzing::{parameters, text};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn try_corpus(target: &str, holds: impl Fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files = 0;
        for entry in fs::read_dir(corpus).unwrap() {
            holds(&fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 10, "only {files} files are kept for {target}");
    }

    #[test]
    fn what_must_hold_for_parameters_holds_for_those_that_are_kept() {
        try_corpus("parameters", parameters);
    }

    #[test]
    fn what_must_hold_for_text_holds_for_those_that_are_kept() {
        try_corpus("text", text);
    }

    #[test]
    fn what_must_hold_for_records_holds_for_those_that_are_kept() {
        try_corpus("records", records);
    }

    #[test]
    fn what_must_hold_for_requests_holds_for_those_that_are_kept() {
        try_corpus("requests", requests);
    }

    proptest! {
        #[test]
        fn what_must_hold_holds_for_any_bytes(bytes: Vec<u8>) {
            parameters(&bytes);
            text(&bytes);
            records(&bytes);
            requests(&bytes);
        }
    }
}
