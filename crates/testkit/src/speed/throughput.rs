//! The number of responses under a load, and their latencies.

use std::time::Duration;

use hdrhistogram::Histogram;

/// After so long the usual gateway takes an attempt for failed, and repeats it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest latency that is told from longer ones.
const LONGEST: Duration = Duration::from_mins(1);

pub struct Throughput {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Answers other than 200.
    pub failed: u64,
    /// Answers that were not 200, or came so late that the gateway would have tried again.
    pub to_be_repeated: u64,
    /// Of answers with 200, in microseconds.
    latencies: Histogram<u64>,
}

impl Throughput {
    pub fn new() -> Self {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap();
        Self {
            elapsed: Duration::ZERO,
            failed: 0,
            to_be_repeated: 0,
            latencies: Histogram::new_with_bounds(1, longest, 3).unwrap(),
        }
    }

    pub fn record(&mut self, answered: bool, latency: Duration) {
        if answered {
            self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap());
        } else {
            self.failed += 1;
        }
        self.to_be_repeated += u64::from(!answered || latency > ATTEMPT_TIMEOUT);
    }

    /// Answers with 200.
    pub fn count(&self) -> u64 {
        self.latencies.len()
    }

    /// Answers with 200 a second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that so many of 100 answers did not exceed, in milliseconds.
    pub fn percentile(&self, percentile: f64) -> f64 {
        self.latencies.value_at_percentile(percentile) as f64 / 1e3
    }
}
