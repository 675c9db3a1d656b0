//! The current status of a message, in whatever order its reports arrive.

use serde_json::json;

use super::rows;
use super::schema::migrated;

#[tokio::test]
async fn final_outranks_pending_and_among_equals_the_latest_counts() {
    // Reports in the order they arrive; the current status; delivered and failed reports.
    let cases: [(&[&str], &str, u32, u32); 17] = [
        (&["250"], "250", 0, 0),
        (&["250", "0"], "0", 1, 0),
        (&["0", "250"], "0", 1, 0),
        (&["250", "0", "247"], "0", 1, 0),
        (&["250", "248"], "248", 0, 0),
        (&["0", "0", "0"], "0", 3, 0),
        (&["2", "0"], "0", 1, 1),
        (&["0", "2"], "2", 1, 1),
        (&["33"], "33", 0, 0),
        (&["250", "33"], "33", 0, 0),
        (&["0", "33", "DELIVRD"], "0", 1, 0),
        (&["253", "-1"], "253", 0, 1),
        (&["247"], "247", 0, 0),
        (&["-1", "-2"], "-2", 0, 0),
        // The segments of a long message.
        (&["0", "2", "0"], "0", 2, 1),
        (&["250", "250", "0", "253", "251"], "251", 1, 2),
        (&["100", "250", "88"], "88", 0, 2),
    ];
    let database = migrated().await;
    let mut inserts = String::new();
    for (message, (reports, ..)) in cases.iter().enumerate() {
        for (second, status) in reports.iter().enumerate() {
            let code = status.parse::<i32>().map_or("null".to_owned(), |code| code.to_string());
            inserts.push_str(&format!(
                "insert into delivery_reports values (date_trunc('second', now()) + interval '{second} s',
                     gen_random_uuid(), 'main', 'm{message}', '44', '{status}', {code}, 'http-get', '::1', '{{}}');"
            ));
        }
    }
    database.execute(&inserts).await;
    for (message, (reports, status, delivered, failed)) in cases.iter().enumerate() {
        let found = database
            .query(&format!(
                "select status, reports, delivered_reports, failed_reports,
                        extract(epoch from last_report_at - first_report_at)::int as seconds
                 from message_status where mess_id = 'm{message}'"
            ))
            .await;
        assert_eq!(
            found,
            json!([{ "status": status, "reports": reports.len(), "delivered_reports": delivered,
                     "failed_reports": failed, "seconds": reports.len() - 1 }]),
            "{reports:?}"
        );
    }
}

#[tokio::test]
async fn the_status_of_one_message_is_found_by_an_index() {
    let database = migrated().await;
    let mut connection = database.connect().await;
    sqlx::raw_sql("set enable_seqscan = off").execute(&mut connection).await.unwrap();
    let plan: Vec<String> =
        sqlx::query_scalar("explain select * from message_status where mess_id = 'm1'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("_mess_id_idx") && plan.contains("mess_id = 'm1'"), "{plan}");
    assert!(!plan.contains("Seq Scan on delivery_reports"), "{plan}");
}

/// Reports of one message each.
const MESSAGES: [[&str; 4]; 8] = [
    ["250", "247", "0", "0"],
    ["250", "250", "2", "33"],
    ["250", "247", "248", "33"],
    ["250", "0", "2", "253"],
    ["0", "0", "2", "250"],
    ["-1", "x", "250", "2"],
    ["33", "0", "33", "250"],
    ["0", "1", "2", "253"],
];

#[tokio::test]
async fn in_whatever_order_and_partition_reports_are_written_the_status_is_the_same() {
    let database = rows::database().await;
    let mut inserts = String::new();
    for (message, reports) in MESSAGES.iter().enumerate() {
        for (writing, order) in orders().iter().enumerate() {
            for &position in order {
                // The time of arrival is part of a report; only the order of writing differs.
                inserts.push_str(&insert(
                    &format!("m{message}-{writing}"),
                    reports[position],
                    position,
                    writing,
                ));
            }
        }
    }
    database.execute(&inserts).await;
    let found = database
        .query(
            "select split_part(mess_id, '-', 1) as message, count(*) as writings,
                    count(distinct (status, status_code, outcome, final, first_report_at, last_report_at,
                                    reports, delivered_reports, failed_reports)) as statuses
             from message_status group by 1 order by 1",
        )
        .await;
    let expected: Vec<_> = (0..MESSAGES.len())
        .map(|message| json!({ "message": format!("m{message}"), "writings": 24, "statuses": 1 }))
        .collect();
    assert_eq!(found, json!(expected));
}

#[tokio::test]
async fn in_whatever_order_reports_arrive_the_only_final_one_is_the_status() {
    let database = rows::database().await;
    let is_final = |status: &&&str| ["0", "1", "2", "253"].contains(*status);
    let mut inserts = String::new();
    let mut checked = 0;
    for (message, reports) in MESSAGES.iter().enumerate() {
        let mut finals: Vec<&&str> = reports.iter().filter(is_final).collect();
        finals.dedup();
        let [only] = finals[..] else { continue };
        checked += 1;
        for (arrival, order) in orders().iter().enumerate() {
            for (position, &report) in order.iter().enumerate() {
                inserts.push_str(&insert(
                    &format!("m{message}-{arrival}-{only}"),
                    reports[report],
                    position,
                    arrival,
                ));
            }
        }
    }
    assert_eq!(checked, 4);
    database.execute(&inserts).await;
    let other = database
        .query("select mess_id, status from message_status where status <> split_part(mess_id, '-', 3)")
        .await;
    assert_eq!(other, json!([]));
}

/// A report that arrived at this position, on the last evening of a month or on the first morning of
/// the next; `among` distinguishes reports at the same position.
fn insert(mess_id: &str, status: &str, position: usize, among: usize) -> String {
    let code = status.parse::<i32>().map_or("null".to_owned(), |code| code.to_string());
    format!(
        "insert into delivery_reports (received_at, id, account, mess_id, number, status, status_code, transport, remote_addr, extra)
         values ('2024-01-31 23:00+00'::timestamptz + interval '1 hour' * ({position} / 2),
                 '00000000-0000-7000-8{position:03}-{:012}', 'main', '{mess_id}', '44', '{status}', {code}, 'http-get', '::1', '{{}}');",
        u64::from(mess_id.as_bytes()[1]) * 100 + among as u64
    )
}

/// Every order of four.
fn orders() -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for item in 0..4 {
        orders = orders
            .iter()
            .flat_map(|order: &Vec<usize>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, item);
                    longer
                })
            })
            .collect();
    }
    orders
}
