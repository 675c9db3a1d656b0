//! Batches, refused rows, and how rows are committed.

use rand::RngExt;
use serde_json::json;

use crate::support::app::{LOGIN, TOKEN, TestApp};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;

use super::outages::report;

/// Postgres refuses it: a btree entry has at most 2,704 bytes, and this does not compress.
fn mess_id_too_large_for_its_index() -> String {
    let mut random = rand::rng();
    (0..6_000).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect()
}

#[tokio::test]
async fn a_row_that_postgres_refuses_does_not_fail_its_neighbours() {
    let app = TestApp::start().await;
    let poison = mess_id_too_large_for_its_index();
    let mut sent = tokio::task::JoinSet::new();
    for place in 0..500 {
        let mess_id = if place == 250 { poison.clone() } else { format!("m{place}") };
        let request =
            get(&format!("/delivery-reports/{TOKEN}?status=0&number=1&mess_id={mess_id}"));
        sent.spawn(send(app.http, request));
    }
    let answers = sent.join_all().await;
    // What is kept is answered 200: another attempt would be refused, too.
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 500);

    assert_eq!(
        app.database.value("select count(distinct mess_id) from delivery_reports").await,
        json!(499)
    );
    let rejected = app
        .query("select kind, reason, request->>'parameters' as parameters from rejected_callbacks")
        .await;
    assert_eq!(rejected.as_array().unwrap().len(), 1);
    assert_eq!(rejected[0]["kind"], "delivery-report");
    assert!(rejected[0]["reason"].as_str().unwrap().starts_with("refused by Postgres (54000): "));
    assert_eq!(rejected[0]["parameters"], format!("mess_id={poison}&status=0&number=1"));
    app.stop().await;
}

#[tokio::test]
async fn callbacks_of_all_kinds_share_a_transaction() {
    let app = TestApp::start().await;
    let kinds = [
        format!("/delivery-reports/{TOKEN}?status=0&number=1&mess_id=m"),
        format!("/inbound-messages?{LOGIN}&org=1&dest=2&message=m"),
        format!("/delivery-reports/{TOKEN}?status=0"),
    ];
    let mut sent = tokio::task::JoinSet::new();
    for place in 0..300 {
        sent.spawn(send(app.http, get(&kinds[place % 3])));
    }
    let answers = sent.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 200);
    assert_eq!(answers.iter().filter(|answer| answer.status == 400).count(), 100);
    assert_eq!(app.rows().await, json!(300));
    let transactions = app
        .database
        .value(
            "select count(distinct xmin::text) from (
                 select xmin from delivery_reports union all select xmin from inbound_messages
                 union all select xmin from rejected_callbacks
             ) as rows",
        )
        .await;
    assert!(transactions.as_u64().unwrap() < 300, "{transactions} transactions");
    app.stop().await;
}

/// Makes asynchronous commits the database's default, and has each report note the setting in force
/// when its transaction commits.
pub(super) async fn commit_asynchronously_and_note_it(database: &TestDatabase) {
    set_default(database, "off").await;
    database
        .execute(
            "create table seen (setting text);
             create function note() returns trigger language plpgsql as $$ begin
                 insert into seen values (current_setting('synchronous_commit'));
                 return new;
             end $$;
             create constraint trigger note after insert on delivery_reports
                 deferrable initially deferred for each row execute function note()",
        )
        .await;
}

async fn set_default(database: &TestDatabase, synchronous_commit: &str) {
    database
        .execute(&format!(
            "do $$ begin
                 execute format('alter database %I set synchronous_commit = {synchronous_commit}', current_database());
             end $$"
        ))
        .await;
}

/// Said by the insert itself, and for its transaction only: a pooler may give the next one another
/// session.
#[tokio::test]
async fn commits_are_synchronous_whatever_the_databases_default_and_a_stricter_one_stays() {
    let app = TestApp::start().await;
    commit_asynchronously_and_note_it(&app.database).await;
    for (default, expected) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        set_default(&app.database, default).await;
        app.disconnect().await;
        app.database.execute("truncate seen").await;
        assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 200);
        assert_eq!(app.query("select setting from seen").await, json!([{ "setting": expected }]));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_a_trigger_of_the_users_refuses_does_not_fail_its_neighbours() {
    let app = TestApp::start().await;
    app.database
        .execute(
            "create function refuse() returns trigger language plpgsql as $$ begin
                 if new.mess_id = 'bad' then raise exception 'bad row for number %', new.number; end if;
                 return new;
             end $$;
             create trigger refuse before insert on delivery_reports for each row execute function refuse();",
        )
        .await;
    let mut sent = tokio::task::JoinSet::new();
    for place in 0..100 {
        let mess_id = if place == 50 { "bad" } else { "good" };
        sent.spawn(send(
            app.http,
            get(&format!("/delivery-reports/{TOKEN}?status=0&number=1&mess_id={mess_id}")),
        ));
    }
    let answers = sent.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 100);
    assert_eq!(app.rows().await, json!(100));
    app.stop().await;
}

#[tokio::test]
async fn a_full_queue_is_answered_503_and_nothing_is_acknowledged_that_is_not_stored() {
    let app = TestApp::start_with(&[
        ("ROUTO_INGEST__QUEUE_CAPACITY", "1"),
        ("ROUTO_INGEST__MAX_BATCH_ROWS", "1"),
    ])
    .await;
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..200 {
        sent.spawn(send(app.http, report()));
    }
    let answers = sent.join_all().await;
    let acknowledged = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(acknowledged > 0 && !refused.is_empty(), "{acknowledged} acknowledged");
    assert_eq!(acknowledged + refused.len(), answers.len());
    assert!(refused.iter().all(|answer| answer.body == "too many callbacks at once"));
    assert_eq!(app.rows().await, json!(acknowledged));
    app.stop().await;
}
