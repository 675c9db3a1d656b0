//! The result of a run, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{RunSummary, Verdict};

use crate::commands::CommandError;
use crate::error_chain::Chain;
use crate::escaped::Escaped;
use crate::store::Database;

use super::caller::Caller;

/// Differences that people are shown; programs get more.
const SHOWN: usize = 20;

/// Percentiles of the latency, with their names.
const PERCENTILES: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99_9", 99.9), ("max", 100.0)];

/// What was sent and how it was answered.
pub(super) struct RunReport<'a> {
    pub(super) caller: &'a Caller,
    pub(super) tally: &'a RunSummary,
}

impl RunReport<'_> {
    /// For programs. Keys are added, never changed: docs/simulate.md names them.
    pub(super) fn json(
        &self,
        database: Option<&Database>,
        verified: Option<&Result<Verdict, CommandError>>,
    ) -> Value {
        let Self { caller, tally } = self;
        let verdict = verified.and_then(|verified| verified.as_ref().ok());
        let not_verified = verified.and_then(|verified| verified.as_ref().err());
        let counts = |pairs: Vec<(String, u64)>| {
            Value::Object(pairs.into_iter().map(|(name, count)| (name, count.into())).collect())
        };
        let latency = PERCENTILES.map(|(name, percentile)| {
            (name.to_owned(), json!(milliseconds(tally.latency(percentile))))
        });
        json!({
            "url": caller.url,
            "run": caller.script.run,
            "seed": caller.script.seed,
            "elapsed_seconds": tally.elapsed.as_secs_f64(),
            "sent": tally.sent(),
            "reports": tally.reports,
            "messages": tally.messages,
            "acknowledged": tally.acknowledged,
            "repeated": tally.repeated,
            "lost": tally.lost,
            "lost_callbacks": tally.failed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "unsent": tally.unsent,
            "late": tally.late,
            "attempts": tally.attempts(),
            "answers": counts(tally.answers.iter().map(|(k, v)| (k.to_string(), *v)).collect()),
            "failures": counts(tally.failures.iter().map(|(k, v)| (k.name().to_owned(), *v)).collect()),
            "latency_ms": Value::Object(latency.into_iter().collect()),
            "database": database.map(Database::location),
            "verification": verdict.map(|verdict| json!({
                "rows": verdict.rows,
                "missing": verdict.missing,
                "doubled": verdict.doubled,
                "different": verdict.different,
                "unexpected": verdict.unexpected,
                "differences": verdict.described.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })),
            "not_verified": not_verified.map(|error| Chain(error).to_string()),
        })
    }
}

impl fmt::Display for RunReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, tally } = self;
        let elapsed = tally.elapsed.as_secs_f64();
        writeln!(f, "run           {}, seed {}", caller.script.run, caller.script.seed)?;
        writeln!(
            f,
            "sent          {} callbacks in {elapsed:.1} s: {} reports, {} messages",
            tally.sent(),
            tally.reports,
            tally.messages
        )?;
        writeln!(
            f,
            "acknowledged  {}, {} of them after more than one attempt",
            tally.acknowledged, tally.repeated
        )?;
        writeln!(f, "lost          {}", tally.lost)?;
        for failed in &tally.failed {
            writeln!(f, "  {failed}")?;
        }
        let more = tally.lost.saturating_sub(tally.failed.len() as u64);
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        if tally.unsent > 0 {
            writeln!(f, "not sent      {}: the service was too slow for the rate", tally.unsent)?;
        }
        if tally.late > 0 {
            writeln!(
                f,
                "late          {} found every connection busy when they were due",
                tally.late
            )?;
        }
        let answers = tally.answers.iter().map(|(status, count)| format!("{count} x {status}"));
        let failures = tally.failures.iter().map(|(why, count)| format!("{count} x {why}"));
        let outcomes: Vec<String> = answers.chain(failures).collect();
        write!(f, "attempts      {}: {}", tally.attempts(), outcomes.join(", "))?;
        if tally.acknowledged > 0 {
            let latency = PERCENTILES.map(|(name, percentile)| {
                let name = name.replace('_', ".");
                format!("{name} {} ms", milliseconds(tally.latency(percentile)))
            });
            write!(f, "\nlatency       {}", latency.join(", "))?;
        }
        Ok(())
    }
}

/// What the database has, for people.
pub(super) struct VerdictSummary<'a> {
    pub(super) verdict: &'a Verdict,
    /// In callbacks.
    pub(super) acknowledged: u64,
    /// The one that was read.
    pub(super) database: &'a Database,
}

impl fmt::Display for VerdictSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, acknowledged, database } = self;
        writeln!(f, "database      {}", database.location())?;
        let Verdict { rows, missing, doubled, different, unexpected, described } = verdict;
        if verdict.differences() == 0 {
            let what = match acknowledged {
                0 => {
                    return write!(
                        f,
                        "verified      nothing: no callback was acknowledged (rows: {rows})"
                    );
                }
                1 => "the acknowledged callback is stored exactly once, as intended".to_owned(),
                _ => format!(
                    "{acknowledged} acknowledged callbacks are stored exactly once, as intended"
                ),
            };
            return write!(f, "verified      {what} (rows: {rows})");
        }
        write!(f, "verified      WRONG: ")?;
        if *rows == 0 {
            write!(f, "no row of this run is in that database (does the service use another?): ")?;
        }
        write!(
            f,
            "{missing} missing, {doubled} doubled, {different} different, {unexpected} unexpected (rows: {rows})"
        )?;
        for difference in described.iter().take(SHOWN) {
            write!(f, "\n  {}", Escaped(difference))?;
        }
        let more = verdict.differences().saturating_sub(SHOWN as u64);
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}

/// Rounded to the microsecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
