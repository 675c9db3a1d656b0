//! `routo-receiver rejected`: lists rejected callbacks, and replays them.

use serde_json::{Value, json};

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run};
use crate::support::{eventually, goes_to_postgres};

const REPORTS_REFUSED: &str =
    "alter table delivery_reports add constraint no_nine check (status <> '9') not valid;
     alter table inbound_messages add constraint no_x check (message <> 'x') not valid";

/// A running service that has rejected a report without a number, and a report and a message that
/// violate constraints of the user's.
pub(super) async fn with_three_rejected() -> (TestDatabase, Vec<(String, String)>, ServiceProcess) {
    let database = TestDatabase::create().await;
    let environment = environment(&database.url());
    assert_eq!(run(&["migrate"], &environment).await.0, Some(0));
    database.execute(REPORTS_REFUSED).await;
    let service = ServiceProcess::start(&environment).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    for (target, status) in [
        (format!("/delivery-reports/{TOKEN}?mess_id=a&status=0"), 400),
        (format!("/delivery-reports/{TOKEN}?mess_id=b&status=9&number=%2B44&more=1&more=2"), 200),
        (format!("/inbound-messages?{LOGIN}&org=441&dest=442&dcs=1&message=x"), 200),
    ] {
        assert_eq!(send(service.http, get(&target)).await.status, status);
    }
    (database, environment, service)
}

async fn ids(database: &TestDatabase) -> Vec<String> {
    let rows = database.query("select id from rejected_callbacks order by received_at, id").await;
    let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(id).collect()
}

async fn rows(database: &TestDatabase) -> Value {
    database
        .query(
            "select (select count(*) from delivery_reports) as reports,
                    (select count(*) from inbound_messages) as messages,
                    (select count(*) from rejected_callbacks where replayed_at is null) as rejected",
        )
        .await[0]
        .clone()
}

#[tokio::test]
async fn the_list_says_what_was_rejected_and_why() {
    let (database, environment, _service) = with_three_rejected().await;
    let ids = ids(&database).await;
    let listed = async |arguments: &[&str]| {
        let (code, out, why) =
            run(&[&["rejected", "list"], arguments].concat(), &environment).await;
        assert_eq!(code, Some(0), "{why}");
        out
    };
    let all = listed(&[]).await;
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 3);
    let expected = [
        "main delivery-report: parameter 'number' is missing",
        "main delivery-report: refused by Postgres (23514): ",
        "main inbound-message: refused by Postgres (23514): ",
    ];
    for ((line, id), expected) in lines.iter().zip(&ids).zip(expected) {
        assert!(line.contains(&format!("{id} {expected}")), "{line}");
    }
    for (arguments, count) in [
        (&["--account", "other"][..], 0),
        (&["--kind", "inbound-message"], 1),
        (&["--from", "2020-01-01"], 3),
        (&["--to", "2020-01-01"], 0),
        (&["--id", &ids[1], "--id", &ids[2]], 2),
    ] {
        assert_eq!(listed(arguments).await.lines().count(), count, "{arguments:?}");
    }
    let line: Value = serde_json::from_str(&listed(&["--json", "--id", &ids[0]]).await).unwrap();
    assert_eq!(
        line["request"],
        json!({ "method": "GET", "path": "/delivery-reports", "parameters": "mess_id=a&status=0" })
    );
    assert!(!listed(&["--json"]).await.contains("main-p"), "no credentials");
}

