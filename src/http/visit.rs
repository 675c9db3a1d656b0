//! A callback from its arrival to its answer: whose it turned out to be, and what is counted of it.

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;

use crate::domain::{AccountName, CallbackKind, Reception, Source};
use crate::metrics::{AuthenticationFailure, Metrics, Rejection};

use super::answer::{Acknowledged, CallbackError};
use super::arrival::Arrival;

/// A callback on its way through a route.
pub(super) struct Visit {
    pub(super) kind: CallbackKind,
    pub(super) arrival: Arrival,
    account: Option<AccountName>,
}

impl Visit {
    pub(super) fn begin(kind: CallbackKind, arrival: Arrival) -> Self {
        Self { kind, arrival, account: None }
    }

    /// The callback is this account's.
    pub(super) fn reception(&mut self, account: &AccountName, source: Source) -> Reception {
        self.account = Some(account.clone());
        Reception { key: self.arrival.key, account: account.clone(), source }
    }

    /// Counts how it ended, and answers.
    pub(super) fn end(
        self,
        metrics: &Metrics,
        result: Result<Acknowledged, CallbackError>,
    ) -> Response<Body> {
        let Self { kind, arrival, account } = self;
        if let Err(error) = &result {
            count(metrics, kind, error);
        }
        let answer = result.into_response();
        metrics.http.answered(kind, account, answer.status().as_u16(), arrival.at.elapsed());
        answer
    }
}

fn count(metrics: &Metrics, kind: CallbackKind, error: &CallbackError) {
    let failure = match error {
        CallbackError::Unauthorized => AuthenticationFailure::Credentials,
        CallbackError::SourceNotAllowed => AuthenticationFailure::Source,
        CallbackError::TooManyFailures => AuthenticationFailure::Limited,
        CallbackError::Unusable(..) => return metrics.ingest.rejected(kind, Rejection::Unusable),
        CallbackError::NotStored(_)
        | CallbackError::TooSlow
        | CallbackError::BodyTooLarge(_)
        | CallbackError::BodyTooSlow
        | CallbackError::BodyBroken => return,
    };
    metrics.http.authentication_failed(failure);
}
