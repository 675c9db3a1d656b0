//! What Postgres has, compared with what the gateways saw: every row with every attempt.

use serde_json::Value;
use simulator::{Difference, ExpectedRow, Judge, MARK};
use sqlx::PgConnection;

use crate::record::Record;

/// The run of a callback, its number in the run, and the number of an attempt.
pub type Key = (String, u64, u32);

/// Where the two differ.
#[derive(Debug, Default)]
pub struct Findings {
    /// Attempts that were answered 200 and have no row.
    pub lost: Vec<Key>,
    /// Attempts with more than one row.
    pub doubled: Vec<Key>,
    /// Rows that no attempt explains, or that say something else.
    pub strange: Vec<String>,
}

/// How many rows there are, which is cheap to know.
pub async fn rows(connection: &mut PgConnection) -> u64 {
    let count: Result<i64, _> = sqlx::query_scalar(
        "select (select count(*) from delivery_reports) + (select count(*) from inbound_messages)",
    )
    .fetch_one(connection)
    .await;
    // Before the first migration there is no table, and so no row.
    count.map_or(0, |count| u64::try_from(count).unwrap())
}

/// Compares every row of the three tables with every attempt.
pub async fn compare(record: &Record, connection: &mut PgConnection) -> Findings {
    let reads = |_: Option<&str>| true;
    let mut judges: Vec<_> = record
        .runs
        .iter()
        .map(|(script, summary)| {
            (script.run.clone(), Judge::new(script, &summary.ledger, &reads).describing_all())
        })
        .collect();
    let mut findings = Findings::default();
    for (row, extra) in stored(connection).await {
        let run = key(&serde_json::from_str(&extra).unwrap()).map(|(run, ..)| run);
        match judges.iter_mut().find(|(name, _)| Some(name) == run.as_ref()) {
            Some((_, judge)) => judge.row(&row, &extra),
            None => findings.strange.push(format!("of no run: {extra}")),
        }
    }
    for parameters in rejected(connection).await {
        let of_run =
            |(name, _): &&mut (String, Judge<'_>)| parameters.contains(&format!("{MARK}={name}-"));
        match judges.iter_mut().find(of_run) {
            Some((_, judge)) => judge.rejected(&parameters),
            None => findings.strange.push(format!("a rejected callback of no run: {parameters}")),
        }
    }
    for (run, judge) in judges {
        for difference in judge.verdict().described {
            match difference {
                Difference::Missing { callback, attempt } => {
                    findings.lost.push((run.clone(), callback, attempt));
                }
                Difference::Doubled { callback, attempt } => {
                    findings.doubled.push((run.clone(), callback, attempt));
                }
                other => findings.strange.push(other.to_string()),
            }
        }
    }
    findings
}

async fn stored(connection: &mut PgConnection) -> Vec<(ExpectedRow, String)> {
    let reports: Vec<(String, String, String, String)> =
        sqlx::query_as("select mess_id, number, status, extra::text from delivery_reports")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    let reports = reports.into_iter().map(|(mess_id, number, status, extra)| {
        (ExpectedRow::Report { mess_id, number, status }, extra)
    });
    let messages: Vec<(String, String, Option<String>, String, Vec<u8>, String)> = sqlx::query_as(
        "select org, dest, dcs, message, message_raw, extra::text from inbound_messages",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    let messages = messages.into_iter().map(|(org, dest, dcs, message, message_raw, extra)| {
        (ExpectedRow::Message { org, dest, dcs, message, message_raw }, extra)
    });
    reports.chain(messages).collect()
}

async fn rejected(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "select request ->> 'parameters' from rejected_callbacks where replayed_at is null",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}

/// What a row belongs to, by its parameters.
pub fn key(extra: &Value) -> Option<Key> {
    let (run, callback) = extra[MARK].as_str()?.rsplit_once('-')?;
    let attempt = extra["attempt"].as_str()?.parse().ok()?;
    Some((run.to_owned(), callback.parse().ok()?, attempt))
}
