//! The service, started again and again on the same port and data directory.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use simulator::{Answer, Connection};
use tokio::process::Command;
use tokio::time::timeout;

use crate::configuration::{environment, free_port, with};
use crate::eventually;
use crate::process::{Process, program};

/// How the service is started.
pub struct Service {
    pub http: SocketAddr,
    pub admin: SocketAddr,
    pub data_dir: PathBuf,
    environment: Vec<(String, String)>,
}

impl Service {
    /// With more environment variables.
    pub fn new(database_url: &str, data_dir: &Path, more: &[(&str, &str)]) -> Self {
        let address = || SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let (http, admin) = (address(), address());
        let ours = [
            ("ROUTO_DATA_DIR", data_dir.to_str().unwrap()),
            ("ROUTO_HTTP__LISTEN", &http.to_string()),
            ("ROUTO_ADMIN__LISTEN", &admin.to_string()),
            ("ROUTO_INGEST__COMMIT_DEADLINE", "1s"),
        ];
        let environment = with(with(environment(database_url), &ours), more);
        Self { http, admin, data_dir: data_dir.to_owned(), environment }
    }

    /// A process that was just started.
    pub fn spawn(&self) -> Process {
        Process::spawn(program(&["serve"], &self.environment))
    }

    /// A process that a shell becomes: the script is given the program as `$0`.
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
        Process::spawn(shell)
    }

    /// A process that takes callbacks.
    pub async fn start(&self) -> Process {
        let mut process = self.spawn();
        eventually("the service is ready", async || {
            process.must_run();
            self.readyz().await.is_some_and(|answer| answer.status == 200)
        })
        .await;
        process
    }

    /// What it says of its readiness, if it answers.
    pub async fn readyz(&self) -> Option<Answer> {
        readyz(self.http).await
    }

    pub async fn until_spooling(&self) {
        until_callbacks_go_to("the spool", self.admin).await;
    }

    pub async fn until_in_postgres(&self) {
        until_callbacks_go_to("Postgres", self.admin).await;
    }

    /// The files of the spool that hold callbacks, the largest first.
    pub fn spool_files(&self) -> Vec<PathBuf> {
        let mut files = self.files_in_spool(".spool");
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

/// What a listener of the service says of its readiness, if it answers.
pub async fn readyz(listener: SocketAddr) -> Option<Answer> {
    let request = b"GET /readyz HTTP/1.1\r\nHost: probe\r\n\r\n";
    let mut connection = Connection::new(listener, false);
    timeout(Duration::from_secs(5), connection.exchange(request)).await.ok()?.ok()
}

/// Waits until the admin listener says that callbacks go to Postgres, or to the spool.
pub async fn until_callbacks_go_to(where_to: &str, admin: SocketAddr) {
    let says = format!("OK: callbacks go to {where_to}");
    eventually(&says, async || {
        readyz(admin)
            .await
            .is_some_and(|answer| answer.status == 200 && answer.body.starts_with(says.as_bytes()))
    })
    .await;
}
