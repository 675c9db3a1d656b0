//! Several consumers at once, while attempts arrive and some claims fail: no message is missed or
//! handed out twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::rows;
use crate::support::postgres::TestDatabase;

const MESSAGES: usize = 150;
const GATEWAYS: usize = 3;
const CONSUMERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_missed_or_doubled_whatever_happens_to_consumers() {
    let database = Arc::new(rows::database().await);
    database.execute("create table handled (message text not null)").await;
    let arriving = Arc::new(AtomicUsize::new(GATEWAYS));
    let gateways: Vec<_> = shares()
        .into_iter()
        .map(|attempts| {
            let (database, arriving) = (Arc::clone(&database), Arc::clone(&arriving));
            tokio::spawn(async move {
                arrive(&database, attempts).await;
                arriving.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| tokio::spawn(consume(Arc::clone(&database), Arc::clone(&arriving))))
        .collect();
    for task in gateways.into_iter().chain(consumers) {
        task.await.unwrap();
    }
    let wrong = database
        .query(&format!(
            "select message, count(handled.message) from (select 'm' || m as message from generate_series(0, {MESSAGES} - 1) as m) as sent
             left join handled using (message) group by message having count(handled.message) <> 1"
        ))
        .await;
    assert_eq!(wrong, json!([]));
    let open = database.value("select count(*) from inbox where processed_at is null").await;
    assert_eq!(open, json!(0));
}

/// The attempts of all messages in random order, as SQL, a part for each replica of the service.
fn shares() -> Vec<Vec<String>> {
    let mut attempts: Vec<(u32, String)> = (0..MESSAGES)
        .flat_map(|message| (0..=message % 4).map(move |attempt| (message, attempt)))
        .map(|(message, attempt)| {
            let second = message % 7 + 3 * attempt;
            let sql = format!("select a_message('2024-01-31 23:59:55+00'::timestamptz + interval '{second} s', 'm{message}', 'o{}');", message % 5);
            (rand::random(), sql)
        })
        .collect();
    attempts.sort();
    let mut shares = vec![Vec::new(); GATEWAYS];
    for (number, (_, attempt)) in attempts.into_iter().enumerate() {
        shares[number % GATEWAYS].push(attempt);
    }
    shares
}

/// Commits attempts, a few at a time.
async fn arrive(database: &TestDatabase, mut attempts: Vec<String>) {
    let mut connection = database.connect().await;
    while !attempts.is_empty() {
        let batch = attempts.split_off(attempts.len().saturating_sub(rand::random_range(1..4)));
        rows::execute(&mut connection, format!("begin; {} commit", batch.join(" "))).await;
    }
}

/// Claims until everything has arrived and nothing is left. Half of the claims fail.
async fn consume(database: Arc<TestDatabase>, arriving: Arc<AtomicUsize>) {
    let mut connection = database.connect().await;
    loop {
        // Read before the claim: messages that arrive later need another claim.
        let all_arrived = arriving.load(Ordering::SeqCst) == 0;
        let left = "select exists (select from inbound_messages where processed_at is null)";
        if all_arrived && rows::value(&mut connection, left).await == json!(false) {
            return;
        }
        let limit = rand::random_range(1..6);
        match rand::random_range(0..8) {
            0 | 1 => {
                rows::execute(&mut connection, format!("begin; {} rollback", handle(limit))).await;
            }
            2 => {
                rows::execute(&mut connection, format!("begin; {}", handle(limit))).await;
                connection = lose(connection, &database).await;
            }
            3 => {
                let ids = format!(
                    "select array(select id from claim_inbound_messages({limit}))::text as ids"
                );
                let ids = rows::value(&mut connection, ids).await;
                let release =
                    format!("select release_inbound_messages('{}')", ids.as_str().unwrap());
                rows::execute(&mut connection, release).await;
            }
            _ => rows::execute(&mut connection, format!("begin; {} commit", handle(limit))).await,
        }
    }
}

fn handle(limit: u32) -> String {
    format!("insert into handled select message from claim_inbound_messages({limit});")
}

/// Drops the connection in the middle of its transaction and opens a new one.
async fn lose(connection: PgConnection, database: &TestDatabase) -> PgConnection {
    drop(connection);
    PgConnection::connect_with(&database.options).await.unwrap()
}
