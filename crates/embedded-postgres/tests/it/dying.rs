//! Whatever is killed, the next start has the data.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret;

use crate::owner::{Owner, log_to};
use crate::world::{
    Scratch, connect, connect_again, is_alive, kill_9, postmaster, real_program, servers,
    store_row, stored_rows, url_of, wait_until,
};

#[tokio::test]
async fn a_killed_postgres_is_restarted_and_keeps_its_rows() {
    let scratch = Scratch::new();
    let log = scratch.path("owner.log");
    let mut command = Owner::command(&[], &scratch.data_dir());
    log_to(&mut command, &log);
    let owner = Owner::run(&mut command);
    store_row(owner.url()).await;
    for _ in 0..2 {
        let before = postmaster(&scratch.cluster());
        kill_9(before);
        wait_until("it is gone", || !is_alive(before));
        let mut connection = connect_again(owner.url()).await;
        assert_eq!(stored_rows(&mut connection).await, 1);
        assert_ne!(postmaster(&scratch.cluster()), before);
    }
    owner.stop();
    let log = fs::read_to_string(log).unwrap();
    let lines = log.lines().filter(|line| line.contains("WARN"));
    let restarts =
        lines.filter(|line| line.contains("ended unexpectedly") && line.contains("signal: 9"));
    assert_eq!(restarts.count(), 2, "{log}");
}

#[tokio::test]
async fn a_postgres_whose_service_is_killed_stops_and_can_be_started_again() {
    let scratch = Scratch::new();
    let mut owner = Owner::start(&scratch.data_dir());
    store_row(owner.url()).await;
    owner.kill_9();
    wait_until("Postgres is gone", || servers(&scratch.cluster()).is_empty());
    assert_restart_keeps_the_row(&scratch).await;
}

#[tokio::test]
async fn a_service_that_is_restarted_at_once_waits_for_its_former_postgres_to_end() {
    let scratch = Scratch::new();
    let mut owner = Owner::start(&scratch.data_dir());
    store_row(owner.url()).await;
    let url = owner.url().clone();
    owner.kill_9();
    let postgres = scratch.start().await;
    assert_eq!(postgres.url().expose_secret(), url.expose_secret());
    assert_eq!(stored_rows(&mut connect(&url).await).await, 1);
    postgres.stop().await;
}

#[tokio::test]
async fn service_and_postgres_killed_at_once_can_be_started_again() {
    let scratch = Scratch::new();
    let mut owner = Owner::start(&scratch.data_dir());
    store_row(owner.url()).await;
    let postgres = servers(&scratch.cluster());
    kill_9(owner.pid());
    postgres.into_iter().for_each(kill_9);
    owner.kill_9();
    assert_restart_keeps_the_row(&scratch).await;
}

#[tokio::test]
async fn a_postgres_that_outlived_its_service_is_shut_down_first() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    let url = url_of(&postgres);
    store_row(&url).await;
    postgres.stop().await;
    let mut survivor = survivor(&scratch);
    let postgres = scratch.start().await;
    assert!(survivor.wait().unwrap().success(), "it was not shut down first");
    assert_eq!(postgres.url().expose_secret(), url.expose_secret());
    assert_eq!(stored_rows(&mut connect(&url).await).await, 1);
    postgres.stop().await;
}

/// An unsupervised server on the port of the next start.
pub(crate) fn survivor(scratch: &Scratch) -> Child {
    use std::os::unix::fs::MetadataExt;
    let cluster = scratch.cluster().canonicalize().unwrap();
    let owner = fs::metadata(&cluster).unwrap();
    let port = fs::read_to_string(scratch.path("data/postgres.port")).unwrap();
    let survivor = Command::new(real_program("postgres"))
        .arg("-D")
        .arg(&cluster)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .arg("-p")
        .arg(port.trim_end())
        .uid(owner.uid())
        .gid(owner.gid())
        .current_dir("/")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the survivor accepts connections", || {
        fs::read_to_string(cluster.join("postmaster.pid")).is_ok_and(|text| text.contains("ready"))
    });
    survivor
}

#[tokio::test]
async fn a_pid_file_that_names_a_strangers_process_neither_blocks_nor_harms_it() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    store_row(postgres.url()).await;
    let pid_file = scratch.cluster().join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    postgres.stop().await;

    let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", stranger.id())).unwrap();
    assert_restart_keeps_the_row(&scratch).await;
    assert!(stranger.try_wait().unwrap().is_none());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_a_zombie_does_not_block() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    store_row(postgres.url()).await;
    postgres.stop().await;
    // A killed server whose parent does not reap it.
    let mut zombie = survivor(&scratch);
    zombie.kill().unwrap();
    let pid_file = fs::read_to_string(scratch.cluster().join("postmaster.pid")).unwrap();
    assert!(pid_file.starts_with(&format!("{}\n", zombie.id())));
    assert_restart_keeps_the_row(&scratch).await;
    zombie.wait().unwrap();
}

#[tokio::test]
async fn ctrl_c_reaches_the_service_but_not_its_postgres() {
    let scratch = Scratch::new();
    let mut owner = Owner::start(&scratch.data_dir());
    store_row(owner.url()).await;
    let before = postmaster(&scratch.cluster());
    // What a terminal does: the signal goes to the whole group, which the owner leads.
    kill_process_group(Pid::from_raw(owner.pid()).unwrap(), Signal::INT).unwrap();
    assert_eq!(owner.next_line(), "interrupted, and sees 1 row");
    assert_eq!(postmaster(&scratch.cluster()), before);
    owner.stop();
    assert!(servers(&scratch.cluster()).is_empty());
}

async fn assert_restart_keeps_the_row(scratch: &Scratch) {
    let postgres = scratch.start().await;
    assert_eq!(stored_rows(&mut connect(postgres.url()).await).await, 1);
    postgres.stop().await;
}
