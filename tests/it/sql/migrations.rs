//! Databases that an interrupted or another program has migrated.

use std::path::Path;

use serde_json::json;
use sqlx::Connection;
use sqlx::migrate::Migrator;

use crate::support::app::environment;
use crate::support::postgres::TestDatabase;
use crate::support::process::run;

async fn all() -> Migrator {
    Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).await.unwrap()
}

/// Applies the first migrations and no more.
pub(crate) async fn apply_first(database: &TestDatabase, count: usize) {
    let first = all().await.iter().take(count).cloned().collect();
    let mut connection = database.connect().await;
    Migrator::with_migrations(first).run(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What was migrated: the versions and the number of objects.
async fn state(database: &TestDatabase) -> serde_json::Value {
    database
        .query(
            "select (select jsonb_agg(version order by version) from _sqlx_migrations) as versions,
                    (select count(*) from pg_class where relnamespace = 'public'::regnamespace) as relations,
                    (select count(*) from pg_proc where pronamespace = 'public'::regnamespace) as functions",
        )
        .await
}

#[tokio::test]
async fn migrations_that_were_interrupted_anywhere_are_completed() {
    let complete = super::schema::migrated().await;
    for applied in 1..all().await.iter().count() {
        let database = TestDatabase::create().await;
        apply_first(&database, applied).await;
        let (code, _, log) = run(&["migrate"], &environment(&database.url())).await;
        assert_eq!(code, Some(0), "after migration number {applied}: {log}");
        assert_eq!(state(&database).await, state(&complete).await, "after number {applied}");
    }
}

#[tokio::test]
async fn a_database_from_before_the_first_release_is_refused_with_what_to_do_and_left_as_it_is() {
    let database = TestDatabase::create().await;
    apply_first(&database, 1).await;
    // At that time there were fourteen migrations.
    database
        .execute(
            "update _sqlx_migrations set checksum = '\\x00';
             insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             select version, 'of that time', true, '\\x00', 1
             from generate_series(2, 14) as version",
        )
        .await;
    let before = state(&database).await;
    let (code, out, log) = run(&["migrate"], &environment(&database.url())).await;
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(
        log.contains(
            "migration 1 in the database is not this program's: an unreleased or modified routo-receiver created the database; dump its data and start with a new database, or use that program"
        ),
        "{log}"
    );
    assert!(!log.contains("previously applied"), "{log}");
    assert_eq!(state(&database).await, before);
    assert_eq!(before[0]["versions"], json!((1..=14).collect::<Vec<_>>()));
}
