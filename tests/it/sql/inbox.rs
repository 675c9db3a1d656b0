//! Repeated attempts are one message.

use serde_json::{Value, json};

use super::rows;

/// When attempts arrive, in seconds, each with its text. For each message, in order: the text, when the
/// first attempt arrived, how many attempts there were, when the last arrived.
type Case = (&'static [(f64, &'static str)], &'static [(&'static str, f64, u32, f64)]);

#[tokio::test]
async fn attempts_of_one_message_are_one_row_and_the_same_text_later_is_another() {
    let cases: [Case; 8] = [
        (&[(0., "a")], &[("a", 0., 1, 0.)]),
        (&[(0., "a"), (2., "a"), (4., "a"), (6., "a")], &[("a", 0., 4, 6.)]),
        (&[(0., "a"), (60., "a")], &[("a", 0., 2, 60.)]),
        (&[(0., "a"), (60.000_001, "a")], &[("a", 0., 1, 0.), ("a", 60.000_001, 1, 60.000_001)]),
        // The window counts from attempt to attempt, not from the first.
        (&[(0., "a"), (50., "a"), (100., "a")], &[("a", 0., 3, 100.)]),
        (&[(0., "a"), (1., "A"), (2., "a")], &[("a", 0., 2, 2.), ("A", 1., 1, 1.)]),
        (&[(0., ""), (1., "")], &[("", 0., 2, 1.)]),
        // Two replicas at the same moment.
        (&[(0., "a"), (0., "a"), (0., "a")], &[("a", 0., 3, 0.)]),
    ];
    let database = rows::database().await;
    for (number, (attempts, expected)) in cases.iter().enumerate() {
        // Across the boundary of two partitions.
        let start = "timestamptz '2024-01-31 23:59:59.5+00'";
        for (second, text) in *attempts {
            let sql =
                format!("select a_message({start} + interval '{second} s', '{text}', 'o{number}')");
            database.query(&sql).await;
        }
        let found = database
            .query(&format!(
                "select message, extract(epoch from first_received_at - {start})::float as first, attempts,
                        extract(epoch from last_received_at - {start})::float as last,
                        received_at = first_received_at as same
                 from inbox where org = 'o{number}' order by received_at"
            ))
            .await;
        let expected: Vec<Value> = expected
            .iter()
            .map(|(message, first, attempts, last)| {
                json!({ "message": message, "first": first, "attempts": attempts, "last": last, "same": true })
            })
            .collect();
        // Numbers are compared as numbers: 0 is 0.0.
        assert_eq!(
            found.to_string().replace(".0,", ","),
            json!(expected).to_string().replace(".0,", ","),
            "{attempts:?}"
        );
    }
}

#[tokio::test]
async fn a_difference_in_anything_that_was_sent_makes_another_message() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01', 'x'), a_message('2024-01-01', 'x', org => '442'),
                    a_message('2024-01-01', 'x', dest => '448'), a_message('2024-01-01', 'x', account => 'other'),
                    a_message('2024-01-01', 'x', dcs => '8'), a_message('2024-01-01', 'x', dcs => null),
                    a_message('2024-01-01', 'x', extra => jsonb_build_object('udh', '050003010201')),
                    a_message('2024-01-01', 'x', extra => jsonb_build_object('udh', '050003010202'));
             -- No dcs is a dcs like others: this repeats the last.
             select a_message('2024-01-01 00:00:01', 'x', dcs => null)",
        )
        .await;
    let found =
        database.query("select attempts, count(*) from inbox group by attempts order by 1").await;
    assert_eq!(found, json!([{ "attempts": 1, "count": 7 }, { "attempts": 2, "count": 1 }]));
}

#[tokio::test]
async fn the_first_of_two_attempts_at_the_same_moment_is_that_with_the_smaller_id() {
    let database = rows::database().await;
    database.execute("select a_message('2024-01-01', 'x') from generate_series(1, 5)").await;
    let found = database
        .query("select inbox.id = (select id from inbound_messages order by id limit 1) as smallest, attempts from inbox")
        .await;
    assert_eq!(found, json!([{ "smallest": true, "attempts": 5 }]));
}

