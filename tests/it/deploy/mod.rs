//! The files for operators: alert rules, dashboard and pages refer only to what exists.

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
