//! The configuration as a user sees it: texts in, settings or problems out.

mod defaults;
mod layers;
mod lists;
mod postgres_url;
mod problems;
mod properties;
mod report;
mod rotation;
mod secrets;
mod section;

use super::{ConfigError, FILE_NAME, Settings, Sources};

/// Loads a file with this text (if any) and these variables, in a directory of its own.
fn load(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    if let Some(text) = file {
        std::fs::write(directory.path().join(FILE_NAME), text).unwrap();
    }
    Settings::load(&sources(directory.path(), variables))
}

fn sources(directory: &std::path::Path, variables: &[(&str, &str)]) -> Sources {
    Sources {
        file: None,
        directory: directory.to_owned(),
        environment: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
    }
}

/// What is wrong with this file and these variables, one line a problem.
fn lines(file: Option<&str>, variables: &[(&str, &str)]) -> Vec<String> {
    let error = load(file, variables).expect_err("there should be a problem");
    let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), error.problems.len(), "one line a problem: {lines:#?}");
    lines
}

/// The one thing that is wrong.
fn line(file: Option<&str>, variables: &[(&str, &str)]) -> String {
    let mut lines = lines(file, variables);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}
