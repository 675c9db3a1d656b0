//! Rows at chosen times in partitions of their own, and queries.

use std::fmt::Display;

use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::schema::migrated;
use crate::support::postgres::TestDatabase;

/// `id_at` makes ids as the service does; the others insert one row.
const FUNCTIONS: &str = "
create function id_at(at timestamptz) returns uuid language sql as $$
    select (
        lpad(to_hex(micros / 1000), 12, '0') || '7' || lpad(to_hex(micros % 1000), 3, '0')
        || '8' || substr(md5(random()::text), 1, 15)
    )::uuid
    from cast(extract(epoch from at) * 1000000 as bigint) as micros
$$;
create function a_report(at timestamptz, mess_id text, status text, number text default '44', account text default 'main')
returns uuid language sql as $$
    insert into delivery_reports (received_at, id, account, mess_id, number, status, status_code, transport, remote_addr, extra)
    values (at, id_at(at), account, mess_id, number, status,
            case when status ~ '^-?[0-9]+$' then status::integer end, 'http-get', '::1', '{}')
    returning id
$$;
create function a_message(at timestamptz, message text, org text default '441', account text default 'main',
                          dest text default '447', dcs text default '0', charset text default 'iso-8859-1',
                          extra jsonb default '{}')
returns uuid language sql as $$
    insert into inbound_messages (received_at, id, account, org, dest, dcs, message, message_raw, charset, transport, remote_addr, extra)
    values (at, id_at(at), account, org, dest, dcs, message, message::bytea, charset, 'http-post', '::1', extra)
    returning id
$$;";

/// Some hours or days ago may be last month.
const LAST_MONTH: &str = "
do $$
declare
    this_month timestamp := date_trunc('month', now() at time zone 'utc');
begin
    execute format(
        'create table delivery_reports_last_month partition of delivery_reports for values from (%1$L) to (%2$L);
         create table inbound_messages_last_month partition of inbound_messages for values from (%1$L) to (%2$L)',
        (this_month - interval '1 month') at time zone 'utc', this_month at time zone 'utc'
    );
end
$$;";

/// A migrated database with the functions above, and partitions for last month and for January to June
/// 2024, long before those of the service.
pub(crate) async fn database() -> TestDatabase {
    let database = migrated().await;
    database.execute(FUNCTIONS).await;
    database.execute(LAST_MONTH).await;
    for month in 1..=6 {
        partition(&database, &format!("2024-{month:02}-01"), &format!("2024-{:02}-01", month + 1))
            .await;
    }
    database
}

/// Creates a partition of both tables, from one day (UTC) to another.
pub(crate) async fn partition(database: &TestDatabase, from: &str, to: &str) {
    for table in ["delivery_reports", "inbound_messages"] {
        let name = format!("{table}_{}", from[..7].replace('-', "_"));
        database
            .execute(&format!(
                "create table {name} partition of {table} for values from ('{from} 00:00+00') to ('{to} 00:00+00')"
            ))
            .await;
    }
}

/// The rows of a query on this connection, as a JSON array of objects.
pub(crate) async fn query(connection: &mut PgConnection, sql: impl Display) -> Value {
    let sql =
        format!("select coalesce(jsonb_agg(to_jsonb(the_row)), '[]') from ({sql}) as the_row");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
}

/// The one value of a query on this connection.
pub(crate) async fn value(connection: &mut PgConnection, sql: impl Display) -> Value {
    query(connection, sql).await[0].as_object().unwrap().values().next().unwrap().clone()
}

/// Runs statements on this connection.
pub(crate) async fn execute(connection: &mut PgConnection, sql: impl Into<String>) {
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(connection).await.unwrap();
}

/// Postgres' error for a statement that it refuses.
pub(crate) async fn refusal(database: &TestDatabase, sql: &str) -> String {
    let mut connection = database.connect().await;
    let error = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    connection.close().await.unwrap();
    error.unwrap_err().to_string()
}
