//! Finds `initdb` and `postgres` of the right version on this machine.

use std::cmp::Reverse;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::EmbeddedPostgresError;
use super::installed::Installed;

/// The oldest major version for a new cluster.
const OLDEST: u32 = 13;

/// The usual places: a directory, and the prefix of names in it that end with a version.
const VERSIONED: [(&str, &str); 4] = [
    ("usr/lib/postgresql", ""), // Debian
    ("usr", "pgsql-"),          // RPMs of the Postgres project
    ("opt/homebrew/opt", "postgresql@"),
    ("usr/local/opt", "postgresql@"), // Homebrew on Intel
];
const FROM_SOURCE: &str = "usr/local/pgsql/bin";

/// `bin_dir` if it is given, else the first suitable one of the usual places.
///
/// `cluster` is an existing cluster, and the major version that it needs.
pub(super) fn find(
    bin_dir: Option<&Path>,
    cluster: Option<(&Path, u32)>,
) -> Result<Installed, EmbeddedPostgresError> {
    if let Some(bin_dir) = bin_dir {
        if let Some(missing) = missing_program(bin_dir) {
            let bin_dir = bin_dir.to_owned();
            return Err(EmbeddedPostgresError::BinDirIncomplete { bin_dir, missing });
        }
        let dir = fs::canonicalize(bin_dir).map_err(EmbeddedPostgresError::data_dir(bin_dir))?;
        let program = dir.join("postgres");
        let major = major_of(&program).ok_or(EmbeddedPostgresError::VersionUnknown { program })?;
        return choose(vec![Installed { dir, major }], cluster);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let installed: Vec<Installed> = places(Path::new("/"), &path)
        .into_iter()
        .filter(|dir| missing_program(dir).is_none())
        .filter_map(|dir| {
            let major = major_of(&dir.join("postgres"))?;
            Some(Installed { dir, major })
        })
        .collect();
    if installed.is_empty() {
        return Err(EmbeddedPostgresError::BinariesNotFound {
            looked_in: names_of_places(Path::new("/"), &path),
        });
    }
    choose(installed, cluster)
}

fn choose(
    installed: Vec<Installed>,
    cluster: Option<(&Path, u32)>,
) -> Result<Installed, EmbeddedPostgresError> {
    let fits = |one: &&Installed| match cluster {
        Some((_, needed)) => one.major == needed,
        None => one.major >= OLDEST,
    };
    match (installed.iter().find(fits), cluster) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some((cluster, needed))) => Err(EmbeddedPostgresError::OtherMajor {
            cluster: cluster.to_owned(),
            needed,
            found: installed,
        }),
        (None, None) => Err(EmbeddedPostgresError::TooOld { found: installed }),
    }
}

fn missing_program(dir: &Path) -> Option<&'static str> {
    ["initdb", "postgres"].into_iter().find(|program| !dir.join(program).is_file())
}

/// Reads `postgres (PostgreSQL) 15.10 (…)`.
fn major_of(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    leading_number(version)
}

fn leading_number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok())
}

/// The directories to try, in order; versions in descending order.
fn places(root: &Path, path: &OsStr) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for (at, (parent, prefix)) in VERSIONED.into_iter().enumerate() {
        if at == 2 {
            places.push(root.join(FROM_SOURCE));
        }
        places.extend(versioned(&root.join(parent), prefix));
    }
    places.extend(env::split_paths(path).filter(|dir| dir.is_absolute()));
    places
}

fn names_of_places(root: &Path, path: &OsStr) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = VERSIONED
        .into_iter()
        .map(|(parent, prefix)| root.join(parent).join(format!("{prefix}*")).join("bin"))
        .collect();
    names.insert(2, root.join(FROM_SOURCE));
    names.extend(env::split_paths(path).filter(|dir| dir.is_absolute()));
    names
}

fn versioned(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(Reverse<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = leading_number(name.to_str()?.strip_prefix(prefix)?)?;
            Some((Reverse(version), entry.path().join("bin")))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, dir)| dir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_places_come_in_order_and_the_highest_version_first() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for dir in [
            "usr/lib/postgresql/9.6/bin",
            "usr/lib/postgresql/17/bin",
            "usr/lib/postgresql/13/bin",
            "usr/pgsql-16/bin",
            "usr/local/opt/postgresql@14/bin",
            "opt/homebrew/opt/postgresql@16/bin",
            "opt/homebrew/opt/openssl@3/bin",
        ] {
            fs::create_dir_all(at(dir)).unwrap();
        }
        let expected = [
            at("usr/lib/postgresql/17/bin"),
            at("usr/lib/postgresql/13/bin"),
            at("usr/lib/postgresql/9.6/bin"),
            at("usr/pgsql-16/bin"),
            at("usr/local/pgsql/bin"),
            at("opt/homebrew/opt/postgresql@16/bin"),
            at("usr/local/opt/postgresql@14/bin"),
            PathBuf::from("/some/bin"),
            PathBuf::from("/other/bin"),
        ];
        assert_eq!(places(root.path(), OsStr::new("/some/bin:.:/other/bin")), expected);
    }

    #[test]
    fn without_postgres_the_error_lists_the_places_searched_and_what_to_install() {
        let error = EmbeddedPostgresError::BinariesNotFound {
            looked_in: names_of_places(Path::new("/"), OsStr::new("/some/bin")),
        };
        let message = error.to_string();
        for part in [
            "/usr/lib/postgresql/*/bin, /usr/pgsql-*/bin, /usr/local/pgsql/bin",
            "/opt/homebrew/opt/postgresql@*/bin, /usr/local/opt/postgresql@*/bin, /some/bin",
            "apt-get install postgresql",
            "dnf install postgresql-server",
            "brew install postgresql@16",
            "PG_BIN_DIR",
            "DATABASE_URL",
        ] {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}
