//! A callback that was lost: which one it was, and who refused it.

use std::fmt;

use crate::script::{ExpectedRow, Planned};
use crate::{Delivery, Failure, Oddity, Refusal};

/// A callback of which no attempt was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCallback {
    /// Its number in the run.
    pub number: u64,
    pub is_report: bool,
    pub oddity: Option<Oddity>,
    pub attempts: usize,
    /// Why the last attempt had no response, if it had none.
    pub failure: Option<Failure>,
    /// The last response.
    pub refusal: Option<Refusal>,
}

impl FailedCallback {
    pub(super) fn new(planned: &Planned, delivery: &Delivery) -> Self {
        Self {
            number: planned.number,
            is_report: matches!(planned.expected.row, ExpectedRow::Report { .. }),
            oddity: planned.callback.oddity,
            attempts: delivery.attempts.len(),
            failure: delivery.attempts.last().and_then(|attempt| attempt.outcome.err()),
            refusal: delivery.refusal.clone(),
        }
    }
}

impl fmt::Display for FailedCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_report { "report" } else { "message" };
        write!(f, "callback {}, a {kind}", self.number)?;
        if let Some(oddity) = self.oddity {
            write!(f, " with {}", oddity.describe())?;
        }
        write!(f, ", {} attempts: ", self.attempts)?;
        match (self.failure, &self.refusal) {
            (Some(failure), None) => write!(f, "{failure}"),
            (Some(failure), Some(refusal)) => write!(f, "{failure}, and before that {refusal}"),
            (None, refusal) => {
                write!(f, "{}", refusal.as_ref().expect("a response other than 200 is a refusal"))
            }
        }
    }
}
