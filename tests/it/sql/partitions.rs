//! The partitions that are created for rows of given times.

use std::time::Duration;

use routo_receiver::metrics::Purpose;
use routo_receiver::store::PartitionWidth::{self, Day, Month};
use routo_receiver::store::{OnConflict, Writer};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::schema::migrated;
use crate::support::postgres::TestDatabase;
use crate::support::store::{report_of, store};

/// Inserts reports that arrived at these times, as a service with partitions of this width does.
async fn put(database: &TestDatabase, width: PartitionWidth, times: &[OffsetDateTime]) {
    let mut writer = Writer::new(store(database, width), Purpose::Ingest, Duration::from_secs(30));
    writer.connect().await.unwrap();
    let rows: Vec<_> = times.iter().map(|at| report_of(*at)).collect();
    writer.insert(OnConflict::Fail, &rows).await.unwrap();
}

/// The partitions of delivery reports that end before 2026.
async fn old_partitions(database: &TestDatabase) -> Value {
    database
        .query(
            "select partition::text as name, to_char(from_time at time zone 'utc', 'DD HH24:MI') as from,
                    to_char(to_time at time zone 'utc', 'DD HH24:MI') as to
             from callback_partitions
             where table_name = 'delivery_reports' and to_time <= '2026-01-01Z'
             order by from_time",
        )
        .await
}

async fn count(database: &TestDatabase) -> Value {
    database.value("select count(*) from delivery_reports").await
}

#[tokio::test]
async fn the_width_can_change_at_any_time_and_no_row_moves() {
    let database = migrated().await;
    put(&database, Month, &[datetime!(2024-05-10 9:00 UTC)]).await;
    let first = "select tableoid::regclass::text || ctid::text from delivery_reports where received_at < '2024-06-01Z'";
    let before = database.value(first).await;
    put(&database, Day, &[datetime!(2024-05-11 9:00 UTC), datetime!(2024-06-03 9:00 UTC)]).await;
    put(&database, Month, &[datetime!(2024-06-20 9:00 UTC), datetime!(2024-06-01 0:00 UTC)]).await;
    put(&database, Day, &[datetime!(2024-06-30 23:59 UTC), datetime!(2024-07-01 0:00 UTC)]).await;
    assert_eq!(
        old_partitions(&database).await,
        json!([
            { "name": "delivery_reports_2024_05", "from": "01 00:00", "to": "01 00:00" },
            { "name": "delivery_reports_2024_06_01", "from": "01 00:00", "to": "03 00:00" },
            { "name": "delivery_reports_2024_06_03", "from": "03 00:00", "to": "04 00:00" },
            { "name": "delivery_reports_2024_06_04", "from": "04 00:00", "to": "01 00:00" },
            { "name": "delivery_reports_2024_07_01", "from": "01 00:00", "to": "02 00:00" },
        ])
    );
    assert_eq!(count(&database).await, json!(7));
    assert_eq!(database.value(&format!("{first} order by received_at")).await, before);
}

#[tokio::test]
async fn the_user_s_own_partitions_stay_and_the_gaps_between_them_are_filled() {
    let database = migrated().await;
    database
        .execute(
            "create table ancient partition of delivery_reports for values from (minvalue) to ('2020-01-01Z');
             create table mine partition of delivery_reports
                 for values from ('2024-05-10 06:00Z') to ('2024-05-12 18:30Z');",
        )
        .await;
    let times = [
        datetime!(1999-01-01 0:00 UTC),
        datetime!(2024-05-10 5:00 UTC),
        datetime!(2024-05-11 0:00 UTC),
        datetime!(2024-05-12 19:00 UTC),
    ];
    put(&database, Day, &times).await;
    assert_eq!(
        old_partitions(&database).await,
        json!([
            { "name": "delivery_reports_2024_05_10", "from": "10 00:00", "to": "10 06:00" },
            { "name": "mine", "from": "10 06:00", "to": "12 18:30" },
            { "name": "delivery_reports_2024_05_12_183000", "from": "12 18:30", "to": "13 00:00" },
            { "name": "ancient", "from": null, "to": "01 00:00" },
        ])
    );
    assert_eq!(count(&database).await, json!(4));
}

