//! Databases that another version of the program has changed.

use serde_json::json;

use crate::support::app::{TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run, with};
use crate::support::{eventually, goes_to_postgres};

async fn migrated() -> (TestDatabase, Vec<(String, String)>) {
    let database = TestDatabase::create().await;
    let environment = environment(&database.url());
    let (code, _, log) = run(&["migrate"], &environment).await;
    assert_eq!(code, Some(0), "{log}");
    (database, environment)
}

fn report() -> Vec<u8> {
    get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"))
}

async fn rows(database: &TestDatabase) -> serde_json::Value {
    database.value("select count(*) from delivery_reports").await
}

/// What a newer program with one more migration leaves behind.
const NEWER: &str =
    "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                     values (9999, 'of the future', true, '\\x00', 1);
                     alter table delivery_reports add column of_the_future text";

#[tokio::test]
async fn a_database_newer_than_the_program_takes_callbacks_and_nothing_else_is_done_to_it() {
    let (database, environment) = migrated().await;
    database.execute(NEWER).await;
    let newest =
        database.value("select max(version) from _sqlx_migrations where version < 9999").await;
    for command in [
        &["migrate"][..],
        &["redecode"],
        &["redecode", "--write"],
        &["rejected", "list"],
        &["rejected", "replay", "--all", "--write"],
    ] {
        let (code, out, log) = run(command, &environment).await;
        assert_eq!((code, &*out), (Some(1), ""), "{command:?}");
        for expected in ["at migration 9999", &format!("up to {newest}"), "use that version"] {
            assert!(log.contains(expected), "no {expected} in {log}");
        }
        assert!(!log.contains("callbacks are accepted"), "{command:?} takes none: {log}");
    }

    let service = ServiceProcess::start(&environment).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    assert_eq!(send(service.http, report()).await.status, 200);
    assert_eq!(rows(&database).await, json!(1));
    service.signal(rustix::process::Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0));
    assert_eq!(log.matches("at migration 9999").count(), 1, "{log}");
    assert!(log.contains("the schema is newer than this program"), "{log}");
}

#[tokio::test]
async fn a_database_that_is_newer_and_older_at_once_is_not_changed() {
    let (database, environment) = migrated().await;
    database.execute(NEWER).await;
    database.execute("delete from _sqlx_migrations where version = 4").await;
    let service = ServiceProcess::start(&environment).await;
    assert_eq!(send(service.http, report()).await.status, 200, "in the spool");
    eventually("it says so", || async { service.has_logged("at migration 9999") }).await;
    assert_eq!(rows(&database).await, json!(0));
    assert_eq!(
        database.value("select count(*) from _sqlx_migrations where version = 4").await,
        json!(0)
    );
}

#[tokio::test]
async fn a_migration_that_was_altered_is_refused_by_name_and_callbacks_go_to_the_spool() {
    let (database, environment) = migrated().await;
    database.execute("update _sqlx_migrations set checksum = '\\x00' where version = 3").await;
    let (code, _, log) = run(&["migrate"], &environment).await;
    assert_eq!(code, Some(1));
    assert!(
        log.contains("migration 3 in the database") && log.contains("start with a new database"),
        "{log}"
    );

    for migrate_on_start in ["true", "false"] {
        let environment = with(
            crate::support::app::environment(&database.url()),
            &[("ROUTO_DATABASE__MIGRATE_ON_START", migrate_on_start)],
        );
        let service = ServiceProcess::start(&environment).await;
        assert_eq!(send(service.http, report()).await.status, 200, "in the spool");
        eventually("it says so", || async { service.has_logged("migration 3 in the database") })
            .await;
    }
    assert_eq!(rows(&database).await, json!(0));
}
