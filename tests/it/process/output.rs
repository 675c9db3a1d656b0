//! What becomes of a command whose output can't be written.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::support::app::environment;
use crate::support::process::{program, with};

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
