//! What the gateways saw: every callback with every attempt.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use simulator::{DeliveryAttempt, RunSummary, Script};

#[derive(Default)]
pub struct Record {
    pub runs: Vec<(Script, RunSummary)>,
    pub attempts: Vec<DeliveryAttempt>,
}

impl Record {
    pub fn of(script: Script, summary: RunSummary) -> Self {
        Self { runs: vec![(script, summary)], attempts: Vec::new() }
    }

    pub fn add(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.attempts.extend(other.attempts);
    }

    /// Callbacks that were sent.
    pub fn sent(&self) -> u64 {
        self.runs.iter().map(|(_, summary)| summary.sent()).sum()
    }

    /// Callbacks that were answered 200.
    pub fn acknowledged(&self) -> u64 {
        self.runs.iter().map(|(_, summary)| summary.acknowledged).sum()
    }

    /// Attempts with an answer that is not 200.
    pub fn other_answers(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.outcome.is_ok_and(|code| code != 200)).count()
    }

    /// Attempts without an answer.
    pub fn failed_attempts(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.outcome.is_err()).count()
    }

    /// What else than 200 there was, and how often.
    pub fn others(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for attempt in self.attempts.iter().filter(|attempt| !attempt.acknowledged()) {
            let what = match attempt.outcome {
                Ok(status) => status.to_string(),
                Err(failure) => failure.to_string(),
            };
            *counts.entry(what).or_default() += 1;
        }
        let counts: Vec<String> =
            counts.iter().map(|(what, count)| format!("{count} x {what}")).collect();
        counts.join(", ")
    }

    /// How long the attempts with this answer took that began in any of the windows.
    pub fn times(&self, status: u16, windows: &[(Instant, Instant)]) -> Times {
        let within = |at: Instant| windows.iter().any(|(from, to)| (*from..*to).contains(&at));
        self.times_of(|attempt| attempt.outcome == Ok(status) && within(attempt.started))
    }

    /// How long every attempt took that was answered 200.
    pub fn times_to_200(&self) -> Times {
        self.times_of(DeliveryAttempt::acknowledged)
    }

    fn times_of(&self, counts: impl Fn(&DeliveryAttempt) -> bool) -> Times {
        let counted = self.attempts.iter().filter(|attempt| counts(attempt));
        let mut times: Vec<Duration> = counted.map(|attempt| attempt.elapsed).collect();
        times.sort_unstable();
        Times(times)
    }
}

/// Sorted.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Zero where there is none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * percent / 100).copied().unwrap_or_default()
    }
}
