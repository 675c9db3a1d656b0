//! What is counted and measured in a run, in constant memory but for a byte a callback.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::script::{ExpectedRow, Planned};
use crate::{Delivery, Failure, Ledger};

/// The longest latency that is told apart from longer ones: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// Significant decimal digits of a latency.
const DIGITS: u8 = 3;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// Delivery reports among the callbacks sent.
    pub reports: u64,
    /// Inbound messages among them.
    pub messages: u64,
    /// Callbacks that were acknowledged.
    pub acknowledged: u64,
    /// Callbacks that were acknowledged at a later attempt than the first.
    pub repeated: u64,
    /// Callbacks that were given up.
    pub lost: u64,
    /// Callbacks that were due and did not begin in time, as the service was too slow.
    pub unsent: u64,
    /// Callbacks that found every connection busy when they were due.
    pub late: u64,
    /// How often each status was answered.
    pub answers: BTreeMap<u16, u64>,
    /// How often there was no answer, by the reason.
    pub failures: BTreeMap<Failure, u64>,
    /// From the first callback's time to the end of the last.
    pub elapsed: Duration,
    /// What became of each callback.
    pub ledger: Ledger,
    /// Microseconds from the time that a callback was to begin to its acknowledgement.
    latencies: Option<Histogram<u64>>,
}

impl Default for RunSummary {
    fn default() -> Self {
        Self {
            reports: 0,
            messages: 0,
            acknowledged: 0,
            repeated: 0,
            lost: 0,
            unsent: 0,
            late: 0,
            answers: BTreeMap::new(),
            failures: BTreeMap::new(),
            elapsed: Duration::ZERO,
            ledger: Ledger::default(),
            // The bounds are right: there is one.
            latencies: Histogram::new_with_bounds(1, LONGEST, DIGITS).ok(),
        }
    }
}

impl RunSummary {
    /// Counts a callback that ended so long after it was to begin.
    pub fn note(&mut self, planned: &Planned, delivery: &Delivery, latency: Duration) {
        match planned.expected.row {
            ExpectedRow::Report { .. } => self.reports += 1,
            ExpectedRow::Message { .. } => self.messages += 1,
        }
        for attempt in &delivery.attempts {
            *match attempt.outcome {
                Ok(status) => self.answers.entry(status).or_default(),
                Err(failure) => self.failures.entry(failure).or_default(),
            } += 1;
        }
        if delivery.acknowledged() {
            self.acknowledged += 1;
            self.repeated += u64::from(delivery.attempts.len() > 1);
            let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            if let Some(latencies) = &mut self.latencies {
                latencies.saturating_record(microseconds);
            }
        } else {
            self.lost += 1;
        }
        self.ledger.note(planned.number, delivery);
    }

    /// Callbacks that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.reports + self.messages
    }

    /// Attempts at them.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.answers.values().sum::<u64>() + self.failures.values().sum::<u64>()
    }

    /// The latency that so many of a hundred acknowledged callbacks did not exceed: from the time that
    /// they were to begin, all attempts included. Zero where none was acknowledged.
    #[must_use]
    pub fn latency(&self, percentile: f64) -> Duration {
        let latencies = self.latencies.as_ref();
        Duration::from_micros(latencies.map_or(0, |all| all.value_at_percentile(percentile)))
    }
}
