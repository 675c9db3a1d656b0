//! Reading delivery reports as they arrive: none is missed, however late it is committed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;

use super::rows;
use crate::support::postgres::TestDatabase;

/// A reader's position: transaction and id of the last report that it read.
struct Cursor {
    transaction: String,
    id: String,
}

impl Cursor {
    fn beginning() -> Self {
        Self { transaction: "0".to_owned(), id: "00000000-0000-0000-0000-000000000000".to_owned() }
    }

    /// The `mess_id`s of the next page.
    async fn next(&mut self, connection: &mut PgConnection, limit: u32) -> Vec<String> {
        let page = rows::query(
            connection,
            format!(
                "select transaction_id::text as transaction, id, mess_id
                 from delivery_reports_since('{}', '{}', {limit})",
                self.transaction, self.id
            ),
        )
        .await;
        let page = page.as_array().unwrap();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        if let Some(last) = page.last() {
            self.transaction = text(last, "transaction");
            self.id = text(last, "id");
        }
        page.iter().map(|row| text(row, "mess_id")).collect()
    }
}

#[tokio::test]
async fn a_report_that_is_committed_behind_newer_ones_is_not_missed() {
    let database = rows::database().await;
    let mut late = database.connect().await;
    rows::execute(&mut late, "begin; select a_report('2024-01-01', 'late', '0')").await;
    database.execute("select a_report('2024-02-01', 'newer', '0')").await;
    let mut connection = database.connect().await;
    let mut reader = Cursor::beginning();
    assert!(
        reader.next(&mut connection, 9).await.is_empty(),
        "what is newer waits for the late one"
    );
    rows::execute(&mut late, "commit").await;
    let mut read = Vec::new();
    // Other tests on this server have transactions, too.
    while read.len() < 2 {
        read.extend(reader.next(&mut connection, 1).await);
    }
    assert_eq!(read, ["late", "newer"]);
    assert!(reader.next(&mut connection, 9).await.is_empty());
}

#[tokio::test]
async fn a_report_that_is_rolled_back_is_never_read_and_delays_no_other() {
    let database = rows::database().await;
    database
        .execute("begin; select a_report('2024-01-01', 'no', '0'); rollback; select a_report('2024-01-01', 'yes', '0')")
        .await;
    let mut read = Vec::new();
    let mut connection = database.connect().await;
    let mut reader = Cursor::beginning();
    while read.is_empty() {
        read = reader.next(&mut connection, 9).await;
    }
    assert_eq!(read, ["yes"]);
}

#[tokio::test]
async fn reports_from_before_the_column_are_read_separately_and_completely() {
    let database = rows::database().await;
    database
        .execute(
            "select a_report('2024-01-01', 'old', '0');
             update delivery_reports set transaction_id = '0';
             select a_report('2024-01-02', 'new', '0')",
        )
        .await;
    let mut connection = database.connect().await;
    let mut reader = Cursor::beginning();
    let mut read = Vec::new();
    while read.is_empty() {
        read = reader.next(&mut connection, 9).await;
    }
    assert_eq!(read, ["new"]);
    let old =
        database.value("select mess_id from delivery_reports where transaction_id = '0'").await;
    assert_eq!(old, json!("old"));
}

#[tokio::test]
async fn invalid_arguments_are_refused() {
    let database = rows::database().await;
    for (arguments, expected) in [
        ("null", "after_transaction or after_id is null"),
        ("max_reports => 0", "max_reports is 0"),
        ("max_reports => null", "max_reports is null"),
    ] {
        let refusal =
            rows::refusal(&database, &format!("select delivery_reports_since({arguments})")).await;
        assert!(refusal.contains(expected), "{refusal}");
    }
}

