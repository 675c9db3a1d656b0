//! Counts by minute, hour and day.

use serde_json::json;

use super::rows;

#[tokio::test]
async fn outcomes_are_counted_by_hour_and_by_day_over_months() {
    let database = rows::database().await;
    database
        .execute(
            "select a_report('2024-01-31 23:59:59.999999+00', 'm1', '250'), a_report('2024-02-01 00:00:00+00', 'm1', '0'),
                    a_report('2024-02-01 00:59:59+00', 'm2', '2'), a_report('2024-02-01 00:30+00', 'm3', '33'),
                    a_report('2024-02-01 00:30+00', 'm4', 'DELIVRD'), a_report('2024-02-01 00:30+00', 'm5', '0', account => 'other'),
                    a_report('2024-02-01 05:00+00', 'm6', '0'), a_report('2024-04-01 00:00+00', 'm7', '0')",
        )
        .await;
    let row = |time: &str, account: &str, counts: [u32; 5]| {
        json!({ "time": time, "account": account, "reports": counts[0], "delivered": counts[1],
                "pending": counts[2], "failed": counts[3], "unknown": counts[4] })
    };
    let by_hour = database
        .query(
            "select to_char(hour at time zone 'utc', 'MM-DD HH24:MI') as time, account, reports, delivered, pending, failed, unknown
             from delivery_outcomes_by_hour order by hour, account",
        )
        .await;
    assert_eq!(
        by_hour,
        json!([
            row("01-31 23:00", "main", [1, 0, 1, 0, 0]),
            row("02-01 00:00", "main", [4, 1, 0, 1, 2]),
            row("02-01 00:00", "other", [1, 1, 0, 0, 0]),
            row("02-01 05:00", "main", [1, 1, 0, 0, 0]),
            row("04-01 00:00", "main", [1, 1, 0, 0, 0]),
        ])
    );
    let mut connection = database.connect().await;
    rows::execute(&mut connection, "set timezone = 'utc'").await;
    let by_day = "select to_char(day, 'MM-DD') as time, account, reports, delivered, pending, failed, unknown
                  from delivery_outcomes_by_day where day >= '2024-02-01' order by day, account";
    assert_eq!(
        rows::query(&mut connection, by_day).await,
        json!([
            row("02-01", "main", [5, 2, 0, 1, 2]),
            row("02-01", "other", [1, 1, 0, 0, 0]),
            row("04-01", "main", [1, 1, 0, 0, 0]),
        ])
    );
}

#[tokio::test]
async fn days_are_those_of_the_session_s_time_zone_even_if_clocks_change_at_midnight() {
    let database = rows::database().await;
    rows::partition(&database, "2018-11-01", "2018-12-01").await;
    // In Sao Paulo 2018-11-04 began at 1 o'clock.
    database
        .execute(
            "set timezone = 'America/Sao_Paulo';
             select a_report('2018-11-03 12:00', 'm', '0'), a_report('2018-11-04 01:00', 'm', '0'),
                    a_report('2018-11-05 00:30', 'm', '0'), a_report('2018-11-05 23:30', 'm', '2')",
        )
        .await;
    let mut connection = database.connect().await;
    for (zone, days) in [
        ("America/Sao_Paulo", json!([["2018-11-03", 1], ["2018-11-04", 1], ["2018-11-05", 2]])),
        ("Asia/Tokyo", json!([["2018-11-04", 2], ["2018-11-05", 1], ["2018-11-06", 1]])),
    ] {
        rows::execute(&mut connection, format!("set timezone = '{zone}'")).await;
        let found = rows::value(
            &mut connection,
            "select jsonb_agg(jsonb_build_array(day, reports) order by day) from delivery_outcomes_by_day",
        )
        .await;
        assert_eq!(found, days, "{zone}");
    }
}

#[tokio::test]
async fn reasons_of_failures_are_counted_by_day() {
    let database = rows::database().await;
    database
        .execute(
            "select a_report('2024-01-31 12:00+00', 'm1', '2'), a_report('2024-01-31 13:00+00', 'm2', '2'),
                    a_report('2024-01-31 12:00+00', 'm3', '-1'), a_report('2024-01-31 12:00+00', 'm4', '0'),
                    a_report('2024-01-31 12:00+00', 'm5', '250'), a_report('2024-02-01 12:00+00', 'm6', '253')",
        )
        .await;
    let found = database
        .query(
            "select day, status, description, smpp_state, outcome, reports from failure_reasons_by_day
             where day between '2024-01-31' and '2024-02-01' order by day, status",
        )
        .await;
    assert_eq!(
        found,
        json!([
            { "day": "2024-01-31", "status": "-1", "description": null, "smpp_state": null, "outcome": "unknown", "reports": 1 },
            { "day": "2024-01-31", "status": "2", "description": "Subscriber absent", "smpp_state": "UNKNOWN", "outcome": "failed", "reports": 2 },
            { "day": "2024-02-01", "status": "253", "description": "Expired", "smpp_state": "EXPIRED", "outcome": "failed", "reports": 1 },
        ])
    );
}

