//! What became of a callback: every attempt at it and how each one ended.

use std::time::{Duration, Instant};

use super::connection::Failure;

/// One attempt at a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Which attempt at this callback it was, from 1 on.
    pub number: u32,
    /// When it began: before connecting, where that was needed.
    pub started: Instant,
    /// From then until the answer was complete, or the attempt had failed.
    pub elapsed: Duration,
    /// The answer's status, or why there was none.
    pub outcome: Result<u16, Failure>,
}

impl DeliveryAttempt {
    /// Whether the service took the callback with this attempt.
    #[must_use]
    pub fn acknowledged(&self) -> bool {
        self.outcome == Ok(200)
    }
}

/// All that was done for one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The attempts in their order, at least one. Only the last one can be acknowledged.
    pub attempts: Vec<DeliveryAttempt>,
}

impl Delivery {
    /// Whether the service took the callback. If not, the gateway has dropped it for good.
    #[must_use]
    pub fn acknowledged(&self) -> bool {
        self.attempts.last().is_some_and(DeliveryAttempt::acknowledged)
    }
}