const WRITERS: usize = 4;
const TRANSACTIONS: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_reads_every_report_once_while_several_writers_commit_in_any_order() {
    let database = Arc::new(rows::database().await);
    let writing = Arc::new(AtomicUsize::new(WRITERS));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (database, writing) = (Arc::clone(&database), Arc::clone(&writing));
            tokio::spawn(async move {
                write(&database, writer).await;
                writing.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    let readers: Vec<_> = [1, 7, 1000]
        .into_iter()
        .map(|limit| {
            let (database, writing) = (Arc::clone(&database), Arc::clone(&writing));
            tokio::spawn(async move { read(&database, &writing, limit).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let written = database.query("select mess_id from delivery_reports").await;
    let written: BTreeSet<&str> =
        written.as_array().unwrap().iter().map(|row| row["mess_id"].as_str().unwrap()).collect();
    for reader in readers {
        let read = reader.await.unwrap();
        let once: BTreeSet<&str> = read.iter().map(String::as_str).collect();
        assert_eq!(once.len(), read.len(), "each once");
        assert_eq!(once, written);
    }
}

/// Transactions of a few reports each, in several partitions. Some are rolled back; some stay open
/// while the writer runs others.
async fn write(database: &TestDatabase, writer: usize) {
    let mut connections = [database.connect().await, database.connect().await];
    for transaction in 0..TRANSACTIONS {
        let connection = &mut connections[rand::random_range(0..2)];
        let mut sql = "begin;".to_owned();
        for report in 0..rand::random_range(1..5) {
            let month = rand::random_range(1..7);
            sql.push_str(&format!(
                "select a_report('2024-0{month}-02', '{writer}-{transaction}-{report}', '0');"
            ));
        }
        // Stays open: the next transaction on this connection continues it, or it ends below.
        sql.push_str(["commit", "commit", "rollback", ""][rand::random_range(0..4)]);
        // A second begin only warns.
        rows::execute(connection, sql).await;
    }
    for connection in &mut connections {
        rows::execute(connection, "commit").await;
    }
}

/// Reads pages until the writers are done and nothing is left.
async fn read(database: &TestDatabase, writing: &AtomicUsize, limit: u32) -> Vec<String> {
    let mut connection = database.connect().await;
    let mut cursor = Cursor::beginning();
    let mut read = Vec::new();
    loop {
        let done = writing.load(Ordering::SeqCst) == 0;
        let page = cursor.next(&mut connection, limit).await;
        let nothing = page.is_empty();
        read.extend(page);
        let rest = "select exists (select from delivery_reports where transaction_id >= pg_snapshot_xmin(pg_current_snapshot()))";
        if done && nothing && rows::value(&mut connection, rest).await == json!(false) {
            // The report may have become readable between the page and this query.
            loop {
                let page = cursor.next(&mut connection, limit).await;
                if page.is_empty() {
                    return read;
                }
                read.extend(page);
            }
        }
    }
}

#[tokio::test]
async fn transaction_ids_of_another_cluster_are_an_error_that_can_be_repaired() {
    let database = rows::database().await;
    database.execute("select a_report(now(), 'before', '0')").await;
    let mut connection = database.connect().await;
    // As after a restore into a cluster that has seen fewer transactions.
    let restored = "update delivery_reports set transaction_id = '9000000000000'";
    rows::execute(&mut connection, restored).await;
    let ahead = "select * from delivery_reports_since('9000000000000')";
    for query in ["select * from delivery_reports_since()", ahead] {
        let error = sqlx::query(query).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("transaction ids of another cluster"), "{error}");
    }
    rows::execute(&mut connection, "update delivery_reports set transaction_id = '0'").await;
    database.execute("select a_report(now(), 'after', '0')").await;
    let mut read = Vec::new();
    // Other tests on this server have transactions, too.
    while read.is_empty() {
        read = Cursor::beginning().next(&mut connection, 10).await;
    }
    assert_eq!(read, ["after"]);
    let error = sqlx::query(ahead).execute(&mut connection).await.unwrap_err();
    assert!(error.to_string().contains("transaction ids of another cluster"), "{error}");
    // A reader within the writing transaction is not mistaken for one of another cluster.
    rows::execute(&mut connection, "begin").await;
    rows::execute(&mut connection, "select a_report(now(), 'mine', '0')").await;
    assert_eq!(Cursor::beginning().next(&mut connection, 10).await, ["after"]);
}
