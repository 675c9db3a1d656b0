//! What claims return to one consumer, step by step.

use serde_json::{Value, json};
use sqlx::Connection;

use super::rows;
use crate::support::eventually;
use crate::support::postgres::TestDatabase;

/// The texts that a claim returns, with their attempts.
async fn claim(database: &TestDatabase, arguments: &str) -> Value {
    database
        .query(&format!("select message, attempts from claim_inbound_messages({arguments})"))
        .await
}

#[tokio::test]
async fn a_message_is_handed_out_once_the_oldest_first() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-03-01', 'third'), a_message('2024-01-01', 'first'),
                    a_message('2024-01-01 00:00:01', 'first'), a_message('2024-02-01', 'second')",
        )
        .await;
    assert_eq!(
        claim(&database, "2").await,
        json!([{ "message": "first", "attempts": 2 }, { "message": "second", "attempts": 1 }])
    );
    assert_eq!(claim(&database, "2").await, json!([{ "message": "third", "attempts": 1 }]));
    assert_eq!(claim(&database, "2").await, json!([]));
    let unprocessed = "select count(*) from inbound_messages where processed_at is null";
    assert_eq!(database.value(unprocessed).await, json!(0));
}

#[tokio::test]
async fn a_claim_returns_rows_of_the_inbox() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01 00:00:00', 'x', dcs => null), a_message('2024-01-01 00:00:07', 'x', dcs => null)",
        )
        .await;
    let claimed = database.query("select * from claim_inbound_messages(1)").await;
    assert_eq!(claimed, database.query("select * from inbox").await);
    assert_eq!(claimed[0]["attempts"], json!(2));
    assert!(claimed[0]["processed_at"].is_string(), "{claimed}");
}

#[tokio::test]
async fn an_attempt_that_arrives_after_the_claim_belongs_to_the_claimed_message() {
    let database = rows::database().await;
    database.execute("select a_message('2024-01-01 00:01:00', 'x')").await;
    assert_eq!(claim(&database, "9").await, json!([{ "message": "x", "attempts": 1 }]));
    // A later attempt; an earlier one, from the spool; and one after the later one.
    for at in ["00:01:30", "00:00:30", "00:02:00"] {
        database.execute(&format!("select a_message('2024-01-01 {at}', 'x')")).await;
        assert_eq!(claim(&database, "9").await, json!([]), "{at}");
    }
    let found = database
        .query("select count(*), count(distinct processed_at) as times from inbound_messages where processed_at is not null")
        .await;
    assert_eq!(found, json!([{ "count": 4, "times": 1 }]));
    // The same text outside the window is another message.
    database.execute("select a_message('2024-01-01 00:03:01', 'x')").await;
    assert_eq!(claim(&database, "9").await, json!([{ "message": "x", "attempts": 1 }]));
}

#[tokio::test]
async fn an_attempt_that_is_processed_makes_its_message_processed_wherever_it_is() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01', 'x') from generate_series(1, 3);
             update inbound_messages set processed_at = '2024-01-02'
             where id = (select max(id::text)::uuid from inbound_messages)",
        )
        .await;
    assert_eq!(claim(&database, "9").await, json!([]));
    let processed =
        "select count(*) from inbound_messages where processed_at = timestamptz '2024-01-02'";
    assert_eq!(database.value(processed).await, json!(3));
}

#[tokio::test]
async fn consumers_do_not_wait_for_each_other_and_a_rollback_releases() {
    let database = rows::database().await;
    database.execute("select a_message('2024-01-01', 'a'), a_message('2024-01-02', 'b')").await;
    let mut first = database.connect().await;
    rows::execute(&mut first, "begin").await;
    let claimed = rows::value(&mut first, "select message from claim_inbound_messages(1)").await;
    assert_eq!(claimed, json!("a"));
    // Another attempt of a message that is being claimed is not handed out.
    database.execute("select a_message('2024-01-01 00:00:01', 'a')").await;
    assert_eq!(claim(&database, "9").await, json!([{ "message": "b", "attempts": 1 }]));
    assert_eq!(claim(&database, "9").await, json!([]));
    rows::execute(&mut first, "rollback").await;
    assert_eq!(claim(&database, "9").await, json!([{ "message": "a", "attempts": 2 }]));
}

#[tokio::test]
async fn the_claims_of_a_lost_connection_are_released() {
    let database = rows::database().await;
    database.execute("select a_message('2024-01-01', 'a')").await;
    let mut lost = database.connect().await;
    rows::execute(&mut lost, "begin").await;
    rows::query(&mut lost, "select id from claim_inbound_messages(1)").await;
    drop(lost);
    eventually("the message is there for another", || async {
        claim(&database, "1").await == json!([{ "message": "a", "attempts": 1 }])
    })
    .await;
}

