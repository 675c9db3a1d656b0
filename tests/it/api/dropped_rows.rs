//! A trigger or a rule of the user's that drops rows: Postgres reports success, and there is no row.

use serde_json::json;

use crate::support::app::{TestApp, environment};
use crate::support::eventually;
use crate::support::metrics::{figure, scrape};
use crate::support::process::run;

/// Drops reports whose status is 13, and messages that say so.
const TRIGGERS: &str = "
    create function drop_reports() returns trigger language plpgsql as $$ begin
        return case when new.status = '13' then null else new end;
    end $$;
    create trigger drop_reports before insert on delivery_reports
        for each row execute function drop_reports();
    create function drop_messages() returns trigger language plpgsql as $$ begin
        return case when new.message = '13' then null else new end;
    end $$;
    create trigger drop_messages before insert on inbound_messages
        for each row execute function drop_messages();";

const COUNTS: &str = "
    select (select count(*) from delivery_reports) as reports,
           (select count(*) from inbound_messages) as messages,
           (select count(*) from rejected_callbacks
            where reason like 'dropped by a trigger or rule of the database%') as rejected";

#[tokio::test]
async fn callbacks_that_a_trigger_drops_are_rejected_and_their_neighbours_are_stored() {
    let app = TestApp::start().await;
    app.database.execute(TRIGGERS).await;
    let sends = (0..40).map(|number| {
        let (app, status) = (&app, if number % 4 == 0 { 13 } else { 0 });
        async move {
            let report = app.report(&format!("mess_id=m{number}&status={status}&number=1")).await;
            let message = app.message(&format!("dcs=0&message={status}")).await;
            assert_eq!((report.status, message.status), (200, 200));
        }
    });
    futures_join(sends.collect()).await;
    assert_eq!(app.query(COUNTS).await, json!([{"reports": 30, "messages": 30, "rejected": 20}]));
    let text = scrape(app.service.admin_address).await;
    for kind in ["delivery-report", "inbound-message"] {
        let series =
            format!("routo_rejected_callbacks_total{{kind=\"{kind}\",reason=\"dropped\"}}");
        assert_eq!(figure(&text, &series), Some(10.0), "{text}");
    }
    app.stop().await;
}

/// Runs the futures at once, so that they share commits.
async fn futures_join<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn callbacks_that_a_trigger_drops_on_their_way_from_the_spool_are_rejected() {
    let app = TestApp::start().await;
    app.database.execute("alter table delivery_reports rename to elsewhere").await;
    for number in 0..20 {
        let status = if number % 4 == 0 { 13 } else { 0 };
        let answer = app.report(&format!("mess_id=m{number}&status={status}&number=1")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    app.database
        .execute(
            "begin;
             alter table elsewhere rename to delivery_reports;
             create function drop_reports() returns trigger language plpgsql as $$ begin
                 return case when new.status = '13' then null else new end;
             end $$;
             create trigger drop_reports before insert on delivery_reports
                 for each row execute function drop_reports();
             commit",
        )
        .await;
    eventually("drained", async || {
        app.query(COUNTS).await == json!([{"reports": 15, "messages": 0, "rejected": 5}])
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn what_is_dropped_among_the_rejected_callbacks_too_is_not_acknowledged() {
    let app = TestApp::start().await;
    app.database
        .execute(
            "create rule no_reports as on insert to delivery_reports do instead nothing;
             create rule no_rejects as on insert to rejected_callbacks do instead nothing",
        )
        .await;
    assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 503);
    app.stop().await;
}

#[tokio::test]
async fn a_replay_whose_rows_are_dropped_leaves_the_callbacks_rejected() {
    let app = TestApp::start().await;
    app.database.execute(TRIGGERS).await;
    assert_eq!(app.report("mess_id=m&status=13&number=1").await.status, 200);
    let environment = environment(&app.database.url());
    for (options, expected) in
        [(&[][..], "0 can be replayed, 1 can't"), (&["--write"], "0 replayed, 1 stay rejected")]
    {
        let arguments = [&["rejected", "replay", "--all"], options].concat();
        let (_, stdout, stderr) = run(&arguments, &environment).await;
        assert!(stdout.contains("stays rejected: a trigger or rule"), "{stdout}{stderr}");
        assert!(stdout.contains(expected), "{stdout}{stderr}");
    }
    app.database.execute("drop trigger drop_reports on delivery_reports").await;
    let (_, stdout, _) = run(&["rejected", "replay", "--all", "--write"], &environment).await;
    assert!(stdout.contains("1 replayed, 0 stay rejected"), "{stdout}");
    app.stop().await;
}

#[tokio::test]
async fn a_rule_that_was_removed_drops_nothing_any_more() {
    let app = TestApp::start().await;
    app.database
        .execute("create rule nothing as on insert to delivery_reports do instead nothing")
        .await;
    for _ in 0..3 {
        assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 200);
    }
    let stored = "select count(*) from delivery_reports";
    assert_eq!(app.database.value(stored).await, json!(0));
    app.database.execute("drop rule nothing on delivery_reports").await;
    for _ in 0..3 {
        assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 200);
    }
    assert_eq!(app.database.value(stored).await, json!(3));
    app.stop().await;
}
