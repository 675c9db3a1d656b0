//! Queries read the index that is meant for them, and only the partitions they need.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::rows;

/// A query; the index it reads; the partitions (months of 2024) in which it reads the index.
type Case = (&'static str, &'static str, &'static [&'static str]);

const ALL: &[&str] = &["2024_01", "2024_02", "2024_03"];

const CASES: [Case; 18] = [
    ("select * from delivery_reports where mess_id = 'm77'", "delivery_reports_mess_id", ALL),
    ("select * from message_status where mess_id = 'm77'", "delivery_reports_mess_id", ALL),
    ("select * from unfinished_messages where mess_id = 'm77'", "delivery_reports_mess_id", ALL),
    ("select * from delivery_reports where number = '4477'", "delivery_reports_number", ALL),
    ("select * from message_status where number = '4477'", "delivery_reports_number", ALL),
    (
        "select * from delivery_reports where number = '4477' and received_at >= '2024-02-01 00:00+00' and received_at < '2024-02-08'",
        "delivery_reports_number",
        &["2024_02"],
    ),
    ("select * from delivery_reports order by received_at desc limit 100", "delivery_reports_pkey", &["2024_03"]),
    (
        "select * from delivery_reports where received_at >= '2024-01-20' and received_at < '2024-01-20 01:00'",
        "delivery_reports_pkey",
        &["2024_01"],
    ),
    (
        "select * from inbound_messages where org = '447' and received_at >= '2024-02-02' and received_at < '2024-02-28'",
        "inbound_messages_org",
        &["2024_02"],
    ),
    (
        "select * from inbound_messages where dest = '7' and received_at >= '2024-02-02' and received_at < '2024-02-03'",
        "inbound_messages_dest",
        &["2024_02"],
    ),
    ("select * from inbound_messages order by received_at desc limit 100", "inbound_messages_pkey", &["2024_03"]),
    // For the inbox: the rows themselves. Their attempts are found by `ATTEMPTS`.
    ("select * from inbox order by received_at desc limit 100", "inbound_messages_pkey", &["2024_03"]),
    (
        "select * from inbox where received_at >= '2024-01-20' and received_at < '2024-01-20 01:00'",
        "inbound_messages_pkey",
        &["2024_01"],
    ),
    ("select * from inbox where org = '447'", "inbound_messages_org", ALL),
    (
        "select * from inbox where dest = '7' and received_at >= '2024-02-02' and received_at < '2024-02-03'",
        "inbound_messages_dest",
        &["2024_02"],
    ),
    // The queries of claim_inbound_messages and delivery_reports_since.
    (
        "select received_at, id from inbound_messages where processed_at is null order by received_at, id limit 10",
        "inbound_messages_unprocessed",
        &["2024_01"],
    ),
    (
        "select received_at, id from inbound_messages where processed_at is null and account = 'other' order by received_at, id limit 10",
        "inbound_messages_unprocessed_account",
        &["2024_01"],
    ),
    (
        "select * from delivery_reports where (transaction_id, id) > ('250', '00000000-0000-0000-0000-000000000000')
             and transaction_id > '0' and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
         order by transaction_id, id limit 100",
        "delivery_reports_transaction_id",
        ALL,
    ),
];

/// The index for looking back and forward from a message's row, in addition to that of the case.
const ATTEMPTS: &str = "inbound_messages_org";

#[tokio::test]
async fn each_lookup_reads_its_index_and_only_the_partitions_it_needs() {
    let database = rows::database().await;
    // In January, only messages of a rare account are unprocessed.
    database
        .execute(
            "insert into delivery_reports (received_at, id, account, mess_id, number, status, status_code, transport, remote_addr, extra, transaction_id)
             select at, gen_random_uuid(), 'main', 'm' || i % 20000, '44' || i % 5000, '0', 0, 'http-get', '::1', '{}', (i / 200)::text::xid8
             from generate_series(0, 59999) as i, cast('2024-01-01 00:00+00'::timestamptz + i * interval '130 s' as timestamptz) as at;
             insert into inbound_messages (received_at, id, account, org, dest, dcs, message, message_raw, charset, transport, remote_addr, extra, processed_at)
             select at, gen_random_uuid(), case when i % 500 = 0 then 'other' else 'main' end, '44' || i % 1000, i % 10, '0', i, i::text::bytea,
                    'iso-8859-1', 'http-post', '::1', '{}', case when i % 500 <> 0 and at < '2024-02-01 00:00+00' then at end
             from generate_series(0, 59999) as i, cast('2024-01-01 00:00+00'::timestamptz + i * interval '130 s' as timestamptz) as at;
             analyze delivery_reports; analyze inbound_messages",
        )
        .await;
    let mut connection = database.connect().await;
    for (query, index, partitions) in CASES {
        let read = read_by(&mut connection, query).await;
        let is_inbox = query.contains("inbox");
        for (name, months) in &read {
            assert!(name == index || is_inbox && name == ATTEMPTS, "{query}: {name} on {months:?}");
        }
        let months: BTreeSet<String> = partitions.iter().map(|&month| month.to_owned()).collect();
        assert_eq!(read.get(index), Some(&months), "{query}: {read:?}");
        if let Some(attempts) = read.get(ATTEMPTS) {
            assert!(attempts.is_subset(&months), "{query}: {read:?}");
        }
    }
}

