//! The first start, later starts, and what they leave.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, PgConnection, Row};

use crate::owner::Owner;
use crate::world::{
    Scratch, connect, port_of, postmaster, refusal, servers, start, store_row, stored_rows, url_of,
    wait_until,
};

#[tokio::test]
async fn a_later_start_is_quick_and_has_the_same_url_and_rows() {
    let scratch = Scratch::new();
    let begin = Instant::now();
    let postgres = scratch.start().await;
    let first = begin.elapsed();
    let url = url_of(&postgres);
    store_row(&url).await;
    postgres.stop().await;

    let begin = Instant::now();
    let postgres = scratch.start().await;
    let later = begin.elapsed();
    assert_eq!(postgres.url().expose_secret(), url.expose_secret());
    assert_eq!(stored_rows(&mut connect(postgres.url()).await).await, 1);
    let begin = Instant::now();
    postgres.stop().await;
    let stop = begin.elapsed();
    println!("first start {first:?}, later start {later:?}, stop {stop:?}");
    assert!(later < Duration::from_secs(10), "{later:?}");
}

#[tokio::test]
async fn a_stopped_postgres_leaves_no_process_and_an_unlocked_directory() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    let _busy = connect(postgres.url()).await;
    assert!(!servers(&scratch.cluster()).is_empty());
    postgres.stop().await;
    assert!(servers(&scratch.cluster()).is_empty());
    scratch.start().await.stop().await;
}

#[tokio::test]
async fn a_dropped_postgres_goes_away_by_itself() {
    let scratch = Scratch::new();
    drop(scratch.start().await);
    wait_until("Postgres is gone", || servers(&scratch.cluster()).is_empty());
}

#[tokio::test]
async fn a_start_that_is_cancelled_leaves_nothing_and_can_be_repeated() {
    let scratch = Scratch::new();
    let half_made = scratch.path("data/postgres.new");
    tokio::select! {
        biased;
        _ = scratch.start() => panic!("it started before it was cancelled"),
        () = async { wait_until("initdb is at work", || !servers(&half_made).is_empty()) } => {}
    }
    wait_until("initdb is gone", || servers(&half_made).is_empty());
    let lock = fs::File::open(scratch.path("data/postgres.lock")).unwrap();
    wait_until("the directory is unlocked", || lock.try_lock().is_ok());
    drop(lock);
    scratch.start().await.stop().await;
}

#[tokio::test]
async fn the_psql_line_works_in_a_shell_and_does_not_tell_the_password() {
    let scratch = Scratch::new();
    let data_dir = scratch.path("it's data");
    let postgres = start(&data_dir, None).await.unwrap();
    let line = postgres.psql_command_line();
    let password = password(postgres.url().expose_secret());
    assert!(!line.contains(password), "{line}");
    let output = Command::new("sh")
        .args(["-c", &format!("{line} -At -c 'select current_user'")])
        .env("HOME", "/nonexistent")
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "routo\n", "{output:?}");
    postgres.stop().await;
}

