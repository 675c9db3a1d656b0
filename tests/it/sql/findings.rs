//! The views `unfinished_messages`, `suspected_duplicates` and `undecodable_messages`.

use serde_json::json;

use super::rows;

#[tokio::test]
async fn unfinished_messages_are_those_whose_current_status_is_not_final() {
    let database = rows::database().await;
    // Few messages and many reports of any status, in random order, over two partitions.
    database
        .execute(
            "select setseed(0.1);
             select a_report(
                 '2024-01-31 23:00+00'::timestamptz + interval '1 s' * floor(random() * 7200),
                 'm' || floor(random() * 400),
                 (array['250', '247', '33', 'x', '0', '2'])[1 + floor(random() * (case when i % 3 = 0 then 6 else 4 end))],
                 number => 'n' || floor(random() * 2))
             from generate_series(1, 1500) as i;
             select a_report('2024-01-31', 'twice', '250') from generate_series(1, 2)",
        )
        .await;
    let columns = "account, mess_id, number, status, status_code, description, last_report_at";
    let differences = database
        .query(&format!(
            "with expected as (select {columns} from message_status where not final),
                  found as (select {columns} from unfinished_messages)
             (table expected except all table found) union all (table found except all table expected)"
        ))
        .await;
    assert_eq!(differences, json!([]));
    let both = database
        .query("select count(*) filter (where final) > 50 as finished, count(*) filter (where not final) > 50 as unfinished from message_status")
        .await;
    assert_eq!(both, json!([{ "finished": true, "unfinished": true }]));
}

#[tokio::test]
async fn the_time_since_the_last_report_finds_messages_that_have_waited_too_long() {
    let database = rows::database().await;
    database
        .execute(
            "select a_report(now() - interval '90 minutes', 'waits', '250'),
                    a_report(now() - interval '90 minutes', 'moved', '250'), a_report(now() - interval '30 minutes', 'moved', '247'),
                    a_report(now() - interval '90 minutes', 'done', '250'), a_report(now(), 'done', '0'),
                    a_report(now() - interval '91 minutes', 'done early', '0'), a_report(now() - interval '90 minutes', 'done early', '250')",
        )
        .await;
    let found = database
        .query("select mess_id, floor(hours_since_last_report * 10) as tenths from unfinished_messages where hours_since_last_report > 1")
        .await;
    assert_eq!(found, json!([{ "mess_id": "waits", "tenths": 15 }]));
}

#[tokio::test]
async fn a_repetition_within_a_day_is_a_suspected_duplicate() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01 00:00:00', 'attempts'), a_message('2024-01-01 00:00:02', 'attempts'),
                    a_message('2024-01-31 23:55:00+00', 'again'), a_message('2024-01-31 23:55:02+00', 'again'),
                    a_message('2024-02-01 00:01:00+00', 'again'),
                    a_message('2024-01-01', 'later'), a_message('2024-01-02 00:00:01', 'later'),
                    a_message('2024-01-01', 'others'), a_message('2024-01-01 00:10:00', 'others', org => '442'),
                    a_message('2024-01-01', 'parts', extra => jsonb_build_object('udh', '01')),
                    a_message('2024-01-01 00:10:00', 'parts', extra => jsonb_build_object('udh', '02'));
             select a_report('2024-01-31 23:59:00+00', 'm1', '0'), a_report('2024-02-01 00:00:01+00', 'm1', '0'),
                    a_report('2024-01-01', 'm2', '250'), a_report('2024-01-01 00:00:01', 'm2', '0'),
                    a_report('2024-01-01', 'm3', '0', number => '1'), a_report('2024-01-01', 'm3', '0', number => '2'),
                    a_report('2024-01-01', 'm4', '0'), a_report('2024-01-02 00:00:01', 'm4', '0')",
        )
        .await;
    let found = database
        .query("select kind, number, content, gap, received_at - previous_received_at = gap as consistent from suspected_duplicates order by kind desc")
        .await;
    assert_eq!(
        found,
        json!([
            { "kind": "inbound-message", "number": "441", "content": "again", "gap": "00:05:58", "consistent": true },
            { "kind": "delivery-report", "number": "44", "content": "m1: 0", "gap": "00:01:01", "consistent": true },
        ])
    );
}

#[tokio::test]
async fn each_message_that_was_not_fully_decoded_is_found_once() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01 00:00:00', 'broken', charset => 'utf-8-failed'),
                    a_message('2024-01-01 00:00:01', 'broken', charset => 'utf-8-failed'),
                    a_message('2024-01-01', 'whole'), a_message('2024-01-01', '', charset => 'binary')",
        )
        .await;
    let found = database.query("select message, charset from undecodable_messages").await;
    assert_eq!(found, json!([{ "message": "broken", "charset": "utf-8-failed" }]));
}
