//! The user of Postgres: root runs it as another user, any other user as itself.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use crate::dying::survivor;
use crate::owner::{Owner, log_to};
use crate::world::{
    Scratch, connect, postmaster, refusal, servers, start, store_row, stored_rows, wait_until,
};

const NOBODY: u32 = 65534;

/// Whether this process is not root; then the test proves nothing. Bypasses the capture of output.
fn not_root(test: &str) -> bool {
    let skipped = !geteuid().is_root();
    if skipped {
        let _ = writeln!(std::io::stderr(), "skipped, as it needs root: {test}");
    }
    skipped
}

/// As root, gives a directory to a user that Postgres can run as.
pub(crate) fn give_away(path: &Path) {
    if geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

#[tokio::test]
async fn root_runs_postgres_as_somebody_else_without_any_group_of_its_own() {
    if not_root("root_runs_postgres_as_somebody_else_without_any_group_of_its_own") {
        return;
    }
    let scratch = Scratch::new();
    // Groups that root's login shell may have.
    let command = &mut Owner::command(&["setpriv", "--groups=0,4,27"], &scratch.data_dir());
    let owner = Owner::run(command);
    let uid = fs::metadata(scratch.cluster()).unwrap().uid();
    assert_ne!(uid, 0);
    let mut inspected = 0;
    for pid in servers(&scratch.cluster()) {
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
            continue; // a worker that has just ended
        };
        inspected += 1;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(field("Uid:"), format!("{uid} {uid} {uid} {uid}"));
        assert_eq!(field("Groups:"), "");
        assert!(!field("Gid:").split(' ').any(|gid| gid == "0"));
    }
    assert!(inspected > 0);
    assert_eq!(fs::metadata(scratch.data_dir()).unwrap().uid(), 0);
    owner.stop();
}

#[tokio::test]
async fn a_closed_directory_of_root_gets_its_cluster_elsewhere_and_keeps_it_when_opened() {
    if not_root("a_closed_directory_of_root_gets_its_cluster_elsewhere_and_keeps_it_when_opened") {
        return;
    }
    let scratch = Scratch::new();
    let home = scratch.path("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
    let data_dir = home.join("data");

    // What a first start that was killed leaves.
    let half_made = Elsewhere::half_made(&data_dir);
    let log = scratch.path("owner.log");
    let mut command = Owner::command(&[], &data_dir);
    log_to(&mut command, &log);
    let owner = Owner::run(&mut command);
    let elsewhere = Elsewhere(fs::read_link(data_dir.join("postgres")).unwrap());
    assert!(elsewhere.0.starts_with("/var/lib/routo-receiver"));
    assert!(!half_made.0.exists());
    store_row(owner.url()).await;
    owner.stop();
    let log = fs::read_to_string(log).unwrap();
    let warnings = log
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("back up the database too"));
    assert_eq!(warnings.count(), 1, "{log}");

    fs::set_permissions(&home, Permissions::from_mode(0o755)).unwrap();
    let postgres = start(&data_dir, None).await.unwrap();
    assert_eq!(stored_rows(&mut connect(postgres.url()).await).await, 1);
    postgres.stop().await;
}

/// A cluster outside of the scratch directory, removed in any case.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn half_made(data_dir: &Path) -> Self {
        let place = PathBuf::from(format!("/var/lib/routo-receiver/test-{}", std::process::id()));
        fs::create_dir_all(place.join("base")).unwrap();
        fs::create_dir(data_dir).unwrap();
        std::os::unix::fs::symlink(&place, data_dir.join("postgres.new")).unwrap();
        Self(place)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_dir("/var/lib/routo-receiver");
    }
}

#[tokio::test]
async fn a_cluster_that_was_closed_later_is_said_to_be_out_of_reach() {
    if not_root("a_cluster_that_was_closed_later_is_said_to_be_out_of_reach") {
        return;
    }
    let scratch = Scratch::new();
    scratch.start().await.stop().await;
    fs::set_permissions(scratch.data_dir(), Permissions::from_mode(0o700)).unwrap();
    let message = refusal(start(&scratch.data_dir(), None).await);
    assert!(message.contains("can't reach its data"), "{message}");
    fs::set_permissions(scratch.data_dir(), Permissions::from_mode(0o755)).unwrap();
    scratch.start().await.stop().await;
}

#[tokio::test]
async fn a_cluster_of_root_is_refused() {
    if not_root("a_cluster_of_root_is_refused") {
        return;
    }
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.cluster()).unwrap();
    fs::write(scratch.cluster().join("PG_VERSION"), "15\n").unwrap();
    let message = refusal(start(&scratch.data_dir(), None).await);
    assert!(message.contains("belongs to uid 0") && message.contains("chown -R"), "{message}");
}

#[tokio::test]
async fn an_ordinary_user_runs_postgres_as_itself_and_root_goes_on_as_that_user() {
    if not_root("an_ordinary_user_runs_postgres_as_itself_and_root_goes_on_as_that_user") {
        return;
    }
    let scratch = Scratch::new();
    let this_binary = scratch.path("tests"); // the user nobody may not reach the original
    // By another process: one that a concurrent test starts would inherit the open file, which then can't
    // be run.
    let original = std::env::current_exe().unwrap();
    let copied = Command::new("cp").arg(original).arg(&this_binary).status().unwrap();
    assert!(copied.success());
    fs::create_dir(scratch.data_dir()).unwrap();
    fs::set_permissions(scratch.data_dir(), Permissions::from_mode(0o700)).unwrap();
    give_away(&scratch.data_dir());
    let run = || {
        let mut command = Owner::command_of(&this_binary, &[], &scratch.data_dir());
        Owner::run(command.uid(NOBODY).gid(NOBODY))
    };

    let owner = run();
    store_row(owner.url()).await;
    owner.stop();
    let mut owner = run();
    assert_eq!(stored_rows(&mut connect(owner.url()).await).await, 1);
    let server = postmaster(&scratch.cluster());
    assert_eq!(fs::metadata(format!("/proc/{server}")).unwrap().uid(), NOBODY);
    owner.kill_9();
    wait_until("Postgres is gone", || servers(&scratch.cluster()).is_empty());

    let postgres = scratch.start().await;
    assert_eq!(stored_rows(&mut connect(postgres.url()).await).await, 1);
    let server = postmaster(&scratch.cluster());
    assert_eq!(fs::metadata(format!("/proc/{server}")).unwrap().uid(), NOBODY);
    postgres.stop().await;
}

#[tokio::test]
async fn root_with_the_rights_of_a_container_finds_a_survivor_too() {
    if not_root("root_with_the_rights_of_a_container_finds_a_survivor_too") {
        return;
    }
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    store_row(postgres.url()).await;
    postgres.stop().await;
    let mut survivor = survivor(&scratch);
    let rights = "--bounding-set=-all,+chown,+dac_override,+fowner,+setgid,+setuid,+kill";
    let prefix = ["setpriv", rights, "--inh-caps=-all"];
    let owner = Owner::run(&mut Owner::command(&prefix, &scratch.data_dir()));
    assert!(survivor.wait().unwrap().success());
    assert_eq!(stored_rows(&mut connect(owner.url()).await).await, 1);
    owner.stop();
}
