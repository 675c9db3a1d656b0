//! How `initdb` and the server are started: settings, environment, and what happens if this process dies.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::log::Log;
use super::os_user::OsUser;

/// Set on the command line, which overrides the files in the cluster.
const SETTINGS: [(&str, &str); 14] = [
    // Loopback only: a socket would need a lock file and a short path.
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("password_encryption", "scram-sha-256"),
    // The promise of the service rests on these.
    ("fsync", "on"),
    ("full_page_writes", "on"),
    // It shares the machine with the service.
    ("max_connections", "100"),
    ("shared_buffers", "64MB"),
    // The planner overestimates views over many partitions: compiling them costs more than it saves.
    ("jit", "off"),
    // Callbacks contain people's numbers and messages: the log gets neither statements nor error
    // details, which quote values. `log` excludes errors of clients.
    ("log_min_messages", "log"),
    ("log_error_verbosity", "terse"),
    ("log_min_error_statement", "panic"),
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
    ("logging_collector", "off"),
];

/// The variables that a child inherits. Others may hold credentials of accounts, and SQL can read the
/// server's environment.
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
    // The server enters it, too; this makes an inaccessible cluster an error of the spawn.
    command.current_dir(cluster).arg("-D").arg(cluster);
    command.arg("-c").arg(format!("port={port}"));
    for (name, value) in SETTINGS {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    Ok(command)
}

/// A program of Postgres that logs to `log`, and ends with this process.
pub(super) fn child(program: &Path, user: OsUser, log: &Log) -> io::Result<Command> {
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .env_clear()
        .env("LC_ALL", "C") // macOS refuses to run a server without a locale
        .envs(ENVIRONMENT.into_iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(log.append()?)
        .stderr(log.append()?)
        .process_group(0); // Ctrl-C must not reach Postgres, which the service needs until it has stopped
    user.apply(&mut command);
    end_with_parent(&mut command);
    Ok(command)
}

/// Has the kernel send SIGINT, a fast shutdown, when the thread that spawned the child ends, which
/// happens even if this process is killed with SIGKILL.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // the one exception in this crate
fn end_with_parent(command: &mut Command) {
    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    let ask_kernel = move || {
        set_parent_process_death_signal(Some(Signal::INT))?;
        // If the parent died before the line above, no signal will ever come.
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

/// Other systems have no such signal; the next start stops a leftover server.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command) {}
