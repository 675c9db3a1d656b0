//! What holds for any environment.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::keys::KEYS;
use super::super::{ConfigError, report};
use super::load;

/// A variable for a key, or nearly one: with any names in place of `*`, a part too many or too few.
fn variable() -> impl Strategy<Value = String> {
    let name = "[a-z0-9_.\\-]{1,8}|main|missing|\\PC{1,3}";
    let change = select(vec!["", "__", "__extra", "_file", "x"]);
    (any::<Index>(), [name, name], change).prop_map(|(index, names, change)| {
        let mut names = names.iter();
        let key = &index.get(&KEYS).path;
        let parts = key.split('.').map(|part| match part {
            "*" => names.next().unwrap().clone(),
            part => part.to_owned(),
        });
        let path = parts.collect::<Vec<_>>().join("__").to_ascii_uppercase();
        format!("ROUTO_{path}{}", change.to_ascii_uppercase())
    })
}

fn value() -> impl Strategy<Value = String> {
    let usual = ["1", "true", "10s", "0.0.0.0:8080", "auto", "postgres://u@h/d", "10.0.0.0/8"];
    prop_oneof![select(usual.to_vec()).prop_map(str::to_owned), "\\PC{0,40}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_environment_is_settings_or_problems_one_line_each(
        variables in vec((variable(), value()), 0..6),
    ) {
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        match load(None, &variables) {
            Ok(settings) => prop_assert!(report(&settings, None).contains("http.listen")),
            Err(error @ ConfigError { .. }) => {
                prop_assert!(!error.problems.is_empty());
                prop_assert_eq!(error.to_string().lines().count(), error.problems.len());
            }
        }
    }
}
