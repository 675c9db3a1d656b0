//! Counts and latencies of a run, in constant memory apart from one byte for each callback.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::script::{ExpectedRow, Planned};
use crate::{Delivery, Failure, Ledger};

/// The longest latency that is recorded exactly: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// Significant decimal digits of a latency.
const DIGITS: u8 = 3;

/// The result of a run.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// Delivery reports sent.
    pub reports: u64,
    /// Inbound messages sent.
    pub messages: u64,
    pub acknowledged: u64,
    /// Callbacks that were acknowledged at a later attempt than the first.
    pub repeated: u64,
    /// Callbacks that were dropped after the last attempt.
    pub lost: u64,
    /// Callbacks that were due and never began, because the service was too slow.
    pub unsent: u64,
    /// Callbacks that found every connection busy when they were due.
    pub late: u64,
    /// Responses by status.
    pub answers: BTreeMap<u16, u64>,
    /// Attempts without a response, by reason.
    pub failures: BTreeMap<Failure, u64>,
    /// From the start of the run to the end of the last callback.
    pub elapsed: Duration,
    pub ledger: Ledger,
    /// Microseconds from the intended time of a callback to its acknowledgement.
    latencies: Histogram<u64>,
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
            latencies: Histogram::new_with_bounds(1, LONGEST, DIGITS)
                .expect("the bounds are valid"),
        }
    }
}

impl RunSummary {
    /// Counts a callback. The latency is measured from its intended time.
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
            self.latencies.saturating_record(microseconds);
        } else {
            self.lost += 1;
        }
        self.ledger.note(planned.number, delivery);
    }

    /// Callbacks sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.reports + self.messages
    }

    /// Attempts at all callbacks.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.answers.values().sum::<u64>() + self.failures.values().sum::<u64>()
    }

    /// A percentile of the latencies of acknowledged callbacks, from the intended time, including all
    /// attempts. Zero if none was acknowledged.
    #[must_use]
    pub fn latency(&self, percentile: f64) -> Duration {
        Duration::from_micros(self.latencies.value_at_percentile(percentile))
    }
}
