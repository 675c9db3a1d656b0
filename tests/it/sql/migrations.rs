//! Migrations from every schema version keep all rows, while programs of that version keep running.

use std::path::Path;

use serde_json::json;
use sqlx::Connection;
use sqlx::migrate::Migrator;

use crate::support::app::environment;
use crate::support::postgres::TestDatabase;
use crate::support::process::run;

/// What the first version of the program does to the tables. Its statements, as they were.
const FIRST_PROGRAM: &str = "
    create table if not exists delivery_reports_2024_MM
        (like delivery_reports including defaults including comments);
    alter table delivery_reports attach partition delivery_reports_2024_MM
        for values from ('2024-MM-01 00:00:00+00') to ('2024-NN-01 00:00:00+00');
    create table if not exists inbound_messages_2024_MM
        (like inbound_messages including defaults including comments);
    alter table inbound_messages attach partition inbound_messages_2024_MM
        for values from ('2024-MM-01 00:00:00+00') to ('2024-NN-01 00:00:00+00');

    insert into delivery_reports (
        received_at, id, account, mess_id, number, status, status_code, transport,
        remote_addr, extra
    )
    values ('2024-MM-02Z', gen_random_uuid(), 'main', 'm', '44', '0', 0, 'http-get', '::1', '{}');
    insert into inbound_messages (
        received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
        remote_addr, extra
    )
    values ('2024-MM-02Z', gen_random_uuid(), 'main', '1', '2', null, 'hello', 'hello', 'iso-8859-1', 'http-post', '::1', '{}');
    insert into inbound_messages (
        received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
        remote_addr, extra
    )
    select received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
           remote_addr, extra
    from inbound_messages
    where received_at = '2024-MM-02Z'
    on conflict do nothing;
    insert into rejected_callbacks (
        received_at, id, account, kind, reason, request, transport, remote_addr
    )
    values ('2024-MM-02Z', gen_random_uuid(), 'main', 'delivery-report', 'no', '{}', 'http-get', '::1')
    on conflict do nothing;
";

/// The month stands for itself and the next one in the statements.
async fn run_first_program(database: &TestDatabase, month: u32) {
    let statements = FIRST_PROGRAM
        .replace("MM", &format!("{month:02}"))
        .replace("NN", &format!("{:02}", month + 1));
    database.execute(&statements).await;
}

async fn all() -> Migrator {
    Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).await.unwrap()
}

/// Applies the first migrations and no more, as an older version of the program did.
pub(crate) async fn apply_first(database: &TestDatabase, count: usize) {
    let first = all().await.iter().take(count).cloned().collect();
    let mut connection = database.connect().await;
    Migrator::with_migrations(first).run(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_every_age_is_brought_up_to_date_with_its_rows_and_its_program_goes_on() {
    for applied in 1..all().await.iter().count() {
        let database = TestDatabase::create().await;
        apply_first(&database, applied).await;
        run_first_program(&database, 3).await;
        let rows = "select jsonb_build_array(
            (select jsonb_agg((to_jsonb(r) - 'transaction_id') order by id) from delivery_reports as r),
            (select jsonb_agg(to_jsonb(m) order by id) from inbound_messages as m),
            (select jsonb_agg((to_jsonb(c) - 'replayed_at') order by id) from rejected_callbacks as c)
        ) as rows";
        let before = database.value(rows).await;

        let (code, _, log) = run(&["migrate"], &environment(&database.url())).await;
        assert_eq!(code, Some(0), "from migration number {applied}: {log}");
        assert_eq!(database.value(rows).await, before, "from migration number {applied}");

        run_first_program(&database, 5).await;
        let counts = database
            .query(
                "select (select count(*) from delivery_reports) as reports,
                        (select count(*) from inbound_messages) as messages,
                        (select count(*) from rejected_callbacks) as rejected,
                        (select count(*) from inbox) as inbox,
                        (select reports from message_status) as reports_of_m,
                        (select count(*) from pg_index where not indisvalid) as unfinished",
            )
            .await;
        assert_eq!(
            counts,
            json!([{ "reports": 2, "messages": 2, "rejected": 2, "inbox": 2, "reports_of_m": 2,
                     "unfinished": 0 }]),
            "from migration number {applied}"
        );
    }
}
