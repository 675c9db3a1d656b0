//! docs/sql.md: every query runs and returns what the page says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;

use super::rows;
use crate::support::postgres::TestDatabase;
use crate::support::scratch;

const PAGE: &str = include_str!("../../../docs/sql.md");

/// The section whose queries stand alone.
const QUESTIONS: &str = "Twenty questions";

/// The section for people who report and reply.
const REPORTS: &str = "Reports, exports and replies";

/// A block of code of the page, with the title of its section.
struct Block {
    section: &'static str,
    language: &'static str,
    code: &'static str,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for section in PAGE.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap();
        // Code and text alternate between the fences.
        for fenced in section.split("\n```").skip(1).step_by(2) {
            let (language, code) = fenced.split_once('\n').unwrap();
            blocks.push(Block { section: title, language, code });
        }
    }
    blocks
}

async fn sample() -> TestDatabase {
    let database = rows::database().await;
    database.execute(include_str!("sample.sql")).await;
    database
}

#[tokio::test]
async fn each_of_the_twenty_questions_is_answered_as_the_page_says() {
    let database = sample().await;
    let blocks = blocks();
    let mut questions: Vec<(&str, Option<&str>)> = Vec::new();
    for block in blocks.iter().filter(|block| block.section == QUESTIONS) {
        match block.language {
            "sql" => questions.push((block.code, None)),
            "text" => questions.last_mut().unwrap().1 = Some(block.code),
            other => panic!("a block of {other}"),
        }
    }
    assert_eq!(questions.len(), 20);
    for number in 1..=20 {
        assert!(PAGE.contains(&format!("\n**{number}. ")), "question {number}");
    }
    for (question, answer) in questions {
        let found = database.query(question.trim().trim_end_matches(';')).await;
        assert_ne!(found, json!([]), "{question}");
        if let Some(answer) = answer {
            assert_eq!(lines(&psql(&database, question).await), lines(answer), "{question}");
        }
    }
}

/// Without the trailing spaces of psql's output.
fn lines(text: &str) -> Vec<&str> {
    text.trim_matches('\n').lines().map(str::trim_end).collect()
}

/// The database's URL without the parameters that only sqlx knows.
fn for_psql(database: &TestDatabase) -> String {
    database.url().split('?').next().unwrap().to_owned()
}