#[tokio::test]
async fn what_was_refused_becomes_a_row_once_it_is_no_longer_and_only_once() {
    let (database, environment, _service) = with_three_rejected().await;
    let replay = async |arguments: &[&str]| {
        let (code, out, why) =
            run(&[&["rejected", "replay"], arguments].concat(), &environment).await;
        assert_eq!(code, Some(0), "{why}");
        out
    };
    let before = json!({ "reports": 0, "messages": 0, "rejected": 3 });
    let dry = replay(&["--all"]).await;
    assert!(dry.ends_with("0 can be replayed, 3 can't; --write replays them\n"), "{dry}");
    assert_eq!(rows(&database).await, before, "a dry run changes nothing");
    let out = replay(&["--all", "--write"]).await;
    assert!(out.contains("stays rejected: parameter 'number' is missing"), "{out}");
    assert!(out.contains("stays rejected: Postgres refused a row (23514)"), "{out}");
    assert_eq!(rows(&database).await, before, "the constraints are still there");

    database
        .execute(
            "alter table delivery_reports drop constraint no_nine;
             alter table inbound_messages drop constraint no_x",
        )
        .await;
    let dry = replay(&["--all"]).await;
    assert!(dry.ends_with("2 can be replayed, 1 can't; --write replays them\n"), "{dry}");
    assert_eq!(rows(&database).await, before, "a dry run changes nothing");
    assert!(replay(&["--all", "--write"]).await.ends_with("2 replayed, 1 stay rejected\n"));
    let after = json!({ "reports": 1, "messages": 1, "rejected": 1 });
    assert_eq!(rows(&database).await, after);
    let same = database
        .query(
            "select r.mess_id, r.number, r.status_code, r.extra, r.transport, r.remote_addr, r.account
             from delivery_reports r
             join rejected_callbacks c on (c.received_at, c.id) = (r.received_at, r.id)
             where c.replayed_at is not null",
        )
        .await;
    assert_eq!(
        same,
        json!([{ "mess_id": "b", "number": "44", "status_code": 9, "extra": { "more": ["1", "2"] },
                 "transport": "http-get", "remote_addr": "127.0.0.1", "account": "main" }])
    );
    assert_eq!(
        database.query("select message, charset from inbound_messages").await,
        json!([{ "message": "x", "charset": "gsm-7" }])
    );

    assert!(replay(&["--all", "--write"]).await.ends_with("0 replayed, 1 stay rejected\n"));
    assert_eq!(rows(&database).await, after);
    // As after a replay that was killed before it reported.
    database.execute("update rejected_callbacks set replayed_at = null").await;
    let id = &ids(&database).await[1];
    let (_, listed, _) = run(&["rejected", "list", "--id", id], &environment).await;
    assert!(!listed.contains("(replayed)"), "{listed}");
    let (_, listed, _) = run(&["rejected", "list", "--id", id, "--json"], &environment).await;
    assert!(listed.contains(r#""replayed_at":null"#), "{listed}");
    assert!(replay(&["--id", id, "--write"]).await.ends_with("1 replayed, 0 stay rejected\n"));
    let (_, listed, _) = run(&["rejected", "list", "--replayed", "--id", id], &environment).await;
    assert!(listed.ends_with(" (replayed)\n"), "{listed}");
    assert_eq!(
        rows(&database).await,
        json!({ "reports": 1, "messages": 1, "rejected": 2 }),
        "the row that was there is not doubled"
    );
}

#[tokio::test]
async fn a_callback_of_a_time_without_a_partition_gets_one() {
    let (database, environment, _service) = with_three_rejected().await;
    database
        .execute(
            "alter table delivery_reports drop constraint no_nine;
             update rejected_callbacks set received_at = received_at - interval '1 year'",
        )
        .await;
    let arguments = ["rejected", "replay", "--all", "--kind", "delivery-report", "--write"];
    let (_, out, _) = run(&arguments[..5], &environment).await;
    assert!(out.contains("1 can be replayed, 1 can't"), "{out}");
    let partitions = "select count(*) from callback_partitions where to_time < now()";
    assert_eq!(database.value(partitions).await, json!(0), "a dry run makes none");
    let (code, out, why) = run(&arguments, &environment).await;
    assert_eq!(
        (code, out.ends_with("1 replayed, 1 stay rejected\n")),
        (Some(0), true),
        "{out}{why}"
    );
    let year_old =
        "select count(*) from delivery_reports where received_at < now() - interval '300 days'";
    assert_eq!(database.value(year_old).await, json!(1));
}

#[tokio::test]
async fn a_missing_partition_hides_no_refusal_in_a_dry_run() {
    let (database, environment, _service) = with_three_rejected().await;
    database
        .execute(
            "update rejected_callbacks
             set request = jsonb_set(request, '{parameters}', '\"mess_id=a&number=2&status=0\"'),
                 received_at = received_at - interval '1 year'
             where reason like 'parameter%'",
        )
        .await;
    let arguments = ["rejected", "replay", "--all", "--kind", "delivery-report"];
    let (code, out, why) = run(&arguments, &environment).await;
    assert_eq!(code, Some(0), "{why}");
    assert!(out.contains("1 can be replayed, 1 can't"), "{out}");
    assert!(out.contains("stays rejected: Postgres refused a row (23514)"), "{out}");
}

#[tokio::test]
async fn a_replay_is_told_what_to_replay() {
    let environment = environment("postgres://127.0.0.1:1/nothing");
    let (code, _, why) = run(&["rejected", "replay", "--write"], &environment).await;
    assert_eq!(code, Some(2));
    assert!(why.contains("--all") && why.contains("--id"), "{why}");
}

#[tokio::test]
async fn one_that_a_trigger_refuses_is_said_without_its_control_characters_and_keeps_nobody() {
    let (database, environment, service) = with_three_rejected().await;
    let report = "mess_id=bad%1b%5b2J%e2%80%ae&number=2&status=0";
    database
        .execute(
            "create function refuse() returns trigger language plpgsql as $$
             begin
                 raise exception 'no customer %', new.mess_id using errcode = 'RT001';
             end $$;
             create trigger refuse before insert on delivery_reports
                 for each row when (new.mess_id like 'bad%') execute function refuse();
             alter table delivery_reports drop constraint no_nine;
             update rejected_callbacks
             set request = jsonb_set(request, '{parameters}', '\"mess_id=bad&number=2&status=0\"')
             where reason like 'parameter%'",
        )
        .await;
    drop(service);
    let (code, out, why) = run(&["rejected", "replay", "--all", "--write"], &environment).await;
    assert_eq!(code, Some(0), "{why}");
    assert!(
        out.contains("stays rejected: Postgres did not accept the batch (SQLSTATE RT001)"),
        "{out}"
    );
    assert!(out.ends_with("1 replayed, 2 stay rejected\n"), "{out}");

    database
        .execute(&format!(
            "update rejected_callbacks
             set reason = 'no customer ' || chr(27) || '[2J' || chr(8238) || chr(155),
                 request = jsonb_set(request, '{{parameters}}', to_jsonb('{report}' || chr(155)))
             where replayed_at is null"
        ))
        .await;
    for arguments in [&["rejected", "list"][..], &["rejected", "list", "--json"]] {
        let (_, out, _) = run(arguments, &environment).await;
        let plain = |c: char| c == '\n' || (' '..='~').contains(&c);
        assert!(out.chars().all(plain), "{out:?}");
        assert!(out.contains(r"\u001b[2J\u202e\u009b"), "{out}");
        if arguments.len() == 3 {
            for line in out.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["reason"], json!("no customer \u{1b}[2J\u{202e}\u{9b}"));
            }
        }
    }
}

