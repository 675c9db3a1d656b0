//! `simulate once`: one callback, printed completely.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::{Connection, Delivery, DeliveryAttempt, Failure, Ledger, Refusal, Script};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::commands::CommandError;
use crate::commands::output::{print_line, print_lines};
use crate::config::Settings;
use crate::error_chain::Chain;
use crate::service::StartError;
use crate::store::Database;

use super::caller::{Caller, database};
use super::verification::{rows, verify};
use super::{SimulateError, SimulatedKind, TargetArguments, VerdictSummary};

/// How long to wait for the row.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(
    kind: SimulatedKind,
    arguments: &TargetArguments,
    settings: &Settings,
) -> Result<(), CommandError> {
    let caller = Caller::of(arguments, kind.into(), settings).await?;
    let database = match database(arguments, settings) {
        Ok(database) => Some(database),
        // Without --verify, the row is shown if that is possible.
        Err(
            CommandError::Simulate(SimulateError::NoDatabase(_))
            | CommandError::Start(StartError::DatabaseStopped { .. }),
        ) if arguments.verify.is_none() => None,
        Err(error) => return Err(error),
    };

    let mut connection = Connection::new(caller.destination.clone(), false);
    let request = request(&caller.script, caller.destination.authority());
    let hidden = Script { access: caller.script.access.hidden(), ..caller.script.clone() };
    let without_secrets = self::request(&hidden, caller.destination.authority());
    print_lines(format_args!("{}\n", printable(&without_secrets).trim_end()))?;

    let started = Instant::now();
    let exchanged = timeout(arguments.timeout, connection.exchange(&request)).await;
    let elapsed = started.elapsed();
    let exchanged = exchanged.unwrap_or(Err(Failure::TimedOut));
    match &exchanged {
        Ok(answer) => print_lines(format_args!(
            "After {:.1} ms:\n\n{}{}\n",
            elapsed.as_secs_f64() * 1e3,
            printable(&answer.head),
            printable(answer.body.trim_ascii_end())
        ))?,
        Err(failure) => print_lines(format_args!("No answer: {failure}\n"))?,
    }
    let refusal = exchanged.as_ref().ok().and_then(Refusal::of);
    let outcome = exchanged.map(|answer| answer.status);
    let attempts = vec![DeliveryAttempt { number: 1, started, elapsed, outcome }];
    let delivery = Delivery { attempts, refusal };
    if let Some(refusal) = &delivery.refusal {
        print_line(format_args!("Refused: {refusal}"))?;
    }
    match &database {
        Some(database) => match print_row(&caller, &delivery, database).await {
            Err(CommandError::Store(error)) if arguments.verify.is_none() => {
                print_line(format_args!("The row can't be looked up: {}", Chain(&error)))?;
            }
            printed => printed?,
        },
        None => print_line("No database to inspect: --verify DATABASE_URL shows the row.")?,
    }
    if delivery.acknowledged() { Ok(()) } else { Err(SimulateError::NotAcknowledged.into()) }
}

/// Prints the row, and whether it is as intended.
async fn print_row(
    caller: &Caller,
    delivery: &Delivery,
    database: &Database,
) -> Result<(), CommandError> {
    let mut ledger = Ledger::default();
    ledger.note(0, delivery);
    let verdict = verify(caller, &ledger, database, PATIENCE, &CancellationToken::new()).await?;
    let mut rows = rows(caller, database).await?;
    for row in rows.as_json().await? {
        let row: Value = serde_json::from_str(&row).expect("Postgres makes valid JSON");
        print_lines(format_args!("{row:#}"))?;
    }
    rows.close().await;
    if delivery.acknowledged() {
        print_lines(VerdictSummary { verdict: &verdict, acknowledged: 1, database })?;
    }
    match verdict.differences() {
        0 => Ok(()),
        differences => Err(SimulateError::Differences(differences).into()),
    }
}

fn request(script: &Script, host: &str) -> Vec<u8> {
    let scene = script.scene(0);
    let first = scene.first().expect("every scene has a callback");
    first.callback.request(host, false, Some(1))
}

/// Bytes as text: bytes that are not UTF-8 are escaped, and line breaks are those of a terminal.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace("\r\n", "\n"));
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("writing to a string can't fail");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escaped::escaped_lines;

    #[test]
    fn bytes_are_printed_as_lines_and_what_is_not_text_is_escaped() {
        assert_eq!(
            escaped_lines(&printable(b"GET /?a=\xe9 b\x1b[2J\r\nHost: x\r\n\r\n")),
            "GET /?a=\\xe9 b\\u001b[2J\nHost: x\n\n"
        );
        assert_eq!(escaped_lines(&printable("message=é\0".as_bytes())), "message=é\\u0000");
    }
}
