//! A Postgres server of a proof's own, on one port for all its lives: to be killed, frozen and
//! stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresOptions};
use rustix::process::Signal;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::sync::OnceCell;

use crate::configuration::free_port;
use crate::eventually;
use crate::processes::{Processes, is_alive, signal};
use crate::scratch::{kill_at_end, scratch, spare};

/// The database belongs to a role that is no superuser, as in production.
const SET_UP: [&str; 4] = [
    "create role service login password 'of-a-test'",
    "alter database routo owner to service",
    // It may be put on a small disk.
    "alter system set min_wal_size = '32MB'",
    "alter system set max_wal_size = '64MB'",
];

/// Dropped while it runs, it is stopped, and its files are removed.
pub struct Postgres {
    data_dir: PathBuf,
    port: u16,
    superuser: PgConnectOptions,
    running: Option<EmbeddedPostgres>,
    frozen: Vec<u32>,
}

impl Postgres {
    /// Not started, in a scratch directory.
    pub async fn new() -> Self {
        Self::on(&scratch("postgres")).await
    }

    /// The same in a directory that is to be made.
    pub async fn on(data_dir: &Path) -> Self {
        static TEMPLATE: OnceCell<(PathBuf, PgConnectOptions)> = OnceCell::const_new();
        let (template, superuser) = TEMPLATE.get_or_init(initialise).await;
        let copied = Command::new("cp").arg("-a").arg(template).arg(data_dir).status().unwrap();
        assert!(copied.success());
        let port = free_port();
        fs::write(data_dir.join("postgres.port"), port.to_string()).unwrap();
        let superuser = superuser.clone().port(port);
        Self { data_dir: data_dir.to_owned(), port, superuser, running: None, frozen: Vec::new() }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// As the service connects.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Starts it and waits until it accepts connections: after a kill it recovers first.
    pub async fn start(&mut self) {
        assert!(self.running.is_none(), "it runs");
        let started = start(&self.data_dir).await;
        let same_port = format!(":{}/", self.port);
        assert!(started.url().expose_secret().contains(&same_port), "its port was taken");
        self.running = Some(started);
    }

    /// Kills every process of it at once, as the loss of its machine would.
    pub async fn kill_9(&mut self) {
        // While they stand still, no process is added, and nobody hears of the stop.
        self.freeze();
        let running = self.running.take().expect("Postgres runs");
        let frozen = std::mem::take(&mut self.frozen);
        // The stop comes first: what is killed is not to be started again.
        tokio::join!(biased; running.stop(), async {
            for pid in &frozen {
                signal(*pid, Signal::KILL);
            }
        });
        eventually("Postgres is gone", async || !frozen.iter().any(|pid| is_alive(*pid))).await;
        frozen.into_iter().for_each(spare);
    }

    /// Stops it in order, cutting connections (`pg_ctl stop -m fast`).
    pub async fn stop(&mut self) {
        self.running.take().expect("Postgres runs").stop().await;
    }

    /// Stops the clock for all of its processes: connections stay and nothing is answered.
    pub fn freeze(&mut self) {
        let postmaster = self.postmaster();
        signal(postmaster, Signal::STOP);
        self.frozen = Processes::now().with_children(postmaster);
        for pid in &self.frozen {
            signal(*pid, Signal::STOP);
            kill_at_end(*pid);
        }
    }

    pub fn thaw(&mut self) {
        for pid in self.frozen.drain(..) {
            signal(pid, Signal::CONT);
            spare(pid);
        }
    }

    /// As a superuser.
    pub async fn connect(&self) -> PgConnection {
        self.superuser.connect().await.unwrap()
    }

    /// One more connection, or `None` where Postgres has no room for it.
    pub async fn try_connect(&self) -> Option<PgConnection> {
        self.superuser.connect().await.ok()
    }

    pub async fn execute(&self, sql: &'static str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }

    /// The first line of the file that a running server keeps in its cluster.
    fn postmaster(&self) -> u32 {
        let file = fs::read_to_string(self.data_dir.join("postgres/postmaster.pid")).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.thaw();
        let (running, data_dir) = (self.running.take(), self.data_dir.clone());
        // Its shutdown needs a runtime that is not blocked by this drop.
        let ending = std::thread::spawn(move || {
            if let Some(running) = running {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(running.stop());
            }
            let _ = fs::remove_dir_all(data_dir);
        });
        let _ = ending.join();
    }
}

/// As the service connects through a port that leads to a server of this kind.
pub fn url(port: u16) -> String {
    format!("postgres://service:of-a-test@127.0.0.1:{port}/routo?sslmode=disable")
}

/// A data directory to be copied, which takes less time than making one.
async fn initialise() -> (PathBuf, PgConnectOptions) {
    let data_dir = scratch("template");
    let postgres = start(&data_dir).await;
    let superuser: PgConnectOptions = postgres.url().expose_secret().parse().unwrap();
    let mut connection = superuser.connect().await.unwrap();
    for statement in SET_UP {
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }
    drop(connection);
    postgres.stop().await;
    (data_dir, superuser)
}

async fn start(data_dir: &Path) -> EmbeddedPostgres {
    let options = EmbeddedPostgresOptions { data_dir: data_dir.to_owned(), bin_dir: None };
    EmbeddedPostgres::start(options).await.unwrap()
}
