//! The judge is judged: what is wrong in the tables is found, and nothing else.

use std::time::{Duration, Instant};

use simulator::{Attempt, Delivery, Failure};

use crate::support::postgres::TestDatabase;
use crate::world::load::Serials;
use crate::world::record::{Record, Sent};
use crate::world::verify::{self, Findings};

const TABLES: &str = "create table delivery_reports (mess_id text, extra jsonb);
    create table inbound_messages (message text, extra jsonb);
    create table rejected_callbacks (reason text, request jsonb);";

/// Callbacks 0, 1, 2, …, each with what its attempts came to.
fn record(outcomes: &[&[Result<u16, Failure>]]) -> (Record, Serials) {
    let serials = Serials::default();
    let sent = outcomes.iter().map(|outcomes| {
        let attempts = (1..).zip(*outcomes).map(|(number, outcome)| Attempt {
            number,
            started: Instant::now(),
            elapsed: Duration::ZERO,
            outcome: *outcome,
        });
        Sent { serial: serials.next(), delivery: Delivery { attempts: attempts.collect() } }
    });
    (Record { sent: sent.collect() }, serials)
}

/// A report of attempt 1 and a message of attempt 2 were acknowledged; a second report never was.
async fn judged(rows: &str) -> Findings {
    let lost = Err(Failure::Closed);
    let (record, serials) = record(&[&[Ok(200)], &[lost, Ok(200)], &[Ok(503), lost]]);
    let database = TestDatabase::create().await;
    database.execute(TABLES).await;
    database.execute(rows).await;
    verify::compare(&record, &serials, &mut database.connect().await).await
}

const RIGHT: &str = r#"insert into delivery_reports values ('r-0', '{"attempt": "1"}');
    insert into inbound_messages values ('m-1 xxx', '{"attempt": "2"}');"#;

#[tokio::test]
async fn a_row_for_every_200_and_at_most_one_for_every_other_attempt_is_right() {
    let not_known = r#"insert into inbound_messages values ('m-1', '{"attempt": "1"}');
        insert into delivery_reports values ('r-2', '{"attempt": "2"}');"#;
    for rows in [RIGHT.to_owned(), format!("{RIGHT}{not_known}")] {
        let Findings { lost, doubled, strange } = judged(&rows).await;
        assert!(lost.is_empty() && doubled.is_empty() && strange.is_empty(), "{rows}");
    }
}

#[tokio::test]
async fn an_acknowledged_attempt_without_a_row_is_lost_whatever_other_attempts_have() {
    let rows = r#"insert into inbound_messages values ('m-1', '{"attempt": "1"}')"#;
    assert_eq!(judged(rows).await.lost, [(0, 1), (1, 2)]);
}

#[tokio::test]
async fn an_attempt_with_two_rows_is_doubled_whether_it_was_acknowledged_or_not() {
    let twice = r#"insert into delivery_reports values
        ('r-0', '{"attempt": "1"}'), ('r-2', '{"attempt": "1"}'), ('r-2', '{"attempt": "1"}')"#;
    let findings = judged(&format!("{RIGHT}{twice}")).await;
    assert_eq!(findings.doubled, [(0, 1), (2, 1)]);
    assert!(findings.lost.is_empty() && findings.strange.is_empty());
}

#[tokio::test]
async fn a_row_that_nobody_sent_is_strange() {
    for row in [
        r#"insert into delivery_reports values ('r-3', '{"attempt": "1"}')"#,
        r#"insert into delivery_reports values ('r-1', '{"attempt": "1"}')"#,
        r#"insert into delivery_reports values ('r-0', '{"attempt": "2"}')"#,
        "insert into delivery_reports values ('r-0', '{}')",
        r#"insert into inbound_messages values ('?', '{"attempt": "1"}')"#,
        "insert into rejected_callbacks values ('no number', '{}')",
    ] {
        let findings = judged(&format!("{RIGHT}{row}")).await;
        assert_eq!(findings.strange.len(), 1, "{row}: {:?}", findings.strange);
        assert!(findings.lost.is_empty() && findings.doubled.is_empty());
    }
}
