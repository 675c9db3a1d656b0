//! `simulate once`: one callback, shown whole.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::AppError;
use crate::app::escaped::Escaped;
use crate::cli::{SimulatedKind, TargetArguments};
use crate::config::Settings;
use crate::error_chain::Chain;
use crate::store::Database;
use simulator::{Connection, Delivery, DeliveryAttempt, Failure, Kinds, Ledger, Script};

use super::caller::{Caller, database};
use super::outcome::VerdictInWords;
use super::verification::{rows, verify};
use super::{SimulateError, say};

/// How long the row may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(
    kind: SimulatedKind,
    arguments: &TargetArguments,
    settings: &Settings,
) -> Result<(), AppError> {
    let kinds = match kind {
        SimulatedKind::Report => Kinds::Reports,
        SimulatedKind::Message => Kinds::Messages,
    };
    let caller = Caller::of(arguments, kinds, settings).await?;
    let database = database(arguments, settings);
    let database = if arguments.verify.is_some() { Some(database?) } else { database.ok() };

    let mut connection = Connection::new(caller.destination.clone(), false);
    let request = request(&caller.script, caller.destination.authority());
    let hidden = Script { access: caller.script.access.hidden(), ..caller.script.clone() };
    let without_secrets = self::request(&hidden, caller.destination.authority());
    say(&format!("{}\n", shown(&without_secrets).trim_end()));

    let started = Instant::now();
    let exchanged = timeout(arguments.timeout, connection.exchange(&request)).await;
    let elapsed = started.elapsed();
    let exchanged = exchanged.unwrap_or(Err(Failure::TimedOut));
    match &exchanged {
        Ok(answer) => {
            let took = elapsed.as_secs_f64() * 1e3;
            say(&format!(
                "After {took:.1} ms:\n\n{}{}\n",
                shown(&answer.head),
                shown(&answer.body)
            ));
        }
        Err(failure) => say(&format!("No answer: {failure}\n")),
    }
    let outcome = exchanged.map(|answer| answer.status);
    let delivery =
        Delivery { attempts: vec![DeliveryAttempt { number: 1, started, elapsed, outcome }] };
    let found = if let Some(database) = &database {
        look(&caller, &delivery, database).await
    } else {
        say(&"No database to look into: --verify DATABASE_URL shows the row.");
        Ok(())
    };
    match found {
        Err(error) if arguments.verify.is_some() => Err(error),
        Err(AppError::Store(error)) => {
            say(&format!("The row can't be looked up: {}", Chain(&error)));
            acknowledged(&delivery)
        }
        found => found.and_then(|()| acknowledged(&delivery)),
    }
}

fn acknowledged(delivery: &Delivery) -> Result<(), AppError> {
    if delivery.acknowledged() { Ok(()) } else { Err(SimulateError::NotAcknowledged.into()) }
}

/// Shows the row, and says whether it is as it was meant.
async fn look(caller: &Caller, delivery: &Delivery, database: &Database) -> Result<(), AppError> {
    let mut ledger = Ledger::default();
    ledger.note(0, delivery);
    let verdict = verify(caller, &ledger, database, PATIENCE, &CancellationToken::new()).await?;
    let mut rows = rows(caller, database).await?;
    for row in rows.as_json().await? {
        let row: Value = serde_json::from_str(&row).unwrap_or_default();
        for line in serde_json::to_string_pretty(&row).unwrap_or_default().lines() {
            say(&Escaped(line).to_string());
        }
    }
    rows.close().await;
    if delivery.acknowledged() {
        say(&VerdictInWords { verdict: &verdict, acknowledged: 1 });
    }
    match verdict.differences() {
        0 => Ok(()),
        differences => Err(SimulateError::Differences(differences).into()),
    }
}

fn request(script: &Script, host: &str) -> Vec<u8> {
    let scene = script.scene(0);
    let first = scene.first().map(|planned| planned.callback.request(host, false, Some(1)));
    first.unwrap_or_default()
}

/// Bytes for a terminal: lines as lines, all else that is no text escaped.
fn shown(bytes: &[u8]) -> String {
    let mut shown = String::new();
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for chunk in line.utf8_chunks() {
            // Writing to a string does not fail.
            let _ = write!(shown, "{}", Escaped(chunk.valid()));
            for byte in chunk.invalid() {
                let _ = write!(shown, "\\x{byte:02x}");
            }
        }
        if lines.peek().is_some() {
            shown.push('\n');
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_lines_with_everything_escaped_that_is_no_text() {
        assert_eq!(
            shown(b"GET /?a=\xe9 b\x1b[2J\r\nHost: x\r\n\r\n"),
            "GET /?a=\\xe9 b\\u001b[2J\nHost: x\n\n"
        );
        assert_eq!(shown("message=é\0".as_bytes()), "message=é\\u0000");
    }
}
