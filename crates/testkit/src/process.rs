//! The program as a process.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

pub use crate::configuration::with;
use crate::scratch::{kill_at_end, spare};
use crate::{eventually, processes};

/// The program with this environment and no other variable of its own.
pub fn program(arguments: &[&str], environment: &[(String, String)]) -> Command {
    let program = std::env::var_os("CARGO_BIN_EXE_routo-receiver")
        .expect("cargo tells tests and benchmarks of its package where the program is");
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("ROUTO_") || name.starts_with("DATABASE_URL") {
            command.env_remove(name.as_ref());
        }
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Exit code, standard output and standard error of the program.
pub async fn run(
    arguments: &[&str],
    environment: &[(String, String)],
) -> (Option<i32>, String, String) {
    let output = program(arguments, environment).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// One life of `routo-receiver serve`. When dropped it is killed, and gone.
pub struct Process {
    id: u32,
    child: Child,
    log: Arc<Mutex<String>>,
    logging: JoinHandle<()>,
}

impl Process {
    /// Starts it; it has a process group of its own, and logs JSON.
    pub fn spawn(mut command: Command) -> Self {
        command.env("ROUTO_LOG__FORMAT", "json").process_group(0);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let id = child.id().unwrap();
        kill_at_end(id);
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::<Mutex<String>>::default();
        let written = Arc::clone(&log);
        // Read to the end, or the service would block.
        let logging = tokio::spawn(async move {
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                written.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { id, child, log, logging }
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn signal(&self, signal: Signal) {
        processes::signal(self.id, signal);
    }

    /// All that it has logged by now.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Fails where it has ended.
    pub fn must_run(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "the service ended by itself: {}", self.log());
    }

    /// The first line that `find` makes something of; waits for it.
    pub async fn until_logged<T>(&mut self, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let mut found = None;
        eventually(what, async || {
            self.must_run();
            let log = self.log();
            // The last line may be half written.
            let mut lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
            found = lines.find_map(|line: Value| find(&line));
            found.is_some()
        })
        .await;
        found.expect("it was just found")
    }

    pub async fn kill_9(self) {
        self.signal(Signal::KILL);
        self.end().await;
    }

    /// Asks it to stop and waits for that: the exit code.
    pub async fn terminate(self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.end().await.0
    }

    /// Waits for its end: the exit code and all that it logged.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().await.unwrap();
        (&mut self.logging).await.unwrap();
        (status.code(), self.log())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Does nothing to one that has been waited for.
        let _ = self.child.start_kill();
        // Killed, it ends at once; what it had open must be closed before a disk is unmounted.
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
        spare(self.id);
    }
}

/// A service that listens, on ports of the system's choice.
pub struct ServiceProcess {
    pub http: SocketAddr,
    pub admin: SocketAddr,
    process: Process,
}

impl ServiceProcess {
    /// Starts it and waits until it says where it listens.
    pub async fn start(environment: &[(String, String)]) -> Self {
        let mut process = Process::spawn(program(&["serve"], environment));
        let (http, admin) = process.until_logged("the service listens", addresses).await;
        Self { http, admin, process }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Whether this is in the log by now.
    pub fn has_logged(&self, text: &str) -> bool {
        self.process.log().contains(text)
    }

    /// Waits for its end: the exit code and all that it logged.
    pub async fn end(self) -> (Option<i32>, String) {
        self.process.end().await
    }
}

/// The addresses in the log line that names them.
pub fn addresses(line: &Value) -> Option<(SocketAddr, SocketAddr)> {
    let address = |field: &str| line[field].as_str()?.parse().ok();
    Some((address("http")?, address("admin")?))
}
