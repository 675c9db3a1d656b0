//! The current status of a message, whatever order its reports come in.

use serde_json::json;

use crate::schema::migrated;

#[tokio::test]
async fn final_outranks_pending_and_among_equals_the_latest_counts() {
    // Reports in the order they arrive; the current status; delivered and failed reports.
    let cases: [(&[&str], &str, u32, u32); 12] = [
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
