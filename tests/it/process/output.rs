//! What becomes of a command whose output can't be written.

use std::fs::OpenOptions;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::app::environment;
use crate::support::postgres::TestDatabase;
use crate::support::process::{program, run, with};

fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe whose reader has closed it, as `head` does.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[tokio::test]
async fn output_that_a_full_disk_cuts_off_is_an_error_and_a_closed_pipe_is_not() {
    let environment = environment("postgres://nobody@127.0.0.1/nowhere");
    for (stdout, expected, why) in
        [(full_disk(), 1, "can't write to standard output"), (closed_pipe(), 0, "")]
    {
        let mut check = program(&["check"], &environment);
        let output = check.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn an_error_that_nobody_reads_keeps_its_exit_code() {
    let environment = environment("postgres://nobody@127.0.0.1/nowhere");
    let wrong = with(environment, &[("ROUTO_HTTP__LISTEN", "nowhere")]);
    for (arguments, expected) in [(&["check"][..], 1), (&["no-such-command"], 2)] {
        let mut command = program(arguments, &wrong);
        let status = command.stdout(Stdio::null()).stderr(closed_pipe()).status().await.unwrap();
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
}

/// What moves a cursor, reorders text or fakes a line, escaped.
const SHOWN: &str = r"a\u009b2J\u007f\u202eb\u000aERROR c";

/// A URL whose database does not exist: Postgres quotes its name.
async fn hostile_url() -> String {
    let url = TestDatabase::create().await.url();
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/a%C2%9B2J%7F%E2%80%AEb%0AERROR%20c")
}

#[tokio::test]
async fn an_error_text_of_postgres_controls_no_terminal_and_no_log() {
    let url = hostile_url().await;
    let pretty = with(environment(&url), &[("ROUTO_LOG__FORMAT", "pretty")]);
    let (code, _, stderr) = run(&["migrate"], &pretty).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(SHOWN), "{stderr:?}");
    assert_eq!(stderr.lines().count(), 1, "{stderr:?}");
    for format in ["pretty", "json"] {
        let environment = with(environment(&url), &[("ROUTO_LOG__FORMAT", format)]);
        let mut service = program(&["serve"], &environment);
        let mut service = service.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(service.stderr.take().unwrap()).lines();
        let line = loop {
            let line = lines.next_line().await.unwrap().expect("the outage is logged");
            if line.contains("Postgres is unavailable") {
                break line;
            }
        };
        // Quoted, a backslash is doubled.
        assert!(line.replace(r"\\", r"\").contains(SHOWN), "{line:?}");
        service.kill().await.unwrap();
    }
}

#[tokio::test]
async fn stored_texts_control_no_terminal() {
    let database = TestDatabase::create().await;
    let environment = environment(&database.url());
    let (code, _, stderr) = run(&["migrate"], &environment).await;
    assert_eq!(code, Some(0), "{stderr}");
    let hostile = r"U&'a\009b2J\007f\202eb\000aERROR c'";
    database
        .execute(&format!(
            "insert into rejected_callbacks
                 (received_at, id, account, kind, reason, request, transport, remote_addr)
             values (now(), gen_random_uuid(), {hostile}, 'inbound-message', {hostile},
                     jsonb_build_object('x', {hostile}), 'http-get', '::1');
             select make_partition('inbound_messages', date_trunc('month', now()),
                                   date_trunc('month', now()) + interval '1 month')
             where not exists (select from callback_partitions where table_name = 'inbound_messages');
             insert into inbound_messages
                 (received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
                  remote_addr, extra)
             values (now(), gen_random_uuid(), {hostile}, '1', '2', '0', {hostile}, '\\xe4', {hostile},
                     'http-get', '::1', '{{}}')"
        ))
        .await;
    for command in [
        &["rejected", "list"][..],
        &["rejected", "list", "--json"],
        &["rejected", "replay", "--all"],
        &["redecode", "--as", "iso-8859-1"],
    ] {
        let (_, stdout, stderr) = run(command, &environment).await;
        let said = format!("{stdout}{stderr}");
        let raw = ['\u{9b}', '\u{7f}', '\u{202e}'];
        assert!(!said.contains(raw) && !said.contains("\nERROR"), "{command:?}: {said:?}");
        assert!(!stdout.is_empty(), "{command:?}: {said}");
    }
}