#[tokio::test]
async fn messages_are_counted_by_long_number_and_day_each_once() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-31 12:00:00+00', 'x'), a_message('2024-01-31 12:00:02+00', 'x'),
                    a_message('2024-01-31 12:00:00+00', 'y', org => '442', charset => 'utf-8-failed'),
                    a_message('2024-01-31 12:00:00+00', 'x', dest => '448'), a_message('2024-02-01 12:00+00', 'x')",
        )
        .await;
    let found = database
        .query("select day, dest, messages, attempts, senders, undecodable from inbound_by_day order by day, dest")
        .await;
    let row = |day: &str, dest: &str, counts: [u32; 4]| {
        json!({ "day": day, "dest": dest, "messages": counts[0], "attempts": counts[1],
                "senders": counts[2], "undecodable": counts[3] })
    };
    assert_eq!(
        found,
        json!([
            row("2024-01-31", "447", [2, 3, 2, 1]),
            row("2024-01-31", "448", [1, 1, 1, 0]),
            row("2024-02-01", "447", [1, 1, 1, 0]),
        ])
    );
}

#[tokio::test]
async fn callbacks_of_the_last_hour_are_counted_by_minute_including_empty_minutes() {
    let database = rows::database().await;
    let mut connection = database.connect().await;
    // One transaction, so that now() does not advance.
    rows::execute(
        &mut connection,
        "begin;
         select a_report(now(), 'm1', '0'), a_report(now() - interval '10 minutes', 'm2', '0'),
                a_message(now() - interval '10 minutes', 'x'), a_message(date_trunc('minute', now()) - interval '59 minutes', 'y'),
                a_report(date_trunc('minute', now()) - interval '59 minutes 1 second', 'too old', '0');
         insert into rejected_callbacks (received_at, id, account, kind, reason, request, transport, remote_addr)
         values (now(), gen_random_uuid(), 'main', 'delivery-report', '', '{}', 'http-get', '::1')",
    )
    .await;
    let minutes = rows::query(
        &mut connection,
        "select extract(epoch from date_trunc('minute', now()) - minute)::integer / 60 as ago,
                callbacks, delivery_reports, inbound_messages, rejected_callbacks
         from callbacks_per_minute order by minute",
    )
    .await;
    let minutes = minutes.as_array().unwrap();
    assert_eq!(minutes.len(), 60);
    for (position, minute) in minutes.iter().enumerate() {
        let counts = match position {
            59 => [2, 1, 0, 1],
            49 => [2, 1, 1, 0],
            0 => [1, 0, 1, 0],
            _ => [0; 4],
        };
        assert_eq!(
            minute,
            &json!({ "ago": 59 - position, "callbacks": counts[0], "delivery_reports": counts[1],
                     "inbound_messages": counts[2], "rejected_callbacks": counts[3] })
        );
    }
}

#[tokio::test]
async fn summaries_of_nothing_are_empty() {
    let database = rows::database().await;
    for view in [
        "delivery_outcomes_by_hour",
        "delivery_outcomes_by_day",
        "failure_reasons_by_day",
        "inbound_by_day",
        "unfinished_messages",
        "suspected_duplicates",
        "undecodable_messages",
    ] {
        assert_eq!(database.query(&format!("select * from {view}")).await, json!([]), "{view}");
    }
}

#[tokio::test]
async fn a_day_with_two_midnights_begins_with_the_first() {
    let database = rows::database().await;
    rows::partition(&database, "2024-10-01", "2024-12-01").await;
    // In Havana 2024-11-03 began at 04:00 UTC, and again at 05:00; in the Azores 2024-10-27 at 00:00
    // UTC, and again at 01:00.
    database
        .execute(
            "select a_report('2024-11-03 03:59Z', 'a', '0'), a_report('2024-11-03 04:30Z', 'b', '2'),
                    a_report('2024-11-03 05:30Z', 'c', '2'), a_message('2024-11-03 04:30Z', 'd'),
                    a_report('2024-10-26 12:00Z', 'e', '0'), a_report('2024-10-27 00:30Z', 'f', '0')",
        )
        .await;
    let mut connection = database.connect().await;
    for (zone, query, expected) in [
        (
            "America/Havana",
            "select to_char(day, 'MM-DD') as day, reports from delivery_outcomes_by_day where day > '2024-11-01' order by day",
            json!([{ "day": "11-02", "reports": 1 }, { "day": "11-03", "reports": 2 }]),
        ),
        (
            "America/Havana",
            "select to_char(day, 'MM-DD') as day, reports from failure_reasons_by_day order by day",
            json!([{ "day": "11-03", "reports": 2 }]),
        ),
        (
            "America/Havana",
            "select to_char(day, 'MM-DD') as day, messages from inbound_by_day order by day",
            json!([{ "day": "11-03", "messages": 1 }]),
        ),
        (
            "Atlantic/Azores",
            "select to_char(day, 'MM-DD') as day, reports from delivery_outcomes_by_day where day < '2024-11-01' order by day",
            json!([{ "day": "10-26", "reports": 1 }, { "day": "10-27", "reports": 1 }]),
        ),
    ] {
        rows::execute(&mut connection, &format!("set timezone = '{zone}'")).await;
        assert_eq!(rows::query(&mut connection, query).await, expected, "{zone} {query}");
    }
}
