//! Scratch directories, and the guard that leaves nothing behind.
//!
//! The guard is a shell that reads its standard input, which ends with this process, even after
//! kill -9. It then kills the child processes that are left, unmounts, and removes the directory.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

const GUARD: &str = r#"
trap '' HUP INT TERM
processes= mounts=
without() { for each in $2; do [ "$each" = "$1" ] || printf ' %s' "$each"; done; }
while read -r order what; do
    case $order in
    kill) processes="$processes $what" ;;
    spare) processes=$(without "$what" "$processes") ;;
    unmount) mounts="$mounts $what" ;;
    esac
done
for pid in $processes; do kill -KILL "$pid"; done
for mount in $mounts; do umount -l "$mount" || sudo -n umount -l "$mount"; done
tries=0
until rm -rf "$0" || [ $tries -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
"#;

struct Scratch {
    directory: PathBuf,
    guard: Mutex<Child>,
}

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
    let directory =
        tempfile::Builder::new().prefix("routo-receiver-test-").tempdir().unwrap().keep();
    // Postgres runs as another user where this process is root's, and has to pass.
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    let guard = Command::new("sh")
        .args(["-c", GUARD])
        .arg(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        // Out of reach of the signals that a terminal sends to the tests.
        .process_group(0)
        .spawn()
        .unwrap();
    Scratch { directory, guard: Mutex::new(guard) }
});

/// A new name in a directory that is removed when this process has ended.
pub fn scratch(name: &str) -> PathBuf {
    static NAMES: AtomicU32 = AtomicU32::new(0);
    SCRATCH.directory.join(format!("{name}-{}", NAMES.fetch_add(1, Ordering::Relaxed)))
}

/// Has a process killed at the end.
pub(crate) fn kill_at_end(pid: u32) {
    order("kill", &pid.to_string());
}

/// Takes that back: the process has ended, and its number may become another's.
pub(crate) fn spare(pid: u32) {
    order("spare", &pid.to_string());
}

pub(crate) fn unmount_at_end(path: &Path) {
    order("unmount", path.to_str().unwrap());
}

fn order(order: &str, what: &str) {
    let mut guard = SCRATCH.guard.lock().unwrap();
    writeln!(guard.stdin.as_mut().unwrap(), "{order} {what}").unwrap();
}
