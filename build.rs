//! Compiles again when a migration is added, or the revision that is told differs.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-env-changed=ROUTO_REVISION");
}
