//! A fresh Postgres cluster: initialised once a process, then copied.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::place::Place;

/// The database `routo` belongs to a role that is no superuser, as in production.
const SET_UP: &str = "create role service login;\ncreate database routo owner service;\n";

struct Template {
    cluster: PathBuf,
    /// Never dropped: the end of this process ends the place.
    _place: Place,
}

/// Makes a cluster that is ready to be started; its parent directory must be there.
pub fn create(at: &Path) {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    let template = TEMPLATE.get_or_init(initialise);
    own(at.parent().unwrap());
    run(as_postgres("cp").arg("-a").arg(&template.cluster).arg(at), "");
}

/// A program of the installation, to be run as a user that Postgres accepts.
pub fn program(name: &str) -> Command {
    as_postgres(bin_dir().join(name))
}

fn initialise() -> Template {
    let place = Place::new();
    let home = place.path("template");
    fs::create_dir(&home).unwrap();
    own(&home);
    let cluster = home.join("cluster");
    // Small WAL segments, so that a cluster fits on a small disk.
    run(
        program("initdb")
            .arg("-D")
            .arg(&cluster)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .arg("--wal-segsize=1"),
        "",
    );
    run(program("postgres").arg("--single").arg("-D").arg(&cluster).arg("postgres"), SET_UP);
    Template { cluster, _place: place }
}

fn run(command: &mut Command, input: &str) {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// `PG_BIN_DIR`, else the highest version in Debian's place, else where `PATH` has it.
fn bin_dir() -> PathBuf {
    if let Some(given) = std::env::var_os("PG_BIN_DIR") {
        return given.into();
    }
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| -> u32 {
        path.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or_default()
    };
    let highest = installed.map(|entry| entry.path()).max_by_key(version);
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    highest
        .map(|home| home.join("bin"))
        .into_iter()
        .chain(std::env::split_paths(&in_path))
        .find(|dir| dir.join("postgres").is_file() && dir.join("initdb").is_file())
        .expect("the proofs need an installed Postgres")
}

/// Postgres refuses root.
fn as_postgres(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((uid, gid)) = other_user() {
        command.uid(uid).gid(gid);
    }
    command
}

fn own(directory: &Path) {
    if let Some((uid, gid)) = other_user() {
        std::os::unix::fs::chown(directory, Some(uid), Some(gid)).unwrap();
    }
}

/// Whom Postgres runs as when we are root.
fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap());
        Some((numbers.next()?, numbers.next()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("a user that is not root"))
}
