//! A declared section: its keys, and the field that each value becomes.

use std::collections::BTreeMap;

use ::config::{Map, Value};
use secrecy::SecretString;

use super::super::Effective;
use super::super::kinds::{number, url_token};
use super::super::reader::{Merged, Reader};
use super::super::section::{Key, section};

section! {
    struct Sample {
        needed: u8 = number(1..=9),
        wanted: Option<u8> = number::<u8>(1..=9),
        token: Option<SecretString> = url_token(),
    }
}

/// A reader of one layer with these values in the section `sample`.
fn reader(values: &[(&str, &str)]) -> Reader {
    let section: Map<String, Value> =
        values.iter().map(|(key, value)| ((*key).to_owned(), Value::new(None, *value))).collect();
    let layer = Map::from_iter([("sample".to_owned(), Value::new(None, section))]);
    Reader::new(Merged { values: Value::new(None, layer), accounts: BTreeMap::new() })
}

fn problems(values: &[(&str, &str)]) -> Vec<String> {
    let mut reader = reader(values);
    Sample::read(&mut reader, "sample");
    reader.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_section_has_a_key_for_each_line_and_one_more_for_the_file_of_a_secret() {
    let keys: Vec<String> = Sample::keys("sample").into_iter().map(|key| key.path).collect();
    assert_eq!(keys, ["sample.needed", "sample.wanted", "sample.token", "sample.token_file"]);
}

#[test]
fn a_value_becomes_a_field_and_an_optional_key_may_have_none() {
    let mut reader = reader(&[("needed", "5"), ("token", "0123456789abcdef")]);
    let sample = Sample::read(&mut reader, "sample").unwrap();
    assert_eq!((sample.needed, sample.wanted, sample.token.is_some()), (5, None, true));
    let shown: Vec<(&str, &str)> =
        reader.effective.iter().map(|Effective { key, value, .. }| (&**key, &**value)).collect();
    assert_eq!(
        shown,
        [("sample.needed", "5"), ("sample.wanted", "[not set]"), ("sample.token", "[set]")]
    );
}

#[test]
fn a_key_that_has_no_default_but_needs_a_value_is_a_problem() {
    assert_eq!(problems(&[]), ["sample.needed has no value: set it (ROUTO_SAMPLE__NEEDED)"]);
}

#[test]
fn a_value_out_of_bounds_is_a_problem_that_names_them_and_the_other_keys_are_read_too() {
    for out_of_bounds in ["0", "10", "-1", "1.5", "", "one"] {
        let found = problems(&[("needed", out_of_bounds), ("wanted", out_of_bounds)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|line| line.ends_with("expected a whole number from 1 to 9")));
    }
    for within in ["1", "9"] {
        assert!(problems(&[("needed", within), ("wanted", within)]).is_empty());
    }
}