async fn psql(database: &TestDatabase, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", &for_psql(database), "-c", sql])
        .output()
        .await
        .expect("psql should be installed: run scripts/setup test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn consuming_as_the_page_shows_misses_and_doubles_nothing() {
    let database = sample().await;
    let mut connection = database.connect().await;
    let mut last = "";
    for block in blocks()
        .iter()
        .filter(|b| b.section != QUESTIONS && b.section != REPORTS && b.language == "sql")
    {
        rows::execute(&mut connection, block.code).await;
        if block.section == "Following delivery reports" {
            last = block.code;
        }
    }
    let answered =
        "select count(*) as answers, count(distinct message_id) as messages from answers";
    assert_eq!(database.query(answered).await, json!([{ "answers": 5, "messages": 5 }]));

    // Repeatedly, as the page says: transactions of other tests on this server hold reports back.
    while database.value("select count(*) from my_reports").await != json!(11) {
        rows::execute(&mut connection, last).await;
    }
    rows::execute(&mut connection, last).await;
    assert_eq!(database.value("select count(*) from my_reports").await, json!(11));
}

#[tokio::test]
async fn the_worker_of_the_page_handles_each_message_once_and_releases_what_failed() {
    let database = sample().await;
    let directory = scratch("worker");
    fs::create_dir_all(&directory).unwrap();
    let blocks = blocks();
    let is_worker = |block: &&Block| block.language == "sh" && block.section != REPORTS;
    let worker = blocks.iter().find(is_worker).unwrap().code;

    handle_by(&directory, "cat; exit 1");
    let first = work(&database, &directory, worker).await;
    assert_eq!(first.status.code(), Some(1));
    assert_eq!(String::from_utf8(first.stdout).unwrap(), "Hello\n\n", "the message, and a release");

    handle_by(&directory, "cat >> handled");
    let second = work(&database, &directory, worker).await;
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    let handled = fs::read_to_string(directory.join("handled")).unwrap();
    assert_eq!(handled, "Hello\nyes\nyes\ncaf\u{fffd}\nSTOP please\n");
    let open = "select count(*) from inbound_messages where processed_at is null";
    assert_eq!(database.value(open).await, json!(0));
}

fn handle_by(directory: &Path, command: &str) {
    let path = directory.join("handle");
    fs::write(&path, format!("#!/bin/sh\n{command}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn work(database: &TestDatabase, directory: &Path, worker: &str) -> Output {
    sh(database, directory, worker).await
}

/// Runs a script that finds `routo-receiver` in the `PATH`, and that the database.
async fn sh(database: &TestDatabase, directory: &Path, script: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_routo-receiver")).parent().unwrap();
    let path = [program.to_str().unwrap(), &std::env::var("PATH").unwrap()].join(":");
    Command::new("sh")
        .args(["-c", script])
        .current_dir(directory)
        .env("PATH", path)
        .env("DATABASE_URL", for_psql(database))
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn failures_are_reported_exported_and_replied_to_as_the_page_shows() {
    let database = sample().await;
    let yesterday = "select report_ago(now() - (current_date - 1 + time '12:00'), 'yesterday-1', '2', '447700900002')";
    database.execute(yesterday).await;
    // As deploy/roles.sql makes it.
    database
        .execute(
            "create role routo_reader; grant select on all tables in schema public to routo_reader",
        )
        .await;
    let blocks = blocks();
    let of_the_section = |language| {
        blocks
            .iter()
            .filter(move |b| b.section == REPORTS && b.language == language)
            .map(|b| b.code)
    };

    let mut sql = of_the_section("sql");
    let failed = database.query(sql.next().unwrap().trim().trim_end_matches(';')).await;
    assert_eq!(failed[0]["mess_id"], json!("yesterday-1"));
    assert_eq!(failed[0]["description"], json!("Subscriber absent"));
    assert_eq!(failed.as_array().unwrap().len(), 1);

    let directory = scratch("export");
    fs::create_dir_all(&directory).unwrap();
    let [export] = of_the_section("sh").collect::<Vec<_>>()[..] else { panic!("one export") };
    let exported = sh(&database, &directory, export).await;
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let csv = fs::read_to_string(directory.join("failed.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("last_report_at,account,mess_id,number,status,description"));
    assert!(lines.next().unwrap().ends_with(",main,yesterday-1,447700900002,2,Subscriber absent"));
    assert_eq!(lines.next(), None);

    for block in sql {
        database.execute(block).await;
    }
    let replied = "select originator, number, message from replies
                   join inbound_messages on id = message_id
                   where sent_at is not null and processed_at is not null";
    assert_eq!(
        database.query(replied).await,
        json!([{ "originator": "447700900000", "number": "447700900007", "message": "STOP please" }])
    );

    database.execute("alter role metabase password 'of-the-tool'").await;
    let options = database.options.clone().username("metabase").password("of-the-tool");
    let tool = TestDatabase { options };
    assert_eq!(tool.value("select count(*) from message_status").await, json!(7));
    assert_eq!(tool.value("select current_setting('transaction_read_only')").await, json!("on"));
}

#[tokio::test]
async fn the_page_names_every_column_of_every_table_and_view_and_every_function() {
    let database = rows::database().await;
    let tables = database
        .query(
            "select relname as name, array_agg(attname order by attnum) as columns
             from pg_class
             join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
             where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
                 and not relispartition and relname <> '_sqlx_migrations'
             group by relname",
        )
        .await;
    for table in tables.as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        let paragraph = PAGE
            .lines()
            .find(|line| line.starts_with("**`") && line.contains(&format!("**`{name}`**")))
            .unwrap_or_else(|| panic!("nothing about {name}"));
        for column in table["columns"].as_array().unwrap() {
            let column = column.as_str().unwrap();
            assert!(paragraph.contains(&format!("`{column}`")), "{name}: nothing about {column}");
        }
    }
    for function in [
        "claim_inbound_messages",
        "release_inbound_messages",
        "delivery_reports_since",
        "received_at_of",
    ] {
        let exists = format!("select count(*) from pg_proc where proname = '{function}'");
        assert_eq!(database.value(&exists).await, Value::from(1), "{function}");
        assert!(PAGE.contains(&format!("{function}(")), "nothing about {function}");
    }
}
