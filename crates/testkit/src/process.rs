//! The program itself, as a process that can be killed.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running `routo-receiver serve`, killed when dropped.
pub struct ServiceProcess {
    pub child: Child,
    pub http: SocketAddr,
    pub admin: SocketAddr,
    log: Arc<Mutex<String>>,
    logging: tokio::task::JoinHandle<()>,
}

/// The program with this environment and no other of ours.
pub fn program(arguments: &[&str], environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_routo-receiver"));
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

/// An environment with more in it, which counts for more.
pub fn with(
    mut environment: Vec<(String, String)>,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    environment
}

impl ServiceProcess {
    /// Starts it and waits until it says where it listens.
    pub async fn start(environment: &[(String, String)]) -> Self {
        let mut command = program(&["serve"], environment);
        command.env("ROUTO_LOG__FORMAT", "json").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let (http, admin) = loop {
            let mut line = String::new();
            let read = lines.read_line(&mut line).await.unwrap();
            assert!(read > 0, "the service ended: {log}");
            log.push_str(&line);
            if let Some(found) = addresses(&line) {
                break found;
            }
        };
        let log = Arc::new(Mutex::new(log));
        let logging = tokio::spawn({
            let log = Arc::clone(&log);
            async move {
                // Read on to the end, or the service would block.
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                    log.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                    line.clear();
                }
            }
        });
        Self { child, http, admin, log, logging }
    }

    /// Whether this is in the log by now.
    pub fn has_logged(&self, text: &str) -> bool {
        self.log.lock().unwrap().contains(text)
    }

    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for its end: the exit code and all that it logged.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().await.unwrap();
        self.logging.await.unwrap();
        (status.code(), self.log.lock().unwrap().clone())
    }
}

fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = |field: &str| line[field].as_str()?.parse().ok();
    Some((address("http")?, address("admin")?))
}
