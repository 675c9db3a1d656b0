//! Properties that hold for any bytes: each function panics where one does not. `fuzz/` searches for
//! such bytes, and the tests check those in `fuzz/corpus`. Not part of the program.

pub use crate::http::fuzzing::requests;
pub use crate::spool::fuzzing::records;
pub use crate::wire::fuzzing::{parameters, text};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn check_corpus(target: &str, check: impl Fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files = 0;
        for entry in fs::read_dir(corpus).unwrap() {
            check(&fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 10, "only {files} files in the corpus of {target}");
    }

    #[test]
    fn the_properties_of_parameters_hold_for_the_corpus() {
        check_corpus("parameters", parameters);
    }

    #[test]
    fn the_properties_of_text_hold_for_the_corpus() {
        check_corpus("text", text);
    }

    #[test]
    fn the_properties_of_records_hold_for_the_corpus() {
        check_corpus("records", records);
    }

    #[test]
    fn the_properties_of_requests_hold_for_the_corpus() {
        check_corpus("requests", requests);
    }

    proptest! {
        #[test]
        fn the_properties_hold_for_any_bytes(bytes: Vec<u8>) {
            parameters(&bytes);
            text(&bytes);
            records(&bytes);
            requests(&bytes);
        }
    }
}
