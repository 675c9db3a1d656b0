//! How `initdb` and the server are started: with what settings, and with what of ours.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::log::Log;
use super::os_user::OsUser;

/// Given on the command line, so that they hold whatever the cluster's own files say.
const SETTINGS: [(&str, &str); 14] = [
    // Reached over loopback alone: a socket would bring a lock file and a limit on its path.
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("password_encryption", "scram-sha-256"),
    // The promise of the service rests on these.
    ("fsync", "on"),
    ("full_page_writes", "on"),
    // It shares the machine with the service.
    ("max_connections", "100"),
    ("shared_buffers", "64MB"),
    // Views over many partitions look like much work, and are little: compiling them takes longer.
    ("jit", "off"),
    // Callbacks hold people's numbers and messages: neither statements nor the details of errors,
    // which quote values, get into the log. `log` leaves out the errors of clients.
    ("log_min_messages", "log"),
    ("log_error_verbosity", "terse"),
    ("log_min_error_statement", "panic"),
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
    ("logging_collector", "off"),
];

/// What of our environment a child sees. The rest stays out: it may hold the credentials of
/// accounts, and SQL can read the server's environment.
const ENVIRONMENT: [&str; 3] = ["PATH", "TZ", "LD_LIBRARY_PATH"];

/// The server, to be run as `user`.
pub(super) fn server(
    postgres: &Path,
    cluster: &Path,
    user: OsUser,
    port: u16,
    log: &Log,
) -> io::Result<Command> {
    let mut command = child(postgres, user, log)?;
    // Entered here as well as by the server itself: a cluster that its owner can't reach is then
    // an error of the spawn.
    command.current_dir(cluster).arg("-D").arg(cluster);
    command.arg("-c").arg(format!("port={port}"));
    for (name, value) in SETTINGS {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    Ok(command)
}

/// A program of Postgres that logs to `log`, and ends when we do.
pub(super) fn child(program: &Path, user: OsUser, log: &Log) -> io::Result<Command> {
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .env_clear()
        .env("LC_ALL", "C") // macOS refuses to run a server without any locale
        .envs(ENVIRONMENT.into_iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(log.append()?)
        .stderr(log.append()?)
        .process_group(0); // Ctrl-C is for us: Postgres is needed until the spool is drained
    user.apply(&mut command);
    end_with_parent(&mut command);
    Ok(command)
}

/// Has the kernel send SIGINT, a fast shutdown, when the thread that spawns the child ends, as it
/// does with the whole process, even after kill -9.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // the one exception in this crate
fn end_with_parent(command: &mut Command) {
    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    let ask_kernel = move || {
        set_parent_process_death_signal(Some(Signal::INT))?;
        // The parent may have died before the line above; then no signal will ever come.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::Error::from(Errno::SRCH)) }
    };
    // SAFETY: the closure runs in the child between fork and exec, where only async-signal-safe
    // things are allowed. It makes two system calls (prctl, getppid), allocates nothing (an
    // `io::Error` from an errno is a plain number), takes no lock, and owns nothing but a pid.
    // It runs after setuid, which would have cleared the setting.
    unsafe {
        command.pre_exec(ask_kernel);
    }
}

/// Elsewhere nothing tells a child of its parent's death; the next start stops what was left.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command) {}
