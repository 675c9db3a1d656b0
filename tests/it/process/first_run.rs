//! The first run: start without configuration, paste the printed commands, see the rows.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::app::{TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::process::{ServiceProcess, program, run, with};

/// Starts the program on a terminal of its own; returns its output.
fn start_on_a_terminal(data_dir: &Path) -> (Child, impl AsyncBufReadExt + Unpin) {
    let environment = [
        ("ROUTO_HTTP__LISTEN", "127.0.0.1:0"),
        ("ROUTO_ADMIN__LISTEN", "127.0.0.1:0"),
        ("ROUTO_DATA_DIR", data_dir.to_str().unwrap()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let plain = program(&[], &environment);
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command"])
        // Replaces the shell, which would handle Ctrl-C itself.
        .arg(format!("exec {}", plain.as_std().get_program().display()))
        .arg("/dev/null")
        .envs(environment)
        .env_remove("DATABASE_URL")
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("`script` (of bsdutils or util-linux) is installed");
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

async fn read_until(output: &mut (impl AsyncBufReadExt + Unpin), end: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(end) {
            let mut line = Vec::new();
            assert!(output.read_until(b'\n', &mut line).await.unwrap() > 0, "ended after: {text}");
            text.push_str(&String::from_utf8_lossy(&line));
        }
    };
    let in_time = tokio::time::timeout(Duration::from_mins(1), read).await;
    assert!(in_time.is_ok(), "no {end:?} in time after: {text}");
    text
}

async fn paste(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Presses Ctrl-C on the terminal.
async fn interrupt(child: &mut Child) {
    use tokio::io::AsyncWriteExt;
    let terminal = child.stdin.as_mut().unwrap();
    terminal.write_all(b"\x03").await.unwrap();
    terminal.flush().await.unwrap();
}

#[tokio::test]
async fn what_the_first_run_prints_works_when_pasted_and_is_printed_once() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    let (mut child, mut output) = start_on_a_terminal(&data_dir);
    let welcome = read_until(&mut output, "this is not shown again").await;
    let lines: Vec<&str> = welcome.lines().map(str::trim).collect();
    let pasted = |start: &str| {
        *lines
            .iter()
            .find(|line| line.contains(start))
            .unwrap_or_else(|| panic!("no {start} in {welcome}"))
    };

    assert_eq!(paste(&format!("{} -sS --fail", pasted("/delivery-reports/"))).await, "OK\n");
    assert_eq!(paste(&format!("{} -sS --fail", pasted("/inbound-messages"))).await, "OK\n");
    let rows = paste(pasted("psql")).await;
    for expected in ["hello-1", "Delivered", "447700900123", "447700900000", "Hello"] {
        assert!(rows.contains(expected), "no {expected} in {rows}");
    }
    let credentials = std::fs::metadata(data_dir.join("credentials.toml")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&credentials.permissions()) & 0o777, 0o600);

    // Ctrl-C reaches the program, but not its Postgres, which the program stops.
    interrupt(&mut child).await;
    let end = read_until(&mut output, "stopped").await;
    assert!(!end.contains("died"), "{end}");
    assert_eq!(child.wait().await.unwrap().code(), Some(0));

    let (mut child, mut output) = start_on_a_terminal(&data_dir);
    let again = read_until(&mut output, "generated credentials are in use").await;
    interrupt(&mut child).await;
    let again = again + &read_until(&mut output, "stopped").await;
    assert!(!again.contains("curl"), "{again}");
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_second_account_leaves_the_generated_one_valid_and_check_shows_both() {
    let environment: Vec<_> = environment("")
        .into_iter()
        .filter(|(name, _)| name != "DATABASE_URL" && !name.starts_with("ROUTO_ACCOUNTS__"))
        .collect();
    let second = with(environment.clone(), &[("ROUTO_ACCOUNTS__SECOND__REPORT_TOKEN", TOKEN)]);
    let data_dir = &environment.iter().find(|(name, _)| name == "ROUTO_DATA_DIR").unwrap().1;

    let service = ServiceProcess::start(&environment).await;
    service.signal(Signal::TERM);
    assert_eq!(service.end().await.0, Some(0));
    let kept = std::fs::read_to_string(Path::new(data_dir).join("credentials.toml")).unwrap();
    let generated = kept.split("report_token = \"").nth(1).unwrap().split('"').next().unwrap();

    let service = ServiceProcess::start(&second).await;
    for token in [generated, TOKEN] {
        let report = format!("/delivery-reports/{token}?mess_id=a&status=0&number=447700900123");
        assert_eq!(send(service.http, get(&report)).await.status, 200);
    }
    assert!(service.has_logged("generated credentials are in use"));
    let (code, out, why) = run(&["check"], &second).await;
    assert_eq!(code, Some(0), "{why}");
    for expected in [
        "\nAccount second\n",
        &format!(
            "\nAccount default, generated: its credentials are in {data_dir}/credentials.toml"
        ),
        "/delivery-reports/<report_token of account default>",
    ] {
        assert!(out.contains(expected), "no {expected} in {out}");
    }
    assert!(!out.contains(generated), "{out}");
}
