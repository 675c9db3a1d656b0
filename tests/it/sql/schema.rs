//! Tables, columns, statuses and comments.

use serde_json::{Value, json};

use crate::support::app::environment;
use crate::support::postgres::TestDatabase;
use crate::support::process::program;

pub(crate) async fn migrated() -> TestDatabase {
    let database = TestDatabase::create().await;
    let output = program(&["migrate"], &environment(&database.url())).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    database
}

#[tokio::test]
async fn the_tables_and_views_have_the_columns_that_were_promised() {
    let database = migrated().await;
    let promised = [
        (
            "delivery_reports",
            "received_at timestamp with time zone, id uuid, account text, mess_id text, number text, status text, status_code integer, transport text, remote_addr inet, extra jsonb, transaction_id xid8",
        ),
        (
            "inbound_messages",
            "received_at timestamp with time zone, id uuid, account text, org text, dest text, dcs text, message text, message_raw bytea, charset text, transport text, remote_addr inet, extra jsonb, processed_at timestamp with time zone",
        ),
        (
            "rejected_callbacks",
            "received_at timestamp with time zone, id uuid, account text, kind text, reason text, request jsonb, transport text, remote_addr inet, replayed_at timestamp with time zone",
        ),
        (
            "delivery_statuses",
            "code integer, description text, smpp_state text, outcome text, final boolean",
        ),
        (
            "settings",
            "only_row boolean, attempt_window interval, attempt_parameters text[], notify boolean",
        ),
        (
            "callback_partitions",
            "table_name text, partition regclass, from_time timestamp with time zone, to_time timestamp with time zone",
        ),
        (
            "message_status",
            "account text, mess_id text, number text, status text, status_code integer, description text, outcome text, final boolean, first_report_at timestamp with time zone, last_report_at timestamp with time zone, reports bigint, delivered_reports bigint, failed_reports bigint",
        ),
        (
            "inbox",
            "received_at timestamp with time zone, id uuid, account text, org text, dest text, dcs text, message text, message_raw bytea, charset text, transport text, remote_addr inet, extra jsonb, processed_at timestamp with time zone, attempts bigint, first_received_at timestamp with time zone, last_received_at timestamp with time zone",
        ),
        (
            "delivery_outcomes_by_hour",
            "hour timestamp with time zone, account text, reports bigint, delivered bigint, pending bigint, failed bigint, unknown bigint",
        ),
        (
            "delivery_outcomes_by_day",
            "day date, account text, reports bigint, delivered bigint, pending bigint, failed bigint, unknown bigint",
        ),
        (
            "failure_reasons_by_day",
            "day date, account text, status text, description text, smpp_state text, outcome text, reports bigint",
        ),
        (
            "inbound_by_day",
            "day date, account text, dest text, messages bigint, attempts bigint, senders bigint, undecodable bigint",
        ),
        (
            "callbacks_per_minute",
            "minute timestamp with time zone, callbacks bigint, delivery_reports bigint, inbound_messages bigint, rejected_callbacks bigint",
        ),
        (
            "unfinished_messages",
            "account text, mess_id text, number text, status text, status_code integer, description text, last_report_at timestamp with time zone, hours_since_last_report numeric",
        ),
        (
            "suspected_duplicates",
            "kind text, received_at timestamp with time zone, id uuid, account text, number text, content text, previous_received_at timestamp with time zone, previous_id uuid, gap interval",
        ),
        (
            "undecodable_messages",
            "received_at timestamp with time zone, id uuid, account text, org text, dest text, dcs text, charset text, message text, message_raw bytea",
        ),
    ];
    for (table, columns) in promised {
        let found = database
            .value(&format!(
                "select string_agg(attname || ' ' || format_type(atttypid, null), ', ' order by attnum) as columns
                 from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped"
            ))
            .await;
        assert_eq!(found, json!(columns), "{table}");
    }
}

#[tokio::test]
async fn everything_has_a_comment() {
    let database = migrated().await;
    let silent = database
        .query(
            "select c.relname, a.attname
             from pg_class c
             join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
                 or a.attrelid = c.oid and a.attnum = -6
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
                 and not c.relispartition and c.relname <> '_sqlx_migrations'
                 and a.attnum > 0 and col_description(c.oid, a.attnum) is null
             union all
             select c.relname, null
             from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
                 and not c.relispartition and c.relname <> '_sqlx_migrations'
                 and obj_description(c.oid, 'pg_class') is null
             union all
             select proname, null
             from pg_proc
             where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is null
             union all
             select indexrelid::regclass::name, null
             from pg_index
             where indrelid in ('delivery_reports'::regclass, 'inbound_messages'::regclass, 'rejected_callbacks'::regclass)
                 and obj_description(indexrelid, 'pg_class') is null",
        )
        .await;
    assert_eq!(silent, json!([]));
    let commented = database
        .value("select count(*) from pg_description where objoid = 'delivery_reports'::regclass")
        .await;
    assert_eq!(commented, json!(12));
}

