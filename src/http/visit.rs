//! A callback from its arrival to its answer: whose it turned out to be, and what is counted of it.

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;

use crate::domain::{AccountName, CallbackKind, Reception, Transport};
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
    pub(super) fn reception(&mut self, account: &AccountName, transport: Transport) -> Reception {
        self.account = Some(account.clone());
        Reception {
            stamp: self.arrival.stamp,
            account: account.clone(),
            transport,
            remote_addr: self.arrival.peer,
        }
    }

    /// Counts how it ended, and answers.
    pub(super) fn end(
        self,
        metrics: &Metrics,
        result: Result<Acknowledged, CallbackError>,
    ) -> Response<Body> {
        let Self { kind, arrival, account } = self;
        match &result {
            Err(CallbackError::Unauthorized) => {
                metrics.http.not_believed(AuthenticationFailure::Credentials);
            }
            Err(CallbackError::Unusable(..)) => {
                metrics.ingest.rejected(kind, Rejection::Unusable);
            }
            Ok(_) | Err(_) => {}
        }
        let answer = result.into_response();
        metrics.http.answered(kind, account, answer.status().as_u16(), arrival.at.elapsed());
        answer
    }
}
