//! Where a proof takes place: a directory, and a guard that leaves nothing behind.
//!
//! The guard is a shell that waits for the end of its standard input, which comes when the place is
//! dropped and also when this whole process is killed. It then ends what still runs, unmounts what
//! is still mounted and removes the directory.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

const GUARD: &str = r#"
trap '' HUP INT TERM
processes= servers= mounts=
without() { for each in $2; do [ "$each" = "$1" ] || printf ' %s' "$each"; done; }
while read -r order what; do
    case $order in
    process) processes="$processes $what" ;;
    server) servers="$servers $what" ;;
    mount) mounts="$mounts $what" ;;
    ended)
        processes=$(without "$what" "$processes")
        servers=$(without "$what" "$servers")
        ;;
    esac
done
for pid in $processes; do kill -KILL "$pid"; done
for pid in $servers; do
    # Quitting, it takes its children along and gives its shared memory back.
    kill -CONT "$pid"
    kill -QUIT "$pid"
    tries=0
    while kill -0 "$pid" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$pid"
done
for mount in $mounts; do umount -l "$mount"; done
tries=0
until rm -rf "$0" || [ $tries -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
"#;

/// A directory with its guard. Clones are the same place; the last one dropped ends it.
#[derive(Clone)]
pub struct Place(Arc<Guarded>);

struct Guarded {
    directory: PathBuf,
    guard: Mutex<Child>,
}

impl Place {
    pub fn new() -> Self {
        let directory =
            tempfile::Builder::new().prefix("routo-receiver-crash-").tempdir().unwrap().keep();
        // Postgres, which runs as another user where we are root, must be able to pass.
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        let guard = Command::new("sh")
            .args(["-c", GUARD])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // Out of reach of what a terminal sends to the tests.
            .process_group(0)
            .spawn()
            .unwrap();
        Self(Arc::new(Guarded { directory, guard: Mutex::new(guard) }))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.directory.join(name)
    }

    /// A process to be killed at the end.
    pub fn process(&self, pid: u32) {
        self.tell("process", &pid.to_string());
    }

    /// A Postgres to be shut down at the end.
    pub fn server(&self, pid: u32) {
        self.tell("server", &pid.to_string());
    }

    /// A process that need not be ended any more: its number may become somebody else's.
    pub fn ended(&self, pid: u32) {
        self.tell("ended", &pid.to_string());
    }

    pub fn mounted(&self, path: &Path) {
        self.tell("mount", path.to_str().unwrap());
    }

    fn tell(&self, order: &str, what: &str) {
        let mut guard = self.0.guard.lock().unwrap();
        writeln!(guard.stdin.as_mut().unwrap(), "{order} {what}").unwrap();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let guard = self.guard.get_mut().unwrap();
        drop(guard.stdin.take());
        // A guard that can't be waited for has ended.
        let _ = guard.wait();
    }
}
