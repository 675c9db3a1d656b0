//! What the gateway saw: every delivery with every attempt.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use simulator::{Attempt, Delivery};

/// One callback and what became of it.
pub struct Sent {
    pub serial: u64,
    pub delivery: Delivery,
}

#[derive(Default)]
pub struct Record {
    pub sent: Vec<Sent>,
}

impl Record {
    pub fn add(&mut self, other: Self) {
        self.sent.extend(other.sent);
    }

    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.sent.iter().flat_map(|sent| &sent.delivery.attempts)
    }

    pub fn acknowledged(&self) -> usize {
        self.sent.iter().filter(|sent| sent.delivery.acknowledged()).count()
    }

    /// Attempts with an answer that is not 200.
    pub fn other_answers(&self) -> usize {
        self.attempts().filter(|attempt| attempt.outcome.is_ok_and(|status| status != 200)).count()
    }

    /// Attempts without an answer.
    pub fn failed_attempts(&self) -> usize {
        self.attempts().filter(|attempt| attempt.outcome.is_err()).count()
    }

    /// What else than 200 there was, and how often.
    pub fn others(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for attempt in self.attempts().filter(|attempt| !attempt.acknowledged()) {
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

    /// How long the attempts with this answer took that began in any of the windows; sorted.
    pub fn times(&self, status: u16, windows: &[(Instant, Instant)]) -> Times {
        let within = |at: Instant| windows.iter().any(|(from, to)| (*from..*to).contains(&at));
        self.times_of(|attempt| attempt.outcome == Ok(status) && within(attempt.started))
    }

    /// How long every attempt took that was answered 200.
    pub fn times_to_200(&self) -> Times {
        self.times_of(Attempt::acknowledged)
    }

    fn times_of(&self, counts: impl Fn(&Attempt) -> bool) -> Times {
        let counted = self.attempts().filter(|attempt| counts(attempt));
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
