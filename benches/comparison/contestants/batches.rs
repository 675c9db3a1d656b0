//! The upper bound of the database: the same rows without a service. Each statement inserts as many rows
//! as other contestants have connections.

use std::time::{Duration, Instant};

use routo_receiver::domain::{EventKey, EventKeySource};
use sqlx::PgConnection;

use super::{Contestant, TestDatabase, Way};
use testkit::speed::Throughput;

pub fn contestant(database: TestDatabase) -> Contestant {
    Contestant {
        letter: 'h',
        name: "straight into Postgres by `unnest`, a row a connection in a statement".to_owned(),
        short: "unnest",
        way: Way::Batches,
        processes: Vec::new(),
        database: Some(database),
    }
}

/// Each row counts as one answer with the latency of its batch.
pub async fn run(connection: &mut PgConnection, rows: usize, duration: Duration) -> Throughput {
    let source = EventKeySource::system();
    let mut outcome = Throughput::new();
    let began = Instant::now();
    while began.elapsed() < duration {
        let sent = Instant::now();
        let keys: Vec<EventKey> = (0..rows).map(|_| source.next()).collect();
        insert(connection, &keys).await;
        let latency = sent.elapsed();
        for _ in 0..rows {
            outcome.record(true, latency);
        }
    }
    outcome.elapsed = began.elapsed();
    outcome
}

async fn insert(connection: &mut PgConnection, keys: &[EventKey]) {
    let column = |value: fn(i128) -> String| -> Vec<String> {
        // Times are unique, so these are too.
        let micros = |key: &EventKey| key.received_at.unix_timestamp_nanos() / 1_000;
        keys.iter().map(micros).map(value).collect()
    };
    let rows = keys.len();
    sqlx::query(
        "
        insert into delivery_reports (
            received_at, id, account, mess_id, number, status, status_code, transport, remote_addr,
            extra
        )
        select
            unnest($1::timestamptz[]),
            unnest($2::uuid[]),
            unnest($3::text[]),
            unnest($4::text[]),
            unnest($5::text[]),
            unnest($6::text[]),
            unnest($7::integer[]),
            unnest($8::text[]),
            unnest($9::text[])::inet,
            unnest($10::text[])::jsonb
        ",
    )
    .bind(keys.iter().map(|key| key.received_at).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.id).collect::<Vec<_>>())
    .bind(vec!["main"; rows])
    .bind(column(|number| format!("bench-{:012}", number % 1_000_000_000_000)))
    .bind(column(|number| format!("44{:010}", number % 10_000_000_000)))
    .bind(vec!["0"; rows])
    .bind(vec![0; rows])
    .bind(vec!["http-get"; rows])
    .bind(vec!["127.0.0.1"; rows])
    .bind(vec!["{}"; rows])
    .execute(connection)
    .await
    .unwrap();
}
