//! Indexes that a migration adds to tables with years of rows.

use std::process::Stdio;

use routo_receiver::app::Service;
use routo_receiver::domain::PartitionWidth::Month;
use serde_json::json;

use super::schema::migrated;
use crate::support::app::{TestApp, environment, settings};
use crate::support::eventually;
use crate::support::postgres::TestDatabase;
use crate::support::process::{program, run};
use crate::support::store::store;

/// Rows in several partitions, and what a migration with a new index does.
async fn with_new_index() -> TestDatabase {
    let database = migrated().await;
    database
        .execute(
            "insert into delivery_reports
             select now() + make_interval(hours => n), gen_random_uuid(), 'main', 'm' || n, '44', '0', 0, 'http-get', '::1', '{}'
             from generate_series(1, 1500) as n;
             create index \"reports USING account\" on only delivery_reports (lower(account), mess_id desc)
                 where status_code = 0;
             create unique index delivery_reports_with_a_name_so_long_that_it_does_not_fit_twice
                 on only delivery_reports (received_at, id, account) include (status);",
        )
        .await;
    assert_eq!(unfinished(&database).await, json!(2));
    database
}

async fn unfinished(database: &TestDatabase) -> serde_json::Value {
    database.value("select count(*) from pg_index where not indisvalid").await
}

/// The definitions of the new indexes on a partition, but for their names.
async fn definitions(database: &TestDatabase) -> serde_json::Value {
    database
        .query(
            "select definition, count(*) as partitions
             from (
                 select regexp_replace(pg_get_indexdef(indexrelid), '(INDEX) .* (USING btree)', '\\1 \\2') as definition
                 from pg_index
                 where indrelid in (select partition from callback_partitions where table_name = 'delivery_reports')
                 and indexrelid in (select inhrelid from pg_inherits)
             ) as indexes
             where definition ~ 'account'
             group by definition
             order by definition",
        )
        .await
}

#[tokio::test]
async fn migrate_builds_a_new_index_on_every_partition_and_it_is_valid() {
    let database = with_new_index().await;
    let (code, _, log) = run(&["migrate"], &environment(&database.url())).await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(unfinished(&database).await, json!(0));
    assert_eq!(
        definitions(&database).await,
        json!([
            { "definition": "CREATE INDEX USING btree (lower(account), mess_id DESC) WHERE (status_code = 0)",
              "partitions": 4 },
            { "definition": "CREATE UNIQUE INDEX USING btree (received_at, id, account) INCLUDE (status)",
              "partitions": 4 },
        ])
    );
}

#[tokio::test]
async fn while_a_running_service_builds_an_index_callbacks_are_stored() {
    let database = with_new_index().await;
    // As long as this one lasts, the build does. It is there before anybody could have built one.
    let mut reader = database.connect().await;
    sqlx::raw_sql("begin isolation level repeatable read; select count(*) from delivery_reports")
        .execute(&mut reader)
        .await
        .unwrap();
    let settings = settings(&database.url(), &[]);
    let data_dir = settings.data_dir.clone();
    let service = Service::start(settings).await.unwrap();
    let app = TestApp { http: service.http_address, service, database, data_dir };
    app.is_ready().await;
    let building = "select count(*) from pg_stat_activity
                    where datname = current_database() and query ~* '^create (unique )?index concurrently' and state = 'active'";
    eventually("it is being built", || async { app.database.value(building).await == json!(1) })
        .await;
    for sent in 1..=50 {
        assert_eq!(app.report("mess_id=new&status=0&number=1").await.status, 200);
        let stored = "select count(*) from delivery_reports where mess_id = 'new'";
        assert_eq!(app.database.value(stored).await, json!(sent));
    }
    assert_eq!(app.database.value(building).await, json!(1));
    sqlx::raw_sql("commit").execute(&mut reader).await.unwrap();
    eventually("it is built", || async { unfinished(&app.database).await == json!(0) }).await;
    app.stop().await;
}

#[tokio::test]
async fn a_build_that_was_ended_half_way_is_done_again() {
    let database = with_new_index().await;
    let mut writer = database.connect().await;
    sqlx::raw_sql("begin; update delivery_reports set extra = '{}' where mess_id = 'm1'")
        .execute(&mut writer)
        .await
        .unwrap();
    let mut first =
        program(&["migrate"], &environment(&database.url())).stderr(Stdio::null()).spawn().unwrap();
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and query ~* 'index concurrently' and wait_event_type = 'Lock'";
    eventually("it waits for the writer", || async { database.value(waiting).await == json!(1) })
        .await;
    database
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query ~* 'index concurrently' and pid <> pg_backend_pid()",
        )
        .await;
    assert!(!first.wait().await.unwrap().success());
    assert_eq!(unfinished(&database).await, json!(3), "one of them on a partition");

    sqlx::raw_sql("commit").execute(&mut writer).await.unwrap();
    let (code, _, log) = run(&["migrate"], &environment(&database.url())).await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(unfinished(&database).await, json!(0));
}

#[tokio::test]
async fn an_index_that_was_built_but_not_attached_is_attached_and_not_built_again() {
    let database = with_new_index().await;
    let name = "select partition || '_reports USING account' as name from callback_partitions
                where table_name = 'delivery_reports' order by from_time limit 1";
    let name = database.value(name).await;
    let name = name.as_str().unwrap();
    let partition = &name[..name.len() - "_reports USING account".len()];
    database
        .execute(&format!(
            "create index \"{name}\" on {partition} (lower(account), mess_id desc) where status_code = 0"
        ))
        .await;
    let before = format!("select '\"{name}\"'::regclass::oid::int8 as oid");
    let (before, ask) = (database.value(&before).await, before);
    store(&database, Month).migrate().await.unwrap();
    assert_eq!(database.value(&ask).await, before);
    assert_eq!(unfinished(&database).await, json!(0));
}

#[tokio::test]
async fn several_that_migrate_at_once_build_each_index_once() {
    let database = with_new_index().await;
    let mut programs = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store(&database, Month);
        programs.spawn(async move { store.migrate().await });
    }
    for outcome in programs.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(unfinished(&database).await, json!(0));
    let indexes = "select count(*) from pg_index where indrelid in (select partition from callback_partitions where table_name = 'delivery_reports')";
    assert_eq!(database.value(indexes).await, json!(4 * 6));
}

#[tokio::test]
async fn a_partition_made_meanwhile_has_the_index_from_the_start() {
    let database = with_new_index().await;
    database.value("select make_partition('delivery_reports', '2024-05-01Z', '2024-06-01Z')").await;
    store(&database, Month).migrate().await.unwrap();
    assert_eq!(definitions(&database).await[0]["partitions"], json!(5));
    assert_eq!(unfinished(&database).await, json!(0));
}
