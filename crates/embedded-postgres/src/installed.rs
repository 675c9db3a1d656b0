//! One installation of Postgres.

use std::env;
use std::fmt;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The directory with its programs.
    pub dir: PathBuf,
    pub major: u32,
}

impl Installed {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What to type for `psql`: the bare name if it is in the `PATH`.
    pub(super) fn psql(&self) -> PathBuf {
        let path = env::var_os("PATH").unwrap_or_default();
        let ours = self.program("psql");
        if ours.is_file() && !env::split_paths(&path).any(|dir| dir.join("psql").is_file()) {
            ours
        } else {
            PathBuf::from("psql")
        }
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.major, self.dir.display())
    }
}