#[tokio::test]
async fn both_callback_tables_are_partitioned_by_time_with_partitions_ahead() {
    let database = migrated().await;
    for table in ["delivery_reports", "inbound_messages"] {
        let key =
            database.value(&format!("select pg_get_partkeydef('{table}'::regclass) as key")).await;
        assert_eq!(key, json!("RANGE (received_at)"));
        let partitions = database
            .value(&format!(
                "select count(*) from pg_inherits where inhparent = '{table}'::regclass"
            ))
            .await;
        assert_eq!(partitions, json!(4), "this month and three ahead");
    }
}

/// Table 6 of the gateway's document, and the SMPP states of its section 4.3.
#[tokio::test]
async fn every_status_of_the_gateways_document_is_there_with_its_wording_and_state() {
    const TABLE_6: &str = "0 Delivered · 1 Rejected: Message length is invalid · 2 Subscriber absent · 3 Device memory capacity exceeded · 4 Equipment protocol error · 5 Equipment not supported · 6 Equipment not SM equipped · 7 Unknown service centre · 8 Service centre congestion · 9 Undeliverable · 10 Rejected: Invalid source address · 11 Invalid destination address · 12 Illegal subscriber · 13 Teleservice not provisioned · 14 Illegal equipment · 15 Call barred · 16 Facility not supported · 17 Subscriber busy for SM · 18 System failure · 19 Message waiting, list full · 20 Data missing · 21 Unexpected data value · 22 Resource limitation · 23 Initiating release · 24 Unknown alphabet · 25 USSD busy · 26 Duplicated invoke ID · 27 No supported service · 28 Mistyped parameter · 29 Unexpected response from peer · 30 Service completion failure · 31 No response from peer · 32 Invalid response received · 34 Invalid destination · 49 Message type not supported · 50 Destination blocked for sending · 51 Not enough money · 52 No price · 67 Invalid esm_class field data · 69 Rejected by SMSC · 72 Rejected: Invalid source address TON · 73 Rejected: Invalid source address NPI · 80 Rejected: Invalid destination address TON · 81 Rejected: Invalid destination address NPI · 88 Throttling error · 97 Rejected: Invalid scheduled delivery time · 100 Error sending message · 247 Sent · 248 Sent · 249 Rejected · 250 Accepted · 251 Undeliverable · 252 Deleted · 253 Expired · 254 Roaming level not supported · 255 Unknown error";
    const STATES: [(&str, &[i64]); 6] = [
        ("DELIVRD", &[0]),
        ("EXPIRED", &[3, 253]),
        ("DELETED", &[4, 252]),
        ("UNDELIV", &[5, 9, 251]),
        ("ACCEPTD", &[6]),
        ("REJECTD", &[1, 8, 10, 11, 49, 69, 72, 73, 80, 249]),
    ];
    let expected: Vec<Value> = TABLE_6
        .split(" · ")
        .map(|row| {
            let (code, description) = row.split_once(' ').unwrap();
            let code: i64 = code.parse().unwrap();
            let state = STATES.iter().find(|(_, codes)| codes.contains(&code));
            let outcome = match code {
                0 => "delivered",
                247 | 248 | 250 => "pending",
                _ => "failed",
            };
            json!({ "code": code, "description": description,
                    "smpp_state": state.map_or("UNKNOWN", |(name, _)| *name),
                    "outcome": outcome, "final": outcome != "pending" })
        })
        .collect();
    let database = migrated().await;
    let found = database.query("select code, description, smpp_state, outcome, final from delivery_statuses order by code").await;
    assert_eq!(found, Value::Array(expected));
}

#[tokio::test]
async fn names_in_functions_mean_the_same_whoever_calls_them() {
    let database = migrated().await;
    let loose = database
        .query(
            "select proname
             from pg_proc
             join pg_language on pg_language.oid = prolang
             where pronamespace = 'public'::regnamespace
                 and (lanname = 'plpgsql' or prosecdef)
                 and not coalesce(proconfig, '{}') @> array['search_path=public, pg_temp']",
        )
        .await;
    assert_eq!(loose, json!([]));
}
