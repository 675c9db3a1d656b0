//! What is handed to operators beside the program: alert rules, dashboard and pages name nothing that
//! does not exist.

mod alerts;
mod exposition;
mod links;
mod monitoring;
mod promql;
mod units;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Its text.
fn text(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
