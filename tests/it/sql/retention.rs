//! Expired rows are dropped, and nobody waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use routo_receiver::store::PartitionWidth::Month;
use routo_receiver::store::StoreError;
use routo_receiver::store::upkeep::run_once;
use serde_json::{Value, json};

use super::schema::migrated;
use crate::support::app::TestApp;
use crate::support::postgres::TestDatabase;
use crate::support::store::{DAY, keeping_all_for, store};
use crate::support::{eventually, goes_to_postgres};

/// For each of these numbers of days ago, a partition with a row in both tables, and a rejected
/// callback, each at the very end of the day. More than 31 days ago, where there is no other partition.
async fn fill(database: &TestDatabase, days_ago: &[u32]) {
    for days in days_ago {
        database
            .execute(&format!(
                "set timezone = 'UTC';
                 create temp table day as
                     select date_trunc('day', now()) - interval '{days} days' as starts;
                 create temp table row as
                     select starts + interval '1 day - 1 microsecond' as at from day;
                 select make_partition(parent, starts, starts + interval '1 day')
                 from unnest(array['delivery_reports', 'inbound_messages']) as parent, day;
                 insert into delivery_reports
                 select at, gen_random_uuid(), 'a', '{days}', '', '', null, '', '::1', '{{}}' from row;
                 insert into inbound_messages
                 select at, gen_random_uuid(), 'a', '{days}', '', '', '', '', '', '', '::1', '{{}}' from row;
                 insert into rejected_callbacks
                 select at, gen_random_uuid(), 'a', '', '{days}', '{{}}', '', '::1' from row;"
            ))
            .await;
    }
}

/// How old the rows of each table are, in days.
async fn ages(database: &TestDatabase) -> Value {
    database
        .value(
            "select jsonb_build_array(
                 (select jsonb_agg(mess_id::int order by received_at) from delivery_reports),
                 (select jsonb_agg(org::int order by received_at) from inbound_messages),
                 (select jsonb_agg(reason::int order by received_at) from rejected_callbacks)
             ) as ages",
        )
        .await
}

#[tokio::test]
async fn a_partition_of_only_expired_rows_is_dropped_and_younger_rows_stay() {
    let database = migrated().await;
    fill(&database, &[400, 91, 90, 50, 40]).await;
    let store = store(&database, Month);
    run_once(&store, &keeping_all_for(Some(DAY * 90))).await.unwrap();
    // The end of the day that began 90 days ago is younger than that.
    assert_eq!(ages(&database).await, json!([[90, 50, 40], [90, 50, 40], [90, 50, 40]]));
    let mut some = keeping_all_for(None);
    some.retention.inbound_messages = Some(DAY * 45);
    run_once(&store, &some).await.unwrap();
    assert_eq!(ages(&database).await, json!([[90, 50, 40], [40], [90, 50, 40]]));
    some.retention.rejected_callbacks = Some(DAY);
    run_once(&store, &some).await.unwrap();
    assert_eq!(ages(&database).await, json!([[90, 50, 40], [40], null]));
}

#[tokio::test]
async fn without_retention_nothing_is_dropped() {
    let database = migrated().await;
    fill(&database, &[3_000, 400]).await;
    run_once(&store(&database, Month), &keeping_all_for(None)).await.unwrap();
    assert_eq!(ages(&database).await, json!([[3000, 400], [3000, 400], [3000, 400]]));
}

#[tokio::test]
async fn a_running_service_drops_expired_rows() {
    let database = migrated().await;
    fill(&database, &[400, 40]).await;
    let more = ["DELIVERY_REPORTS", "INBOUND_MESSAGES", "REJECTED_CALLBACKS"]
        .map(|table| format!("ROUTO_RETENTION__{table}"));
    let more: Vec<_> = more.iter().map(|name| (name.as_str(), "90days")).collect();
    let service = routo_receiver::service::Service::start(crate::support::app::settings(
        &database.url(),
        &more,
    ))
    .await
    .unwrap();
    eventually("the old rows are gone", || async {
        ages(&database).await == json!([[40], [40], [40]])
    })
    .await;
    service.stop().await;
}

#[tokio::test]
async fn expired_rejected_callbacks_are_deleted_in_batches() {
    let database = migrated().await;
    database
        .execute(
            "insert into rejected_callbacks
             select now() - make_interval(days => n), gen_random_uuid(), 'a', '', '', '{}', '', '::1'
             from generate_series(1, 3500) as n",
        )
        .await;
    // A batch does not wait for a locked row.
    let mut reader = database.connect().await;
    sqlx::raw_sql("begin; select from rejected_callbacks order by received_at limit 1 for update")
        .execute(&mut reader)
        .await
        .unwrap();
    run_once(&store(&database, Month), &keeping_all_for(Some(DAY * 90))).await.unwrap();
    assert_eq!(database.value("select count(*) from rejected_callbacks").await, json!(90));
}