#[tokio::test]
async fn a_check_that_waits_for_the_commit_counts_in_a_dry_run() {
    let (database, environment, _service) = with_three_rejected().await;
    database
        .execute(
            "alter table delivery_reports drop constraint no_nine;
             create function refuse() returns trigger language plpgsql as $$
             begin raise exception E'not \x1b[2J yet'; end $$;
             create constraint trigger refuse after insert on delivery_reports
             deferrable initially deferred for each row execute function refuse()",
        )
        .await;
    let before = rows(&database).await;
    for arguments in [&["--all"][..], &["--all", "--write"]] {
        let arguments = [&["rejected", "replay", "--kind", "delivery-report"], arguments].concat();
        let (code, out, why) = run(&arguments, &environment).await;
        assert_eq!(code, Some(0), "{why}");
        // The text of a trigger's error is untrusted.
        assert!(
            out.contains(r"stays rejected: Postgres refused a row (P0001): not \u001b[2J yet"),
            "{out}"
        );
        assert!(!out.contains('\u{1b}'), "{out}");
        assert_eq!(rows(&database).await, before);
    }
}

#[tokio::test]
async fn an_id_that_no_callback_has_is_an_error_and_the_others_are_replayed() {
    let (database, environment, _service) = with_three_rejected().await;
    database.execute("alter table delivery_reports drop constraint no_nine").await;
    let ids = ids(&database).await;
    let nobody = "01a20da9-477f-71e3-b741-72366e46e38d";
    let replay = ["rejected", "replay", "--write", "--id", nobody, "--id", &ids[1]];
    for (arguments, said) in [(&replay[..], "1 replayed"), (&replay, "0 replayed")] {
        let (code, out, why) = run(arguments, &environment).await;
        assert_eq!(code, Some(1));
        assert!(out.contains(said), "{out}");
        assert!(why.contains(nobody) && why.contains("rejected list --replayed"), "{why}");
    }
    let (code, _, why) = run(&["rejected", "list", "--id", &ids[1]], &environment).await;
    assert_eq!(code, Some(1));
    assert!(why.contains(&ids[1]), "it is replayed by now: {why}");
}
