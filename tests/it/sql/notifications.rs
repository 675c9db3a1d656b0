//! Listeners are notified of new rows, once per table and commit.

use serde_json::{Value, json};
use sqlx::postgres::PgListener;

use super::rows;
use crate::support::app::TestApp;
use crate::support::postgres::TestDatabase;

async fn listen(database: &TestDatabase) -> PgListener {
    let mut listener = PgListener::connect(&database.url()).await.unwrap();
    listener.listen("routo_receiver").await.unwrap();
    listener
}

async fn next(listener: &mut PgListener) -> Value {
    serde_json::from_str(listener.recv().await.unwrap().payload()).unwrap()
}

/// Notifications arrive in the order of the commits: what arrives before this one is complete.
const END: &str = "insert into rejected_callbacks (received_at, id, account, kind, reason, request, transport, remote_addr)
    values (now(), gen_random_uuid(), 'main', 'delivery-report', '', '{}', 'http-get', '::1');";

#[tokio::test]
async fn a_commit_of_many_rows_is_one_notification_a_table() {
    let database = rows::database().await;
    let mut listener = listen(&database).await;
    database
        .execute(
            "begin;
             select a_report('2024-01-01', 'm' || i, '0') from generate_series(1, 100) as i;
             select a_message('2024-01-01', 'm' || i) from generate_series(1, 100) as i;
             select a_report('2024-02-01', 'm', '0');
             commit;",
        )
        .await;
    database.execute(END).await;
    assert_eq!(next(&mut listener).await, json!({ "table": "delivery_reports" }));
    assert_eq!(next(&mut listener).await, json!({ "table": "inbound_messages" }));
    assert_eq!(next(&mut listener).await, json!({ "table": "rejected_callbacks" }));
}

#[tokio::test]
async fn a_rollback_notifies_nobody_and_neither_does_anything_when_the_setting_is_off() {
    let database = rows::database().await;
    let mut listener = listen(&database).await;
    database
        .execute(
            "begin; select a_report('2024-01-01', 'm', '0'); rollback;
             update settings set notify = false;
             select a_report('2024-01-01', 'm', '0'), a_message('2024-01-01', 'm');
             update settings set notify = true",
        )
        .await;
    database.execute(END).await;
    assert_eq!(next(&mut listener).await, json!({ "table": "rejected_callbacks" }));
}

#[tokio::test]
async fn callbacks_that_the_service_stores_are_notified_and_its_probes_are_not() {
    let app = TestApp::start().await;
    let mut listener = listen(&app.database).await;
    assert_eq!(app.message("message=x").await.status, 200);
    assert_eq!(next(&mut listener).await, json!({ "table": "inbound_messages" }));
    assert_eq!(app.report("mess_id=m1&status=0&number=44").await.status, 200);
    assert_eq!(next(&mut listener).await, json!({ "table": "delivery_reports" }));
    app.stop().await;
}

/// The trigger runs as the service, whose role may lack a search path and every right that it does not
/// need.
#[tokio::test]
async fn a_role_that_may_insert_needs_no_further_privilege_and_no_search_path() {
    let database = rows::database().await;
    let mut listener = listen(&database).await;
    database
        .execute(
            "create role inserts_only;
             grant insert on delivery_reports to inserts_only;
             set role inserts_only;
             set search_path = pg_catalog;
             insert into public.delivery_reports (received_at, id, account, mess_id, number, status, transport, remote_addr, extra)
             values ('2024-01-01', gen_random_uuid(), 'main', 'm', '44', '0', 'http-get', '::1', '{}');
             reset role;
             drop owned by inserts_only;
             drop role inserts_only;",
        )
        .await;
    assert_eq!(next(&mut listener).await, json!({ "table": "delivery_reports" }));
}
