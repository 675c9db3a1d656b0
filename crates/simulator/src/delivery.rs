//! The attempts at a callback, and how each one ended.

use std::time::{Duration, Instant};

use super::failure::Failure;

/// One attempt at a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Counts from 1.
    pub number: u32,
    /// When it began, before connecting.
    pub started: Instant,
    /// Until the response was complete, or the attempt had failed.
    pub elapsed: Duration,
    /// The status of the response, or why there was none.
    pub outcome: Result<u16, Failure>,
}

impl DeliveryAttempt {
    #[must_use]
    pub fn acknowledged(&self) -> bool {
        self.outcome == Ok(200)
    }
}

/// All attempts at one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// In order, at least one. Only the last can be acknowledged.
    pub attempts: Vec<DeliveryAttempt>,
}

impl Delivery {
    /// Whether the service accepted the callback. If not, the gateway has dropped it for good.
    #[must_use]
    pub fn acknowledged(&self) -> bool {
        self.attempts.last().is_some_and(DeliveryAttempt::acknowledged)
    }
}