#[tokio::test]
async fn summaries_and_findings_read_only_the_partitions_they_are_asked_for() {
    let database = rows::database().await;
    database
        .execute(
            "select a_report(at, 'm' || to_char(at, 'DDDHH24'), '250'), a_message(at, 'x', charset => 'utf-8-failed')
             from generate_series('2024-01-01 00:00+00'::timestamptz, '2024-03-31', '1 hour') as at;
             analyze delivery_reports; analyze inbound_messages",
        )
        .await;
    let mut connection = database.connect().await;
    rows::execute(&mut connection, "set enable_seqscan = off").await;
    for query in [
        "select * from delivery_outcomes_by_hour where hour >= '2024-02-10' and hour < '2024-02-11'",
        "select * from delivery_outcomes_by_day where day = '2024-02-10'",
        "select * from failure_reasons_by_day where day = '2024-02-10'",
        "select * from inbound_by_day where day = '2024-02-10'",
        "select * from suspected_duplicates where received_at >= '2024-02-10' and received_at < '2024-02-11'",
        "select * from undecodable_messages where received_at >= '2024-02-10' and received_at < '2024-02-11'",
        "select * from callbacks_per_minute",
    ] {
        let plan = explain(&mut connection, query).await;
        let mut read = BTreeSet::new();
        collect(&plan, &mut |node| {
            // The first and the last day come from the first and the last row: one row each.
            if node["Actual Rows"] != 1 || node["Actual Loops"] != 1 {
                read.extend(node["Relation Name"].as_str().and_then(month));
            }
        });
        let expected: &[&str] = if query.contains("minute") { &[] } else { &["2024_02"] };
        assert_eq!(read, expected.iter().map(|&month| month.to_owned()).collect(), "{query}");
    }
}

#[tokio::test]
async fn a_page_of_reports_and_a_claim_read_only_what_they_return_however_old_the_statistics() {
    let database = rows::database().await;
    // A partition without statistics, and one whose statistics are older than the processing of its
    // messages.
    database
        .execute(
            "alter table delivery_reports_2024_01 set (autovacuum_enabled = off);
             alter table inbound_messages_2024_01 set (autovacuum_enabled = off);
             insert into delivery_reports (received_at, id, account, mess_id, number, status, transport, remote_addr, extra, transaction_id)
             select '2024-01-01', gen_random_uuid(), 'main', 'm', '44', '0', 'http-get', '::1', '{}', (1 + i / 100)::text::xid8
             from generate_series(0, 19999) as i;
             select a_message('2024-01-01'::timestamptz + i * interval '1 s', 'm' || i, 'o' || i % 100) from generate_series(1, 20000) as i;
             analyze inbound_messages;
             update inbound_messages set processed_at = received_at where message <> all (array(select 'm' || i from generate_series(19951, 20000) as i))",
        )
        .await;
    let mut connection = database.connect().await;
    // A claim also reads the rows around each message: they may be its attempts.
    for (query, gives, reads) in [
        ("select from delivery_reports_since(max_reports => 100)", 100, 300),
        ("select from claim_inbound_messages(10)", 10, 1000),
        ("select from claim_inbound_messages(10, 'main')", 10, 1000),
    ] {
        rows::execute(&mut connection, "begin").await;
        let given =
            rows::value(&mut connection, format!("select count(*) from ({query}) as given")).await;
        assert_eq!(given, Value::from(gives), "{query}");
        let read = rows::value(
            &mut connection,
            "select sum(seq_tup_read + idx_tup_fetch) from pg_stat_xact_user_tables where relname ~ '_2024_01$'",
        )
        .await;
        assert!(read.as_u64().unwrap() <= reads, "{query} read {read} rows");
        rows::execute(&mut connection, "rollback").await;
    }
}

/// The indexes of the tables that a query reads, by name, with the months of 2024 in which it reads
/// them. `none` stands for a partition that is scanned without an index.
async fn read_by(connection: &mut PgConnection, query: &str) -> BTreeMap<String, BTreeSet<String>> {
    let plan = explain(connection, query).await;
    let mut scans = Vec::new();
    collect(&plan, &mut |node| {
        let relation = node["Relation Name"].as_str();
        let index = node["Index Name"].as_str();
        if let Some(month) = relation.or(index).and_then(month) {
            let is_bitmap = node["Node Type"] == "Bitmap Heap Scan";
            if !is_bitmap {
                scans.push((index.map(str::to_owned), month));
            }
        }
    });
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (index, month) in scans {
        let name = match index {
            Some(index) => {
                let parent = format!(
                    "select inhparent::regclass as name from pg_inherits where inhrelid = '{index}'::regclass"
                );
                rows::value(connection, parent).await.as_str().unwrap().to_owned()
            }
            None => "none".to_owned(),
        };
        read.entry(name).or_default().insert(month);
    }
    read
}

async fn explain(connection: &mut PgConnection, query: &str) -> Value {
    let sql = format!("explain (analyze, costs off, timing off, summary off, format json) {query}");
    let plan: Value =
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await.unwrap();
    plan[0]["Plan"].clone()
}

/// Visits every node that was executed.
fn collect(node: &Value, each: &mut impl FnMut(&Value)) {
    if node["Actual Loops"] == 0 {
        return;
    }
    each(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect(child, each);
    }
}

/// The month in the name of a partition or of its index, if this file filled that partition.
fn month(name: &str) -> Option<String> {
    ALL.iter().find(|&&month| name.contains(month)).map(|&month| month.to_owned())
}
