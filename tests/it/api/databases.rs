//! Databases that refuse rows, or were changed or replaced while the service ran.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::{eventually, goes_to_postgres};

use super::outages::{goes_to_the_spool, report, rows};

#[tokio::test]
async fn what_a_database_does_not_take_is_in_it_once_it_does() {
    let app = TestApp::start().await;
    let broken = [
        ("alter table delivery_reports rename to elsewhere", "alter table elsewhere rename to delivery_reports"),
        (
            "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$;
             select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'routo-receiver'",
            "set transaction read write;
             do $$ begin execute format('alter database %I reset default_transaction_read_only', current_database()); end $$",
        ),
    ];
    let mut sent = 0;
    for (breaks, mends) in broken {
        app.database.execute(breaks).await;
        for _ in 0..50 {
            assert_eq!(app.send(report()).await.status, 200, "{breaks}");
            assert!(goes_to_the_spool(app.service.admin_address).await, "{breaks}");
        }
        app.database.execute(mends).await;
        sent += 50;
        eventually("drained", || async { rows(&app.database).await == sent }).await;
        assert!(goes_to_postgres(app.service.admin_address).await);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_database_that_was_made_anew_during_an_outage_is_migrated_and_takes_what_was_spooled() {
    let app = TestApp::start().await;
    app.database.execute("drop schema public cascade; create schema public").await;
    app.disconnect().await;
    for _ in 0..20 {
        assert_eq!(app.send(report()).await.status, 200);
    }
    eventually("migrated", || async {
        let there = "select to_regclass('delivery_reports') is not null";
        app.database.value(there).await == json!(true)
    })
    .await;
    eventually("stored", || async { rows(&app.database).await == 20 }).await;
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_postgres_fails_with_an_error_of_the_user_s_own_blocks_nobody() {
    let app = TestApp::start().await;
    app.database
        .execute(
            "create function poison() returns trigger language plpgsql as $$ begin
                 if new.status = '13' then raise exception 'no' using errcode = '45000'; end if;
                 return new;
             end $$;
             create trigger poison before insert on delivery_reports
                 for each row execute function poison();",
        )
        .await;
    for number in 0..20 {
        let status = if number == 7 { 13 } else { 0 };
        let answer = app.report(&format!("mess_id=m{number}&status={status}&number=1")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    eventually("its neighbours are stored", || async { rows(&app.database).await == 19 }).await;
    eventually("it is rejected", || async {
        let rejected = "select count(*) from rejected_callbacks where reason like '%45000%'";
        app.database.value(rejected).await == json!(1)
    })
    .await;
    app.stop().await;
}
