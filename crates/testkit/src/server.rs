//! A Postgres server of the proof's own, on one port for all its lives, to be killed and stopped.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions};

use super::place::Place;
use super::processes::{children, free_port, is_alive, signal, tail};
use super::{cluster, until};

/// As the service connects through a port that leads to a server of this kind.
pub fn url(port: u16) -> String {
    format!("postgres://service@127.0.0.1:{port}/routo?sslmode=disable")
}

/// Dropped while it runs, it is shut down at once.
pub struct Postgres {
    pub port: u16,
    cluster: PathBuf,
    max_connections: u32,
    place: Place,
    log: PathBuf,
    postmaster: Option<Child>,
    frozen: Vec<u32>,
}

impl Postgres {
    /// A cluster in the place, not started.
    pub fn new(place: &Place) -> Self {
        let home = place.path("postgres");
        std::fs::create_dir(&home).unwrap();
        Self::on(place, &home)
    }

    /// The same in a directory of the caller's.
    pub fn on(place: &Place, home: &std::path::Path) -> Self {
        let cluster = home.join("cluster");
        cluster::create(&cluster);
        Self {
            port: free_port(),
            cluster,
            max_connections: 40,
            place: place.clone(),
            log: place.path("postgres.log"),
            postmaster: None,
            frozen: Vec::new(),
        }
    }

    /// Takes effect at the next start.
    pub fn limit_connections(&mut self, max_connections: u32) {
        self.max_connections = max_connections;
    }

    /// As the service connects.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Starts it and waits until it accepts connections: after a kill it recovers first.
    pub async fn start(&mut self) {
        assert!(self.postmaster.is_none(), "it runs");
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = cluster::program("postgres");
        command.arg("-D").arg(&self.cluster).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(log));
        let (port, connections) = (self.port, self.max_connections);
        for setting in [
            format!("port={port}"),
            format!("max_connections={connections}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "fsync=on".to_owned(),
            "shared_buffers=32MB".to_owned(),
            "max_wal_size=64MB".to_owned(),
            "min_wal_size=2MB".to_owned(),
        ] {
            command.args(["-c", &setting]);
        }
        let postmaster = command.spawn().unwrap();
        self.place.server(postmaster.id());
        self.postmaster = Some(postmaster);
        let options = self.options();
        let (server, log) = (&mut self.postmaster, &self.log);
        until("Postgres accepts connections", 60, async || {
            let ended = server.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "Postgres ended: {}", tail(log));
            options.connect().await.is_ok()
        })
        .await;
    }

    /// Whether it runs: on a full disk it may give itself up.
    pub fn runs(&mut self) -> bool {
        let ended =
            self.postmaster.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
        if ended {
            self.buried();
        }
        !ended
    }

    /// Kills every process of it at once, as the loss of its machine would.
    pub async fn kill_9(&mut self) {
        let postmaster = self.id();
        // While it stands still, no process is added.
        signal(postmaster, Signal::STOP);
        let mut all = children(postmaster);
        all.push(postmaster);
        for pid in &all {
            signal(*pid, Signal::KILL);
        }
        self.postmaster.as_mut().unwrap().wait().unwrap();
        until("all of Postgres is gone", 30, async || !all.iter().any(|pid| is_alive(*pid))).await;
        self.buried();
    }

    /// Stops it in order, cutting connections (`pg_ctl stop -m fast`).
    pub async fn stop(&mut self) {
        signal(self.id(), Signal::INT);
        let postmaster = self.postmaster.as_mut().unwrap();
        until("Postgres has stopped", 60, async || postmaster.try_wait().unwrap().is_some()).await;
        self.buried();
    }

    /// Stops the clock for all of its processes: connections stay and nothing is answered.
    pub fn freeze(&mut self) {
        let postmaster = self.id();
        signal(postmaster, Signal::STOP);
        for pid in children(postmaster) {
            signal(pid, Signal::STOP);
            self.place.process(pid);
            self.frozen.push(pid);
        }
    }

    pub fn thaw(&mut self) {
        for pid in self.frozen.drain(..) {
            signal(pid, Signal::CONT);
            self.place.ended(pid);
        }
        signal(self.id(), Signal::CONT);
    }

    /// As a superuser.
    pub async fn connect(&self) -> PgConnection {
        self.options().connect().await.unwrap()
    }

    /// One more connection, or `None` where Postgres has no place for it.
    pub async fn try_connect(&self) -> Option<PgConnection> {
        self.options().connect().await.ok()
    }

    pub async fn execute(&self, sql: &'static str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .database("routo")
            .ssl_mode(PgSslMode::Disable)
    }

    fn id(&self) -> u32 {
        self.postmaster.as_ref().expect("Postgres runs").id()
    }

    fn buried(&mut self) {
        if let Some(gone) = self.postmaster.take() {
            self.place.ended(gone.id());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.postmaster.is_none() {
            return;
        }
        self.thaw();
        signal(self.id(), Signal::QUIT);
        let _ = self.postmaster.as_mut().map(Child::wait);
        self.buried();
    }
}
