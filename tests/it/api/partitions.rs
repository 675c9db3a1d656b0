//! Partitions: made ahead, made on demand, and attached again.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::eventually;

/// Executes a statement for each partition of these tables; `%s` stands for its name.
async fn for_each_partition(app: &TestApp, tables: &str, statement: &str) {
    app.database
        .execute(&format!(
            "do $$ declare partition regclass; begin
                 for partition in select inhrelid::regclass from pg_inherits
                     where inhparent in ({tables})
                 loop execute format('{statement}', partition); end loop;
             end $$;"
        ))
        .await;
}

#[tokio::test]
async fn a_missing_partition_is_made_on_demand() {
    let app = TestApp::start().await;
    let tables = "'delivery_reports'::regclass, 'inbound_messages'::regclass";
    for_each_partition(&app, tables, "drop table %s").await;
    assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 200);
    assert_eq!(app.message("message=m").await.status, 200);
    assert_eq!(app.rows().await, json!(2));
    app.stop().await;
}

#[tokio::test]
async fn a_partition_that_was_detached_is_attached_again() {
    let app = TestApp::start().await;
    let detach = "alter table delivery_reports detach partition %s";
    for_each_partition(&app, "'delivery_reports'::regclass", detach).await;
    assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 200);
    eventually("stored", || async { app.rows().await == json!(1) }).await;
    app.stop().await;
}

#[tokio::test]
async fn partitions_are_made_ahead() {
    let app = TestApp::start_with(&[("ROUTO_PARTITIONS__AHEAD", "2")]).await;
    let partitions = app
        .query("select inhrelid::regclass::text as name from pg_inherits where inhparent = 'delivery_reports'::regclass order by 1")
        .await;
    let expected = app
        .query("select 'delivery_reports_' || to_char(date_trunc('month', now() at time zone 'utc') + make_interval(months => n), 'YYYY_MM') as name from generate_series(0, 2) as n order by 1")
        .await;
    assert_eq!(partitions, expected);
    app.stop().await;
}