#[tokio::test]
async fn the_window_is_a_setting_and_takes_effect_at_once() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01 00:00:00', 'x'), a_message('2024-01-01 00:02:24', 'x')",
        )
        .await;
    let messages = "select count(*) from inbox";
    assert_eq!(database.value(messages).await, json!(2));
    database.execute("update settings set attempt_window = '3 minutes'").await;
    assert_eq!(database.value(messages).await, json!(1));
    for window in ["-1 s", "61 minutes"] {
        let refusal =
            rows::refusal(&database, &format!("update settings set attempt_window = '{window}'"))
                .await;
        assert!(refusal.contains("attempt_window_is_between_0_and_1_hour"), "{refusal}");
    }
    let refusal = rows::refusal(&database, "insert into settings (only_row) values (false)").await;
    assert!(refusal.contains("settings_is_one_row"), "{refusal}");
}

#[tokio::test]
async fn m15_attempts_may_differ_in_the_parameters_that_number_them_and_in_their_transport() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01 00:00:00', 'x', extra => '{\"attempt\": \"1\", \"udh\": \"01\"}'),
                    a_message('2024-01-01 00:00:01', 'x', extra => '{\"attempt\": \"2\", \"udh\": \"01\"}'),
                    a_message('2024-01-01 00:00:02', 'x', extra => '{\"udh\": \"01\", \"retry\": [\"3\", \"b\"]}'),
                    a_message('2024-01-01 00:00:03', 'x', extra => '{\"attempt\": \"1\", \"udh\": \"02\"}');
             update inbound_messages set transport = 'http-get', remote_addr = '192.0.2.1'
             where received_at = '2024-01-01 00:00:01'",
        )
        .await;
    let attempts = "select attempts from inbox order by received_at";
    let of = |attempts: &[u32]| -> Value {
        attempts.iter().map(|attempts| json!({ "attempts": attempts })).collect()
    };
    assert_eq!(database.query(attempts).await, of(&[1, 1, 1, 1]));
    database.execute("update settings set attempt_parameters = '{attempt}'").await;
    assert_eq!(database.query(attempts).await, of(&[2, 1, 1]));
    database.execute("update settings set attempt_parameters = '{attempt, retry}'").await;
    assert_eq!(database.query(attempts).await, of(&[3, 1]));
    let claimed = "select attempts from claim_inbound_messages(9)";
    assert_eq!(database.query(claimed).await, of(&[3, 1]));
    let open = "select count(*) from inbound_messages where processed_at is null";
    assert_eq!(database.value(open).await, json!(0));
    let refusal =
        rows::refusal(&database, "update settings set attempt_parameters = '{a, null}'").await;
    assert!(refusal.contains("attempt_parameters_have_names"), "{refusal}");
}

#[tokio::test]
async fn a_message_is_processed_when_any_of_its_attempts_is() {
    let database = rows::database().await;
    database
        .execute(
            "select a_message('2024-01-01 00:00:00', 'x'), a_message('2024-01-01 00:00:01', 'x');
             update inbound_messages set processed_at = '2024-01-02' where received_at > '2024-01-01'",
        )
        .await;
    let found = database.value("select processed_at = timestamptz '2024-01-02' from inbox").await;
    assert_eq!(found, json!(true));
}

/// The same definition, written plainly: the whole table sorted by content and time. Correct, but slow.
const BY_SORTING: &str = "
    select distinct on (org, message_raw, occurrence)
        id, count(*) over message as attempts, max(received_at) over message as last_received_at
    from (
        select *, count(*) filter (where is_first) over (partition by org, message_raw order by received_at, id) as occurrence
        from (
            select *, received_at - lag(received_at) over (partition by org, message_raw order by received_at, id)
                <= interval '60 seconds' is not true as is_first
            from inbound_messages
        ) as attempt
    ) as numbered
    window message as (partition by org, message_raw, occurrence)
    order by org, message_raw, occurrence, received_at, id";

#[tokio::test]
async fn looking_back_from_each_row_gives_the_same_result_as_sorting_the_table() {
    let database = rows::database().await;
    // Three numbers, two texts, gaps around the window and of zero, in two partitions.
    database
        .execute(
            "select setseed(0.4);
             select a_message(
                 '2024-01-31 12:00+00'::timestamptz + interval '1 s' * floor(random() * 86400),
                 'text ' || floor(random() * 2), 'o' || floor(random() * 3))
             from generate_series(1, 9000)",
        )
        .await;
    let differences = database
        .query(&format!(
            "with looked as (select id, attempts, last_received_at from inbox),
                  sorted as ({BY_SORTING})
             (table looked except table sorted) union all (table sorted except table looked)"
        ))
        .await;
    assert_eq!(differences, json!([]));
    let found = database
        .query("select count(*) > 1000 as many, max(attempts) > 4 as long from inbox")
        .await;
    assert_eq!(found, json!([{ "many": true, "long": true }]));
}
