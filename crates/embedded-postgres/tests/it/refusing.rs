//! A start that can't succeed fails, and the message says what to do.

use std::fs;
use std::os::unix::fs::symlink;

use crate::owner::Owner;
use crate::world::{Scratch, connect, refusal, start, store_row, stored_rows};

fn assert_contains(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[tokio::test]
async fn a_configured_directory_without_postgres_is_an_error() {
    let scratch = Scratch::new();
    let empty = scratch.path("empty");
    fs::create_dir(&empty).unwrap();
    let message = refusal(scratch.start_with(empty.clone()).await);
    assert_contains(&message, &[empty.to_str().unwrap(), "`initdb`", "PG_BIN_DIR"]);

    let half = scratch.programs(&[]);
    fs::remove_file(half.join("postgres")).unwrap();
    let message = refusal(scratch.start_with(half).await);
    assert_contains(&message, &["does not contain `postgres`", "PG_BIN_DIR"]);
    assert!(!scratch.cluster().exists());
}

#[tokio::test]
async fn a_postgres_of_the_wrong_version_is_refused_by_name() {
    let fresh = || vec!["Postgres 13 or later", "12 in", "DATABASE_URL"];
    let existing = || vec!["belongs to Postgres 15", "12 in", "pg_upgrade"];
    let table = [
        ("echo 'postgres (PostgreSQL) 12.22 (Debian)'", false, fresh()),
        ("echo 'postgres (PostgreSQL) 12.22'", true, existing()),
        ("echo 'no such thing'", false, vec!["--version", "PG_BIN_DIR"]),
        ("exit 1", false, vec!["--version", "PG_BIN_DIR"]),
    ];
    for (script, cluster_exists, parts) in table {
        let scratch = Scratch::new();
        if cluster_exists {
            fs::create_dir_all(scratch.cluster()).unwrap();
            fs::write(scratch.cluster().join("PG_VERSION"), "15\n").unwrap();
            crate::root::give_away(&scratch.cluster());
        }
        let bin_dir = scratch.programs(&[("postgres", script)]);
        assert_contains(&refusal(scratch.start_with(bin_dir).await), &parts);
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_named() {
    let scratch = Scratch::new();
    let file = scratch.path("file");
    fs::write(&file, "").unwrap();
    for data_dir in [file.join("data"), file, "/proc/1/data".into()] {
        let message = refusal(start(&data_dir, None).await);
        assert_contains(&message, &[data_dir.to_str().unwrap(), "ROUTO_DATA_DIR"]);
    }
}

#[tokio::test]
async fn a_second_owner_is_refused_and_the_first_is_not_disturbed() {
    let scratch = Scratch::new();
    let postgres = scratch.start().await;
    store_row(postgres.url()).await;
    let expected = ["in use by another running routo-receiver", "ROUTO_DATA_DIR"];
    assert_contains(&refusal(start(&scratch.data_dir(), None).await), &expected);
    let other = Owner::start(&scratch.data_dir());
    assert_contains(other.started.as_ref().unwrap_err(), &expected);
    assert_eq!(stored_rows(&mut connect(postgres.url()).await).await, 1);
    postgres.stop().await;
}

#[tokio::test]
async fn a_directory_of_other_files_in_the_place_of_the_cluster_is_not_touched() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.cluster()).unwrap();
    fs::write(scratch.cluster().join("diary"), "dear").unwrap();
    crate::root::give_away(&scratch.cluster());
    let message = refusal(start(&scratch.data_dir(), None).await);
    assert_contains(&message, &["not a Postgres data directory", "data/postgres"]);
    assert_eq!(fs::read(scratch.cluster().join("diary")).unwrap(), b"dear");
}

#[tokio::test]
async fn a_cluster_that_has_gone_missing_is_not_silently_replaced() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.data_dir()).unwrap();
    symlink("/nonexistent/cluster", scratch.cluster()).unwrap();
    let message = refusal(start(&scratch.data_dir(), None).await);
    assert_contains(&message, &["points to /nonexistent/cluster", "remove the link"]);
}

#[tokio::test]
async fn a_lost_or_wrong_password_is_said_to_be_that() {
    let scratch = Scratch::new();
    scratch.start().await.stop().await;
    let pgpass = scratch.path("data/postgres.pgpass");
    let wrong = format!("127.0.0.1:*:*:routo:{}\n", "0".repeat(32));
    let table = [
        (Some("nonsense"), "does not contain the password"),
        (None, "does not contain the password"),
        (Some(wrong.as_str()), "restore the old one"),
    ];
    for (contents, expected) in table {
        match contents {
            Some(contents) => fs::write(&pgpass, contents).unwrap(),
            None => fs::remove_file(&pgpass).unwrap(),
        }
        let message = refusal(start(&scratch.data_dir(), None).await);
        assert_contains(&message, &[expected, "postgres.pgpass"]);
    }
}

#[tokio::test]
async fn a_server_or_initdb_that_fails_is_quoted() {
    let scratch = Scratch::new();
    let fails = "test \"$1\" = --version && exec $REAL --version; echo \"$0 is tired\" >&2; exit 3";
    let bin_dir = scratch.programs(&[("initdb", fails), ("postgres", fails)]);
    let message = refusal(scratch.start_with(bin_dir.clone()).await);
    assert_contains(&message, &["can't be initialised", "exit status: 3", "initdb is tired"]);
    assert!(!scratch.cluster().exists());

    scratch.start().await.stop().await;
    let message = refusal(scratch.start_with(bin_dir).await);
    assert_contains(&message, &["exit status: 3", "postgres is tired"]);
    assert!(!message.contains("initdb is tired"), "{message}");
    scratch.start().await.stop().await;
}
