//! Ends the leftover processes of an earlier server, so that a new one can use the cluster.
//!
//! Call only with the cluster locked, or during its creation in a locked data directory: then no other
//! process can be running a server there.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::error::EmbeddedPostgresError;
use super::processes::{Process, has_parent_in, of_cluster};

/// A fast shutdown, an immediate one, SIGKILL; each with its timeout.
pub(super) const STOP_SEQUENCE: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(10)),
    (Signal::QUIT, Duration::from_secs(3)),
    (Signal::KILL, Duration::from_secs(5)),
];

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Ends every process of the cluster, then removes its `postmaster.pid`.
///
/// After a crash the pid in that file may belong to an unrelated process, or to a zombie; Postgres
/// would take either for a running server.
pub(super) fn settle(
    cluster: &Path,
    stop_sequence: &[(Signal, Duration)],
) -> Result<(), EmbeddedPostgresError> {
    let inspect = || of_cluster(cluster).map_err(EmbeddedPostgresError::data_dir(cluster));
    let mut left = inspect()?;
    if !left.is_empty() {
        tracing::warn!(
            processes = left.len(),
            "stopping Postgres processes that an earlier run left behind"
        );
    }
    for &(signal, patience) in stop_sequence {
        send(&left, signal);
        let deadline = Instant::now() + patience;
        while !left.is_empty() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
            left = inspect()?;
        }
    }
    if !left.is_empty() {
        return Err(EmbeddedPostgresError::Survivors {
            cluster: cluster.to_owned(),
            pids: left.iter().map(|process| process.pid.as_raw_pid()).collect(),
        });
    }
    let pid_file = cluster.join("postmaster.pid");
    match fs::remove_file(&pid_file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(EmbeddedPostgresError::DataDir { path: pid_file, source })
        }
        _ => Ok(()),
    }
}

/// The server passes a shutdown on to its children, and orphaned children exit; SIGKILL goes to each
/// process.
fn send(processes: &[Process], signal: Signal) {
    for &process in processes {
        if signal == Signal::KILL || !has_parent_in(process, processes) {
            // A process that has just ended needs no signal; one that can't be signalled stays in the
            // list and is reported.
            let _ = kill_process(process.pid, signal);
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};

    use rustix::process::Pid;

    use super::*;

    const IMPATIENT: [(Signal, Duration); 3] = [
        (Signal::INT, Duration::from_millis(20)),
        (Signal::QUIT, Duration::from_millis(20)),
        (Signal::KILL, Duration::from_secs(20)),
    ];

    /// A process of any name whose working directory is `cluster`.
    fn idler(name: &str, cluster: &Path) -> Child {
        let program = cluster.join(name);
        // `cp` copies it: a process that a concurrent test starts would inherit our open file, and a
        // file that is open for writing can't be executed.
        let copied = Command::new("cp").arg("/bin/sleep").arg(&program).status().unwrap();
        assert!(copied.success());
        Command::new(program).arg("1000").current_dir(cluster).spawn().unwrap()
    }

    fn signal(child: &Child, signal: Signal) {
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Waits until it is really stopped: a signal sent before would take effect first.
    fn stop(child: &Child) {
        signal(child, Signal::STOP);
        let stat = format!("/proc/{}/stat", child.id());
        while !fs::read_to_string(&stat).unwrap().contains(") T ") {
            thread::yield_now();
        }
    }

    #[test]
    fn a_survivor_that_ignores_signals_is_killed() {
        let cluster = tempfile::tempdir().unwrap();
        let mut survivor = idler("postgres", cluster.path());
        stop(&survivor);
        settle(cluster.path(), &IMPATIENT).unwrap();
        assert_eq!(survivor.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
    }

    #[test]
    fn a_survivor_is_shut_down_before_it_is_killed() {
        let cluster = tempfile::tempdir().unwrap();
        let mut survivor = idler("postgres", cluster.path());
        settle(cluster.path(), &STOP_SEQUENCE).unwrap();
        assert_eq!(survivor.wait().unwrap().signal(), Some(Signal::INT.as_raw()));
    }

    #[test]
    fn a_dead_survivor_that_nobody_reaps_is_not_waited_for() {
        let cluster = tempfile::tempdir().unwrap();
        let mut zombie = idler("postgres", cluster.path());
        signal(&zombie, Signal::KILL);
        let begin = Instant::now();
        settle(cluster.path(), &STOP_SEQUENCE).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(5));
        zombie.wait().unwrap();
    }

    #[test]
    fn a_bystander_in_the_same_directory_is_left_alone_whatever_the_pid_file_says() {
        let cluster = tempfile::tempdir().unwrap();
        let pid_file = cluster.path().join("postmaster.pid");
        let mut bystander = idler("psql", cluster.path());
        fs::write(&pid_file, format!("{}\n", bystander.id())).unwrap();
        settle(cluster.path(), &IMPATIENT).unwrap();
        assert!(bystander.try_wait().unwrap().is_none());
        assert!(!pid_file.exists());
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    }
}
