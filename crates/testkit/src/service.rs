//! The program, started again and again on the same ports and the same data directory.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use simulator::{Answer, Connection};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::place::Place;
use super::processes::{free_port, signal, tail};
use super::until;
use crate::support::app;
use crate::support::process::program;

/// How the program is started.
pub struct Service {
    pub http: SocketAddr,
    pub data_dir: PathBuf,
    environment: Vec<(String, String)>,
    place: Place,
    starts: AtomicU32,
}

impl Service {
    /// With more environment variables.
    pub fn new(place: &Place, database_url: &str, data_dir: &Path, more: &[(&str, &str)]) -> Self {
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut environment = app::environment(database_url);
        let ours = [
            ("ROUTO_DATA_DIR", data_dir.to_str().unwrap()),
            ("ROUTO_HTTP__LISTEN", &http.to_string()),
            ("ROUTO_LOG__FORMAT", "json"),
            ("ROUTO_INGEST__COMMIT_DEADLINE", "1s"),
        ];
        let pairs = ours.iter().chain(more);
        environment.extend(pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let (data_dir, place) = (data_dir.to_owned(), place.clone());
        Self { http, data_dir, environment, place, starts: AtomicU32::new(0) }
    }

    /// A process that was just started.
    pub fn spawn(&self) -> Process {
        self.spawn_as(program(&["serve"], &self.environment))
    }

    /// A process that was just started by this program: it is given the service's own as its first
    /// argument and must become it.
    pub fn spawn_through(&self, script: &str, stdin: Stdio) -> Process {
        let service = program(&[], &self.environment);
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(service.as_std().get_program()).kill_on_drop(true);
        for (name, value) in service.as_std().get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(stdin);
        self.spawn_as(shell)
    }

    fn spawn_as(&self, mut command: Command) -> Process {
        let start = self.starts.fetch_add(1, Ordering::Relaxed);
        let log = self.place.path(&format!("service-{start}.log"));
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).process_group(0);
        let child = command.spawn().unwrap();
        let id = child.id().unwrap();
        self.place.process(id);
        Process { id, child, log, place: self.place.clone() }
    }

    /// A process that takes callbacks.
    pub async fn start(&self) -> Process {
        let mut process = self.spawn();
        until("the service is ready", 30, async || {
            process.must_run();
            self.readyz().await.is_some_and(|answer| answer.status == 200)
        })
        .await;
        process
    }

    /// What it says of its readiness, if it says anything.
    pub async fn readyz(&self) -> Option<Answer> {
        let request = b"GET /readyz HTTP/1.1\r\nHost: probe\r\n\r\n";
        let mut connection = Connection::new(self.http, false);
        timeout(Duration::from_secs(5), connection.exchange(request)).await.ok()?.ok()
    }

    /// Waits until callbacks go to the spool.
    pub async fn until_spooling(&self) {
        until("callbacks go to the spool", 30, async || self.takes_callbacks("the spool").await)
            .await;
    }

    /// Waits until callbacks go to Postgres.
    pub async fn until_in_postgres(&self) {
        until("callbacks go to Postgres", 60, async || self.takes_callbacks("Postgres").await)
            .await;
    }

    async fn takes_callbacks(&self, to: &str) -> bool {
        let says = format!("OK: callbacks go to {to}");
        self.readyz()
            .await
            .is_some_and(|answer| answer.status == 200 && answer.body.starts_with(says.as_bytes()))
    }

    /// The files of the spool that hold callbacks, the largest first.
    pub fn spool_files(&self) -> Vec<PathBuf> {
        let mut files = self.files_in_spool(".sqlite");
        files
            .sort_by_key(|file| std::cmp::Reverse(fs::metadata(file).map_or(0, |file| file.len())));
        files
    }

    /// The files of the spool that were set aside because they are damaged.
    pub fn files_set_aside(&self) -> Vec<PathBuf> {
        self.files_in_spool(".damaged")
    }

    fn files_in_spool(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data_dir.join("spool")).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.to_str().unwrap().ends_with(ending))
            .collect()
    }
}

/// One life of the program. Dropped, it is killed, and gone when that returns.
pub struct Process {
    pub id: u32,
    child: Child,
    log: PathBuf,
    place: Place,
}

impl Process {
    pub async fn kill_9(mut self) {
        signal(self.id, Signal::KILL);
        self.child.wait().await.unwrap();
    }

    /// Asks it to stop and waits for that: the exit code.
    pub async fn terminate(mut self) -> Option<i32> {
        signal(self.id, Signal::TERM);
        let child = &mut self.child;
        until("the service has stopped", 60, async || child.try_wait().unwrap().is_some()).await;
        self.child.wait().await.unwrap().code()
    }

    pub fn must_run(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "the service ended by itself: {}", tail(&self.log));
    }

    /// The lines it has logged.
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).unwrap();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until it has logged a line of that kind.
    pub async fn until_logged(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) {
        until(what, 30, async || {
            self.must_run();
            self.log().iter().any(&is_it)
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Does nothing to one that has been waited for.
        let _ = self.child.start_kill();
        // Killed, it ends at once; what it had open must be closed before the disk goes.
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
        self.place.ended(self.id);
    }
}
