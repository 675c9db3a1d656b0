//! Directories, processes and rows of the tests.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresError, EmbeddedPostgresOptions};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;

/// A directory that everybody may enter, so that Postgres may when the tests run as root.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.path("data/postgres")
    }

    /// A directory of programs: the machine's own `initdb`, and scripts.
    pub(crate) fn programs(&self, scripts: &[(&str, &str)]) -> PathBuf {
        let dir = self.path("programs");
        fs::create_dir(&dir).unwrap();
        for name in ["initdb", "postgres"] {
            std::os::unix::fs::symlink(real_program(name), dir.join(name)).unwrap();
        }
        for (name, script) in scripts {
            let path = dir.join(name);
            let real = real_program(name);
            let script = script.replace("$REAL", real.to_str().unwrap());
            fs::remove_file(&path).unwrap();
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    pub(crate) async fn start(&self) -> EmbeddedPostgres {
        start(&self.data_dir(), None).await.unwrap()
    }

    pub(crate) async fn start_with(
        &self,
        bin_dir: PathBuf,
    ) -> Result<EmbeddedPostgres, EmbeddedPostgresError> {
        start(&self.data_dir(), Some(bin_dir)).await
    }
}

pub(crate) async fn start(
    data_dir: &Path,
    bin_dir: Option<PathBuf>,
) -> Result<EmbeddedPostgres, EmbeddedPostgresError> {
    let data_dir = data_dir.to_owned();
    EmbeddedPostgres::start(EmbeddedPostgresOptions { data_dir, bin_dir }).await
}

/// The installation that these tests run with: the highest that Debian's layout has, or `PATH`'s.
pub(crate) fn real_program(name: &str) -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let highest = debian.max_by_key(|entry| {
        let version = entry.file_name().into_string().unwrap_or_default();
        version.parse::<u32>().unwrap_or_default()
    });
    let in_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join(name))
        .find(|program| program.is_file());
    highest
        .map(|entry| entry.path().join("bin").join(name))
        .filter(|program| program.is_file())
        .or(in_path)
        .expect("the tests need an installed Postgres")
}

/// Polls the state of other processes, which send no notifications.
pub(crate) fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The live processes of the server of a cluster, the postmaster first. Their working directory is the
/// cluster's. Root in a container may not see that of another user's process: then the postmaster has the
/// cluster on its command line, and the others are its children.
pub(crate) fn servers(cluster: &Path) -> Vec<i32> {
    let (Ok(home), Ok(path)) = (fs::metadata(cluster), fs::canonicalize(cluster)) else {
        return Vec::new();
    };
    let path = path.to_str().unwrap().as_bytes();
    let (mut postmasters, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().into_string().unwrap().parse::<i32>() else {
            continue;
        };
        if !is_alive(pid) {
            continue;
        }
        let is_in_cluster = fs::metadata(entry.path().join("cwd"))
            .is_ok_and(|cwd| (cwd.dev(), cwd.ino()) == (home.dev(), home.ino()));
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if arguments.starts_with(b"postgres: ") {
            others.push((pid, is_in_cluster));
        } else if is_in_cluster || arguments.split(|byte| *byte == 0).any(|word| word == path) {
            postmasters.push(pid);
        }
    }
    others.retain(|(pid, is_in_cluster)| {
        *is_in_cluster || parent(*pid).is_some_and(|parent| postmasters.contains(&parent))
    });
    postmasters.extend(others.into_iter().map(|(pid, _)| pid));
    postmasters
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

pub(crate) fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

pub(crate) fn postmaster(cluster: &Path) -> i32 {
    servers(cluster)[0]
}

/// A process that has ended already, as children of a killed server do, counts as killed.
pub(crate) fn kill_9(pid: i32) {
    match kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("{pid} can't be killed: {error}"),
    }
}

pub(crate) async fn connect(url: &SecretString) -> PgConnection {
    PgConnection::connect(url.expose_secret()).await.unwrap()
}

/// Connects to a server that is starting.
pub(crate) async fn connect_again(url: &SecretString) -> PgConnection {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match PgConnection::connect(url.expose_secret()).await {
            Ok(connection) => return connection,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Stores a row that must survive restarts of the server.
pub(crate) async fn store_row(url: &SecretString) {
    let mut connection = connect(url).await;
    connection.execute("create table if not exists kept (row text)").await.unwrap();
    connection.execute("insert into kept (row) values ('a row')").await.unwrap();
}

pub(crate) async fn stored_rows(connection: &mut PgConnection) -> i64 {
    let count = sqlx::query_scalar("select count(*) from kept");
    count.fetch_one(connection).await.unwrap()
}

pub(crate) fn url_of(postgres: &EmbeddedPostgres) -> SecretString {
    postgres.url().clone()
}

pub(crate) fn port_of(url: &SecretString) -> u16 {
    let (_, after) = url.expose_secret().rsplit_once(':').unwrap();
    after.strip_suffix("/routo").unwrap().parse().unwrap()
}

/// The message of a start that must not succeed.
pub(crate) fn refusal(started: Result<EmbeddedPostgres, EmbeddedPostgresError>) -> String {
    started.expect_err("it started").to_string()
}
