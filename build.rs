//! Compiles again when a migration is added or the revision changes, and tells the program its revision:
//! `ROUTO_REVISION`, or else the commit of the checkout.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-env-changed=ROUTO_REVISION");
    let given = env::var("ROUTO_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = given.or_else(commit).unwrap_or_else(|| "unknown".to_owned());
    // Not under the name that it was given: `cargo run` would pass it on as a configuration key.
    println!("cargo:rustc-env=BUILD_REVISION={revision}");
}

/// The commit, unless these sources were unpacked below some other repository.
fn commit() -> Option<String> {
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // Every commit and checkout appends to it. A path that does not exist would mean a build each time.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