#[tokio::test]
async fn it_is_private_and_durable() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    let mut connection = connect(postgres.url()).await;
    let table = [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("password_encryption", "scram-sha-256"),
        ("server_encoding", "UTF8"),
        ("shared_buffers", "64MB"),
    ];
    for (setting, expected) in table {
        let row = sqlx::query("select current_setting($1) as value")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(row.get::<String, _>("value"), expected, "{setting}");
    }

    for file in ["postgres.pgpass", "postgres.port", "postgres.log", "postgres.lock"] {
        let mode = fs::metadata(scratch.data_dir().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let mode = fs::metadata(scratch.cluster()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    let url = postgres.url().expose_secret();
    assert!(password(url).len() >= 32);
    let wrong = url.replace(password(url), "guess");
    let error = PgConnection::connect(&wrong).await.unwrap_err();
    let code = error.as_database_error().unwrap().code().unwrap();
    assert_eq!(code, "28P01");
    postgres.stop().await;
}

fn password(url: &str) -> &str {
    let (_, after) = url.split_once("routo:").unwrap();
    after.split_once('@').unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_contains_no_values_and_the_server_none_of_our_secrets() {
    let scratch = Scratch::new();
    let mut command = Owner::command(&[], &scratch.data_dir());
    command.env("ROUTO_ACCOUNTS__A__PASSWORD", "hush-4711");
    let owner = Owner::run(&mut command);

    let mut connection = connect(owner.url()).await;
    connection.execute("create table t (number text primary key)").await.unwrap();
    connection.execute("insert into t (number) values ('hush-4712')").await.unwrap();
    for failing in [
        "insert into t (number) values ('hush-4712')",
        "select 'hush-4713'::int",
        "no such statement hush-4714",
        "do $$ begin raise warning 'hush-4715'; end $$",
    ] {
        let _ = connection.execute(failing).await;
    }
    // A backend that dies in the middle of a statement is reported by the postmaster.
    let pid: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    let postmaster = postmaster(&scratch.cluster());
    // By SQL, which any user of the database could do; root in a container may not read the file.
    let environment: Vec<u8> = sqlx::query_scalar("select pg_read_binary_file($1, 0, 1000000)")
        .bind(format!("/proc/{postmaster}/environ"))
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(environment.contains("PATH=") && !environment.contains("hush"), "{environment}");
    let busy = tokio::spawn(async move {
        let _ = connection.execute("select pg_sleep(1000), 'hush-4716'").await;
    });
    wait_until("the backend is busy", || {
        fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().contains("SELECT")
    });
    crate::world::kill_9(pid);
    busy.await.unwrap();

    let log = scratch.path("data/postgres.log");
    wait_until("the death is logged", || {
        fs::read_to_string(&log).unwrap().contains("terminated by signal 9")
    });
    owner.stop();
    let log = fs::read_to_string(&log).unwrap();
    assert!(!log.contains("hush"), "{log}");
}

#[tokio::test]
async fn a_port_that_another_process_has_taken_meanwhile_is_replaced() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    let old = url_of(&postgres);
    store_row(&old).await;
    postgres.stop().await;

    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, port_of(&old))).unwrap();
    let postgres = scratch.start().await;
    let new = url_of(&postgres);
    assert_ne!(port_of(&new), port_of(&old));
    assert_eq!(stored_rows(&mut connect(&new).await).await, 1);
    postgres.stop().await;

    drop(stranger);
    let postgres = scratch.start().await;
    assert_eq!(postgres.url().expose_secret(), new.expose_secret());
    postgres.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_between_the_choice_and_the_start_is_replaced() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    let port = port_of(postgres.url());
    postgres.stop().await;

    // A server that starts in its directory, and waits before it binds the port.
    let go = scratch.path("go");
    let script = format!(
        "test \"$1\" = --version || while ! test -e {}; do sleep 0.01; done; exec $REAL \"$@\"",
        go.display()
    );
    let bin_dir = scratch.programs(&[("postgres", &script)]);
    let (started, stranger) = tokio::join!(scratch.start_with(bin_dir), async {
        wait_until("the port is chosen", || !servers(&scratch.cluster()).is_empty());
        let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        fs::write(&go, "").unwrap();
        stranger
    });
    let postgres = started.unwrap();
    assert_ne!(port_of(postgres.url()), port);
    connect(postgres.url()).await;
    postgres.stop().await;
    drop(stranger);
}

#[tokio::test]
async fn a_machine_without_the_locale_gets_a_database_without_it() {
    let scratch = Scratch::new();
    let bin_dir = scratch.programs(&[(
        "initdb",
        "case \"$*\" in *C.UTF-8*) echo 'invalid locale name'; exit 1;; esac; exec $REAL \"$@\"",
    )]);
    let postgres = scratch.start_with(bin_dir).await.unwrap();
    let mut connection = connect(postgres.url()).await;
    let encoding: String = sqlx::query_scalar("select current_setting('server_encoding')")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(encoding, "UTF8");
    postgres.stop().await;
}

#[tokio::test]
async fn what_an_interrupted_initialisation_left_is_removed() {
    let scratch = Scratch::new();
    let half_made = scratch.path("data/postgres.new");
    fs::create_dir_all(half_made.join("base/1")).unwrap();
    fs::write(half_made.join("PG_VERSION"), "15\n").unwrap();
    fs::write(scratch.path("data/postgres.pgpass.new"), "127.0.0.1:*").unwrap();
    let postgres = scratch.start().await;
    assert!(!half_made.exists());
    store_row(postgres.url()).await;
    postgres.stop().await;
}

#[tokio::test]
async fn an_empty_directory_in_the_place_of_the_cluster_is_used() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.cluster()).unwrap();
    scratch.start().await.stop().await;
    assert!(scratch.cluster().join("PG_VERSION").exists());
}

/// As after `cp -a data elsewhere`, where `data/postgres` is a link.
#[tokio::test]
async fn a_cluster_that_two_data_directories_lead_to_has_one_owner() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    store_row(postgres.url()).await;
    let server = postmaster(&scratch.cluster());

    let copy = scratch.path("copy");
    fs::create_dir(&copy).unwrap();
    std::os::unix::fs::symlink(scratch.cluster(), copy.join("postgres")).unwrap();
    fs::copy(scratch.path("data/postgres.pgpass"), copy.join("postgres.pgpass")).unwrap();
    let message = refusal(start(&copy, None).await);
    assert!(message.contains("in use by another running routo-receiver"), "{message}");

    assert_eq!(postmaster(&scratch.cluster()), server, "the first one's server was left alone");
    assert_eq!(stored_rows(&mut connect(postgres.url()).await).await, 1);
    postgres.stop().await;
    let postgres = start(&copy, None).await.unwrap();
    assert_eq!(stored_rows(&mut connect(postgres.url()).await).await, 1);
    postgres.stop().await;
}
