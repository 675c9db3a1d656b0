//! A process that owns an embedded Postgres and can be killed: this test binary, run again.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use secrecy::{ExposeSecret, SecretString};

use crate::world::{connect, start, stored_rows};

const DATA_DIR: &str = "OWNER_DATA_DIR";

/// The other process. Dropping it sends SIGKILL.
pub(crate) struct Owner {
    process: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// Postgres' URL, or why it did not start.
    pub(crate) started: Result<SecretString, String>,
}

impl Owner {
    /// The command that runs an owner; `prefix` may change its privileges.
    pub(crate) fn command(prefix: &[&str], data_dir: &Path) -> Command {
        Self::command_of(&env::current_exe().unwrap(), prefix, data_dir)
    }

    pub(crate) fn command_of(this_binary: &Path, prefix: &[&str], data_dir: &Path) -> Command {
        let mut words = prefix.iter().map(PathBuf::from).chain([this_binary.to_owned()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(["--exact", "owner::the_owner", "--ignored", "--nocapture"])
            .env(DATA_DIR, data_dir)
            .current_dir("/")
            .process_group(0);
        command
    }

    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::run(&mut Self::command(&[], data_dir))
    }

    pub(crate) fn run(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stdin = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut owner = Self { process, stdin, lines, started: Err(String::new()) };
        owner.started = match owner.next_line().split_once(' ').unwrap() {
            ("ready", url) => Ok(SecretString::from(url)),
            (_, error) => Err(error.to_owned()),
        };
        owner
    }

    pub(crate) fn url(&self) -> &SecretString {
        self.started.as_ref().unwrap()
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.id().try_into().unwrap()
    }

    pub(crate) fn kill_9(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops Postgres, then the process.
    pub(crate) fn stop(mut self) {
        self.stdin.write_all(b"stop\n").unwrap();
        assert!(self.process.wait().unwrap().success());
    }

    /// The next line of the owner, without those of the test harness.
    pub(crate) fn next_line(&mut self) -> String {
        loop {
            let line = self.lines.next().expect("the owner ended").unwrap();
            if let Some(word) = line.strip_prefix("owner: ") {
                return word.to_owned();
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Redirects a command's log to a file.
pub(crate) fn log_to(command: &mut Command, path: &Path) {
    command.stderr(File::create(path).unwrap());
}

#[test]
#[ignore = "the body of the processes that the other tests start"]
fn the_owner() {
    let Some(data_dir) = env::var_os(DATA_DIR) else {
        return;
    };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let postgres = match start(Path::new(&data_dir), None).await {
            Ok(postgres) => postgres,
            Err(error) => return println!("\nowner: failed {error}"),
        };
        // Like the service, it survives an interrupt from a terminal.
        let mut interrupted =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap();
        println!("\nowner: ready {}", postgres.url().expose_secret());
        let url = postgres.url().clone();
        tokio::spawn(async move {
            interrupted.recv().await;
            let rows = stored_rows(&mut connect(&url).await).await;
            println!("\nowner: interrupted, and sees {rows} row");
        });
        let input = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
        if matches!(input.await, Ok(Some(Ok(word))) if word == "stop") {
            postgres.stop().await;
        }
    });
}
