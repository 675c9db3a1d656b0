//! The limits for statements and locks that the service sets.

use std::process::Stdio;

use serde_json::json;

use crate::support::app::{TestApp, environment};
use crate::support::eventually;
use crate::support::postgres::TestDatabase;
use crate::support::process::program;

#[tokio::test]
async fn callbacks_are_written_with_limits_for_statements_and_locks() {
    let app = TestApp::start_with(&[("ROUTO_INGEST__COMMIT_DEADLINE", "8s")]).await;
    app.database
        .execute(
            "create table seen (statement text, lock text);
             create function note() returns trigger language plpgsql as $$ begin
                 insert into seen values (current_setting('statement_timeout'), current_setting('lock_timeout'));
                 return new;
             end $$;
             create trigger note before insert on delivery_reports for each row execute function note();",
        )
        .await;
    assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 200);
    assert_eq!(
        app.query("select statement, lock from seen").await,
        json!([{ "statement": "8s", "lock": "7200ms" }])
    );
    app.stop().await;
}

#[tokio::test]
async fn a_migration_waits_in_short_turns_for_a_table_that_is_in_use() {
    let database = TestDatabase::create().await;
    super::migrations::apply_first(&database, 2).await;
    let mut holder = database.connect().await;
    sqlx::raw_sql("begin; lock table delivery_reports in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    let mut migration =
        program(&["migrate"], &environment(&database.url())).stderr(Stdio::null()).spawn().unwrap();
    let waiting = "select count(*) from pg_locks where not granted and relation = 'delivery_reports'::regclass";
    for turn in [1, 0, 1, 0, 1] {
        eventually("a turn begins or ends", || async {
            database.value(waiting).await == json!(turn)
        })
        .await;
    }
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    assert!(migration.wait().await.unwrap().success());
}
