//! `simulate clean`: the rows of a run are removed, and no others.

use serde_json::json;

use super::{World, simulate, world};
use crate::support::app::{LOGIN, TOKEN};
use crate::support::client::{get, send};
use crate::support::process::run;

const ROWS: &str = "select (select count(*) from delivery_reports)
    + (select count(*) from inbound_messages) + (select count(*) from rejected_callbacks)";

#[tokio::test]
async fn clean_removes_the_rows_of_a_run_from_all_three_tables_once_it_is_told_to_write() {
    let World { database, environment, service } = world(&[]).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (code, outcome, _) = simulate("--count 60 --connections 2", &environment).await;
        assert_eq!(code, Some(0), "{outcome}");
        let name = outcome["run"].as_str().unwrap().to_owned();
        // Of the run, and rejected; and one of nobody's run.
        for mark in [format!("{name}-77"), "mine".to_owned()] {
            let report = format!("/delivery-reports/{TOKEN}?status=0&number=1&simulate={mark}");
            assert_eq!(send(service.http, get(&report)).await.status, 400);
        }
        let message = format!("/inbound-messages?{LOGIN}&org=1&dest=2&message=x");
        assert_eq!(send(service.http, get(&message)).await.status, 200);
        runs.push((name, outcome["reports"].clone(), outcome["messages"].clone()));
    }
    assert_eq!(database.value(ROWS).await, json!(126));
    let (name, reports, messages) = &runs[0];
    let rows =
        format!("{reports} delivery reports, {messages} inbound messages, 1 rejected callbacks");
    for (arguments, expected, left) in [
        (&["simulate", "clean", name][..], format!("run {name}: {rows} (host 127.0.0.1, "), 126),
        (&["simulate", "clean", name, "--write"], format!("removed of run {name}: {rows}"), 65),
        (&["simulate", "clean", name, "--write"], format!("removed of run {name}: 0 deliv"), 65),
    ] {
        let (code, out, err) = run(arguments, &environment).await;
        assert_eq!(code, Some(0), "{err}");
        assert!(out.starts_with(&expected), "{out}");
        assert_eq!(out.contains("--write removes them"), left == 126, "{out}");
        assert_eq!(database.value(ROWS).await, json!(left));
    }
}

#[tokio::test]
async fn what_is_not_the_name_of_a_run_is_refused() {
    let World { environment, .. } = world(&[]).await;
    for name in ["", "%", "0", "019569C8", "019569c8-", "019569c8-5"] {
        let (code, _, err) = run(&["simulate", "clean", name, "--write"], &environment).await;
        assert_eq!(code, Some(2), "{name}: {err}");
    }
}
