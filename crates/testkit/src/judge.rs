//! What Postgres has, held against what the gateway was told.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::load::Serials;
use super::record::Record;

/// Serial and number of an attempt.
pub type Key = (u64, u32);

/// Where the two differ.
#[derive(Default)]
pub struct Findings {
    /// Attempts that were answered 200 and have no row.
    pub lost: Vec<Key>,
    /// Attempts with more than one row.
    pub doubled: Vec<Key>,
    /// Rows that no attempt of ours explains.
    pub strange: Vec<String>,
}

/// How many rows there are, which is cheap to know.
pub async fn rows(connection: &mut PgConnection) -> usize {
    let count: Result<i64, _> = sqlx::query_scalar(
        "select (select count(*) from delivery_reports) + (select count(*) from inbound_messages)",
    )
    .fetch_one(connection)
    .await;
    // Before the first migration there is no table, and so no row.
    count.map_or(0, |count| usize::try_from(count).unwrap())
}

/// Compares every row with every attempt.
pub async fn compare(
    record: &Record,
    serials: &Serials,
    connection: &mut PgConnection,
) -> Findings {
    let stored: Vec<(String, Option<String>)> = sqlx::query_as(
        "select mess_id, extra->>'attempt' from delivery_reports
         union all
         select split_part(message, ' ', 1), extra->>'attempt' from inbound_messages
         union all
         select 'a rejected callback: ' || reason, request::text from rejected_callbacks",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    let mut findings = Findings::default();
    let mut rows: HashMap<Key, u32> = HashMap::with_capacity(stored.len());
    for (name, attempt) in stored {
        match key(&name, attempt.as_deref()) {
            Some(key) if key.0 < serials.given() => *rows.entry(key).or_default() += 1,
            _ => findings.strange.push(format!("{name} {attempt:?}")),
        }
    }
    for sent in &record.sent {
        for attempt in &sent.delivery.attempts {
            let key = (sent.serial, attempt.number);
            let count = rows.remove(&key).unwrap_or_default();
            if count == 0 && attempt.acknowledged() {
                findings.lost.push(key);
            }
            if count > 1 {
                findings.doubled.push(key);
            }
        }
    }
    findings.strange.extend(rows.keys().map(|key| format!("never attempted: {key:?}")));
    findings
}

/// Reads `r-12` or `m-13` and the attempt.
pub fn key(name: &str, attempt: Option<&str>) -> Option<Key> {
    let (kind, serial) = name.split_once('-')?;
    let serial: u64 = serial.parse().ok()?;
    let expected = if serial.is_multiple_of(2) { "r" } else { "m" };
    let attempt = attempt?.parse().ok()?;
    (kind == expected).then_some((serial, attempt))
}