#[tokio::test]
async fn with_a_default_partition_no_other_is_made_and_rows_are_stored() {
    let database = migrated().await;
    database
        .execute(
            "do $$ declare the_partition regclass; begin
                 for the_partition in select partition from callback_partitions
                 loop execute format('drop table %s', the_partition); end loop;
             end $$;
             create table rest partition of delivery_reports default;
             create table more partition of inbound_messages default;",
        )
        .await;
    put(&database, Month, &[OffsetDateTime::now_utc(), datetime!(2024-05-10 5:00 UTC)]).await;
    assert_eq!(database.value("select count(*) from rest").await, json!(2));
    assert_eq!(database.value("select count(*) from callback_partitions").await, json!(2));
}

#[tokio::test]
async fn a_constraint_that_a_user_added_is_on_every_later_partition() {
    let database = migrated().await;
    database.execute("alter table delivery_reports add check (status <> 'nonsense')").await;
    put(&database, Month, &[datetime!(2024-05-10 9:00 UTC)]).await;
    let constraints = "select count(*) from pg_constraint where conrelid = 'delivery_reports_2024_05'::regclass and contype = 'c'";
    assert_eq!(database.value(constraints).await, json!(1));
}

#[tokio::test]
async fn a_table_that_only_has_the_name_of_a_partition_is_left_alone() {
    let database = migrated().await;
    database
        .execute(
            "create table delivery_reports_2024_05 (note text);
             create table delivery_reports_2024_06 (like delivery_reports including defaults);
             insert into delivery_reports_2024_06
             values ('2020-01-01', gen_random_uuid(), 'a', '', '', '', null, '', '::1', '{}');",
        )
        .await;
    put(&database, Month, &[datetime!(2024-05-10 9:00 UTC), datetime!(2024-06-10 9:00 UTC)]).await;
    let names = database
        .query(
            "select partition::text as name from callback_partitions
             where table_name = 'delivery_reports' and to_time < '2026-01-01Z' order by from_time",
        )
        .await;
    assert_eq!(
        names,
        json!([{ "name": "delivery_reports_2024_05_2" }, { "name": "delivery_reports_2024_06_2" }])
    );
    assert_eq!(database.value("select count(*) from delivery_reports_2024_06").await, json!(1));
}

#[tokio::test]
async fn services_that_need_the_same_partitions_at_once_make_each_once() {
    let database = migrated().await;
    let start = datetime!(2024-05-10 9:00 UTC);
    let mut services = tokio::task::JoinSet::new();
    for service in 0..6 {
        let mut writer = Writer::new(
            store(&database, if service % 2 == 0 { Day } else { Month }),
            Purpose::Ingest,
            Duration::from_secs(30),
        );
        services.spawn(async move {
            writer.connect().await.unwrap();
            for day in 0..20 {
                let row = report_of(start + time::Duration::days(2 * day));
                writer.insert(OnConflict::Fail, &[row]).await.unwrap();
            }
        });
    }
    services.join_all().await;
    assert_eq!(count(&database).await, json!(120));
}

#[tokio::test]
async fn a_service_with_daily_partitions_keeps_days_ready_and_a_late_row_gets_its_own_day() {
    let app = crate::support::app::TestApp::start_with(&[
        ("ROUTO_PARTITIONS__WIDTH", "day"),
        ("ROUTO_PARTITIONS__AHEAD", "2"),
    ])
    .await;
    let names = app
        .query("select partition::text as name from callback_partitions where table_name = 'inbound_messages' order by from_time")
        .await;
    let expected = app
        .query("select 'inbound_messages_' || to_char(now() at time zone 'utc' + make_interval(days => n), 'YYYY_MM_DD') as name from generate_series(0, 2) as n")
        .await;
    assert_eq!(names, expected);
    app.stop().await;
}