#[tokio::test]
async fn release_after_a_commit_returns_whole_messages() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01 00:00:00', 'a'), a_message('2024-01-01 00:00:50', 'a'),
                    a_message('2024-01-31 23:59:59', 'b'), a_message('2024-02-01 00:00:30', 'b')",
        )
        .await;
    let all = json!([{ "message": "a", "attempts": 2 }, { "message": "b", "attempts": 2 }]);
    assert_eq!(claim(&database, "9").await, all);
    database.execute("select release_inbound_messages(array(select id from inbox))").await;
    assert_eq!(claim(&database, "9").await, all);
    // By the id of any attempt, and messages that were not claimed, too.
    database
        .execute(
            "select release_inbound_messages(array(select id from inbound_messages order by received_at desc limit 1));
             select release_inbound_messages('{}')",
        )
        .await;
    assert_eq!(claim(&database, "9").await, json!([{ "message": "b", "attempts": 2 }]));
}

#[tokio::test]
async fn a_consumer_can_ask_for_the_messages_of_one_account() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01', 'a'), a_message('2024-01-02', 'b', account => 'other')",
        )
        .await;
    assert_eq!(claim(&database, "9, 'other'").await, json!([{ "message": "b", "attempts": 1 }]));
    assert_eq!(claim(&database, "9, 'nobody'").await, json!([]));
    assert_eq!(
        claim(&database, "9, only_account => 'main'").await,
        json!([{ "message": "a", "attempts": 1 }])
    );
}

#[tokio::test]
async fn invalid_arguments_are_refused_with_what_to_do() {
    let database = rows::database().await;
    let cases = [
        ("select claim_inbound_messages(0)", "max_messages is 0"),
        ("select claim_inbound_messages(null)", "max_messages is null"),
        (
            "select release_inbound_messages(array[id_at('2024-01-01')])",
            "no inbound message has the id",
        ),
        (
            "select release_inbound_messages(array[gen_random_uuid()])",
            "no inbound message has the id",
        ),
    ];
    for (sql, expected) in cases {
        let refusal = rows::refusal(&database, sql).await;
        assert!(refusal.contains(expected), "{sql}: {refusal}");
    }
}

#[tokio::test]
async fn a_claim_of_many_messages_fits_into_one_transaction() {
    let database = rows::database().await;
    database
        .execute("select a_message('2024-01-01'::timestamptz + i * interval '1 s', 'm' || i) from generate_series(1, 10000) as i")
        .await;
    let mut connection = database.connect().await;
    let claimed =
        rows::value(&mut connection, "select count(*) from claim_inbound_messages(20000)").await;
    assert_eq!(claimed, json!(10_000));
    connection.close().await.unwrap();
}

#[tokio::test]
async fn an_id_contains_the_time_at_which_its_row_arrived() {
    let database = rows::database().await;
    let found = database
        .query(
            "select received_at_of(id_at(at)) = at as exact from unnest(array[
                 '1970-01-01 00:00+00', '2024-01-31 23:59:59.999999+00', '2024-02-29 12:00:00.000001+00'
             ]::timestamptz[]) as at
             union all select received_at_of(gen_random_uuid()) is null",
        )
        .await;
    assert_eq!(found, json!(vec![json!({ "exact": true }); 4]));
}

#[tokio::test]
async fn release_requires_read_committed_as_an_older_snapshot_may_miss_an_attempt() {
    let database = rows::database().await;
    database.execute("select a_message('2024-01-01', 'hello')").await;
    claim(&database, "1").await;
    let mut connection = database.connect().await;
    rows::execute(&mut connection, "begin isolation level repeatable read").await;
    let error = sqlx::query("select release_inbound_messages(array(select id from inbox))")
        .execute(&mut connection)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("repeatable read"), "{error}");
}

#[tokio::test]
async fn a_message_whose_id_another_program_made_is_claimed_and_released_too() {
    let database = rows::database().await;
    database.execute("select a_message('2024-01-01', 'hello')").await;
    database.execute("update inbound_messages set id = gen_random_uuid()").await;
    for _ in 0..2 {
        assert_eq!(claim(&database, "1").await, json!([{ "message": "hello", "attempts": 1 }]));
        database.execute("select release_inbound_messages(array(select id from inbox))").await;
    }
}
