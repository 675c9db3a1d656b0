//! The contestants: ways to store the same callbacks.

pub mod batches;
pub mod php;
pub mod row_per_request;
pub mod service;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use testkit::configuration::environment;
use testkit::eventually;
use testkit::postgres::TestDatabase;
use testkit::process::run;
use testkit::speed::Requests;

/// How a contestant receives callbacks.
pub enum Way {
    /// Over HTTP, as the gateway does it.
    Http(SocketAddr, Requests),
    /// By this program itself, in batches straight into the database.
    Batches,
}

/// One row of the tables.
pub struct Contestant {
    pub letter: char,
    /// In few words, for tables.
    pub name: String,
    /// In fewer, for charts.
    pub short: &'static str,
    pub way: Way,
    /// The processes that it consists of, each with its children; not those of Postgres.
    pub processes: Vec<u32>,
    /// Where its rows go.
    pub database: Option<TestDatabase>,
}

/// A child process that ends with this one, and when dropped.
pub struct Helper(Child);

impl Helper {
    /// As a user without rights, where this process is root's: nginx and PHP-FPM want that.
    pub fn spawn_unprivileged(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("setpriv");
        if rustix::process::getuid().is_root() {
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "TERM", "--", program]).args(arguments);
        Self::start(&mut command)
    }

    /// This program once more, for what `main` does when it is given these arguments.
    pub fn spawn_self(arguments: &[&str]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]);
        command.arg(std::env::current_exe().unwrap()).args(arguments);
        Self::start(&mut command)
    }

    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // PHP-FPM and nginx end their own children when they are asked to end.
        let id = i32::try_from(self.0.id()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

const NOBODY: &str = "65534";

/// A database with the service's own tables, indexes and triggers.
pub async fn migrated() -> TestDatabase {
    let database = TestDatabase::create().await;
    let (code, _, why) = run(&["migrate"], &environment(&database.url())).await;
    assert_eq!(code, Some(0), "{why}");
    database
}

pub fn free_port() -> SocketAddr {
    ([127, 0, 0, 1], testkit::configuration::free_port()).into()
}

pub async fn until_listening(address: SocketAddr) {
    let connects = || async { tokio::net::TcpStream::connect(address).await.is_ok() };
    eventually("it listens", connects).await;
}