#[tokio::test]
async fn a_long_transaction_that_reads_delays_retention_but_no_callback() {
    let app = TestApp::start().await;
    fill(&app.database, &[400, 40]).await;
    let mut reader = app.database.connect().await;
    sqlx::raw_sql(
        "begin; select count(*) from delivery_reports; select count(*) from inbound_messages",
    )
    .execute(&mut reader)
    .await
    .unwrap();
    let trying = Arc::new(AtomicBool::new(true));
    let attempts = tokio::spawn({
        let (store, trying) = (store(&app.database, Month), Arc::clone(&trying));
        async move {
            let mut errors = Vec::new();
            while trying.load(Ordering::Relaxed) {
                errors.extend(run_once(&store, &keeping_all_for(Some(DAY * 90))).await.err());
            }
            errors
        }
    });
    let before = app.rows().await.as_u64().unwrap();
    for sent in 1..=100 {
        assert_eq!(app.report("mess_id=7&status=0&number=1").await.status, 200);
        assert!(goes_to_postgres(app.service.admin_address).await, "not through the spool");
        // The first attempts may have dropped partitions of the other tables.
        assert!(app.rows().await.as_u64().unwrap() + 3 >= before + sent);
    }
    trying.store(false, Ordering::Relaxed);
    let errors = attempts.await.unwrap();
    assert!(!errors.is_empty());
    for error in errors {
        let StoreError::PartitionInUse { holder: Some(holder), .. } = &error else {
            panic!("{error:?}")
        };
        assert!(holder.starts_with("process ") && holder.contains(" since "), "{holder}");
    }
    assert_eq!(ages(&app.database).await[0][0], json!(400), "it is still there");
    sqlx::raw_sql("commit").execute(&mut reader).await.unwrap();
    run_once(&store(&app.database, Month), &keeping_all_for(Some(DAY * 90))).await.unwrap();
    assert_eq!(ages(&app.database).await[0][0], json!(40));
    app.stop().await;
}

#[tokio::test]
async fn the_process_that_delays_retention_is_not_mistaken_for_one_in_a_copy_of_the_database() {
    let database = migrated().await;
    fill(&database, &[400]).await;
    let name = database.options.get_database().unwrap();
    let copy = TestDatabase { options: database.options.clone().database(&format!("{name}_copy")) };
    let server = TestDatabase { options: database.options.clone().database("postgres") };
    server.execute(&format!("create database {name}_copy template {name}")).await;
    let mut readers = [copy.connect().await, database.connect().await];
    for reader in &mut readers {
        sqlx::raw_sql("begin; select count(*) from delivery_reports")
            .execute(reader)
            .await
            .unwrap();
    }
    let [_, reader] = &mut readers;
    let reader: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(reader).await.unwrap();
    let outcome = run_once(&store(&database, Month), &keeping_all_for(Some(DAY * 90))).await;
    let Err(StoreError::PartitionInUse { holder: Some(holder), .. }) = &outcome else {
        panic!("{outcome:?}")
    };
    assert!(holder.starts_with(&format!("process {reader} ")), "{holder}");
}

#[tokio::test]
async fn services_that_drop_at_once_drop_each_partition_once_without_an_error() {
    let database = migrated().await;
    let days: Vec<u32> = (100..120).collect();
    fill(&database, &days).await;
    fill(&database, &[40]).await;
    let mut services = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store(&database, Month);
        let mut upkeep = keeping_all_for(Some(DAY * 90));
        // None may give up, however slow the machine is.
        upkeep.lock_patience = std::time::Duration::from_secs(15);
        services.spawn(async move { run_once(&store, &upkeep).await });
    }
    for outcome in services.join_all().await {
        outcome.unwrap();
    }
    run_once(&store(&database, Month), &keeping_all_for(Some(DAY * 90))).await.unwrap();
    assert_eq!(ages(&database).await, json!([[40], [40], [40]]));
}

#[tokio::test]
async fn the_last_day_stays_however_short_the_retention() {
    let database = migrated().await;
    fill(&database, &[400]).await;
    database.execute("insert into rejected_callbacks values (now(), gen_random_uuid(), 'a', '', '0', '{}', '', '::1')").await;
    let ask =
        "select drop_expired_partition('delivery_reports', now() + interval '100 years') as gone";
    assert_ne!(database.value(ask).await, json!(null));
    assert_eq!(database.value(ask).await, json!(null));
    let ask =
        "select delete_expired_rejected_callbacks(now() + interval '100 years', 1000) as gone";
    assert_eq!(database.value(ask).await, json!(1));
    assert_eq!(database.value(ask).await, json!(0));
}
