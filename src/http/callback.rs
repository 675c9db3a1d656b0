//! The path of a callback: head, account, body, parameters, event, receipt.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use tokio::time::timeout;

use crate::accounts::{Account, Accounts};
use crate::domain::{AccountName, CallbackKind, Event, Reception, RejectedCallback, Transport};
use crate::ingest::IngestHandle;
use crate::memory::MemoryBudget;
use crate::metrics::{AuthenticationFailure, Metrics, Rejection};
use crate::wire::params::Params;
use crate::wire::{self, Unusable};

use super::access_policy::AccessPolicy;
use super::answer::{Acknowledged, CallbackError};
use super::arrival::Arrival;
use super::request_body::{BodyCharge, ReadBody};
use super::request_head::{Authentication, HeadAccount, RequestHead};

/// What the callback routes share.
pub struct CallbackState {
    pub accounts: Accounts,
    pub access: AccessPolicy,
    pub ingest: IngestHandle,
    /// The size limit of a body, in bytes.
    pub max_body_bytes: usize,
    /// The same for a request whose head does not authenticate it.
    pub max_unauthenticated_body_bytes: usize,
    /// For bodies of authenticated requests, and for events until they are stored.
    pub memory: Arc<MemoryBudget>,
    /// How long a body may take to arrive, and then how long the answer may take.
    pub request_timeout: Duration,
    pub metrics: Metrics,
}

/// Answers a callback and counts the outcome.
pub(super) async fn answer(
    state: Arc<CallbackState>,
    kind: CallbackKind,
    authentication: Authentication,
    arrival: Arrival,
    request: Request<Body>,
) -> Response<Body> {
    let outcome = receive(&state, kind, authentication, &arrival, request).await;
    let account = match &outcome {
        Ok(acknowledged) => Some(acknowledged.account.clone()),
        Err(error) => {
            count_error(&state.metrics, kind, error);
            error.account().cloned()
        }
    };
    let answer = outcome.into_response();
    let elapsed = arrival.at.elapsed();
    state.metrics.http.answered(kind, account, answer.status().as_u16(), elapsed);
    answer
}

async fn receive(
    state: &CallbackState,
    kind: CallbackKind,
    authentication: Authentication,
    arrival: &Arrival,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let (parts, body) = request.into_parts();
    let head = RequestHead::new(&state.access, arrival.peer, parts);
    let source = head.source;

    // Without a body, the parameters below are complete and decide about a login.
    let by_head = match authentication {
        Authentication::Login if body.is_end_stream() => HeadAccount::Unknown,
        _ => head.account(&state.access, &state.accounts, kind, authentication)?,
    };
    let admitted = match by_head {
        HeadAccount::Final(account) => {
            Some(state.access.admit(kind, source.remote_addr, account)?)
        }
        HeadAccount::Basic(_) | HeadAccount::Unknown => None,
    };

    let body = if body.is_end_stream() {
        None
    } else {
        Some(read_body(state, arrival, by_head, body).await?)
    };

    let parsed = {
        let form = body.as_ref().map_or(&[][..], ReadBody::bytes);
        let params = head.params(kind, form);
        let account = if let Some(account) = admitted {
            account
        } else {
            let account =
                head.account_by_login(&state.access, &state.accounts, by_head, &params)?;
            state.access.admit(kind, source.remote_addr, account)?
        };
        let reception = Reception { key: arrival.key, account: account.name.clone(), source };
        ParsedCallback::new(state, kind, &params, account, reception)?
    };
    // A request is not held while its event waits for the commit.
    drop((head, body));

    let ParsedCallback { event, account, unusable } = parsed;
    // Writing the event takes a second copy.
    let bytes = 2 * event.weight() + arrival.memory.release_head();
    let charge = state.memory.charge(bytes).ok_or(CallbackError::OutOfMemory)?;
    match timeout(state.request_timeout, state.ingest.submit(event, charge)).await {
        Ok(Ok(receipt)) => match unusable {
            None => Ok(Acknowledged { account, receipt }),
            Some(unusable) => Err(CallbackError::Unusable { account, unusable, receipt }),
        },
        Ok(Err(error)) => Err(CallbackError::NotStored { account, error }),
        Err(_) => Err(CallbackError::TooSlow { account }),
    }
}

/// Reads less of a body, and charges it to the connection, until the request is authenticated.
async fn read_body(
    state: &CallbackState,
    arrival: &Arrival,
    by_head: HeadAccount<'_>,
    body: Body,
) -> Result<ReadBody, CallbackError> {
    let (charge, limit) = if by_head.account().is_some() {
        let charge = state.memory.charge(0).ok_or(CallbackError::OutOfMemory)?;
        (BodyCharge::Authenticated(charge), state.max_body_bytes)
    } else {
        let limit = state.max_unauthenticated_body_bytes.min(state.max_body_bytes);
        (BodyCharge::Unauthenticated(arrival.memory.charge()), limit)
    };
    ReadBody::new(charge, limit).read(body, state.request_timeout).await
}

/// The event that a callback becomes.
struct ParsedCallback {
    event: Event,
    account: AccountName,
    /// Set if it is neither a report nor a message; `event` then keeps its parameters.
    unusable: Option<Unusable>,
}

impl ParsedCallback {
    fn new(
        state: &CallbackState,
        kind: CallbackKind,
        params: &Params<'_>,
        account: &Account,
        reception: Reception,
    ) -> Result<Self, CallbackError> {
        let (account, encodings) = (account.name.clone(), &account.encodings);
        let secrets = state.accounts.secrets();
        match wire::parse(kind, params, encodings, secrets, reception.clone()) {
            Ok(event) => Ok(Self { event, account, unusable: None }),
            Err(unusable) => {
                let content = params.to_rejected_content(secrets);
                if reception.source.transport == Transport::HttpGet && content.is_empty() {
                    return Err(CallbackError::NoParameters { account, unusable });
                }
                state.access.log_unusable(kind, &reception, unusable);
                let reason = unusable.to_string().into();
                let rejected = RejectedCallback { reception, kind, reason, content };
                let event = Event::RejectedCallback(rejected);
                Ok(Self { event, account, unusable: Some(unusable) })
            }
        }
    }
}

fn count_error(metrics: &Metrics, kind: CallbackKind, error: &CallbackError) {
    let failure = match error {
        CallbackError::Unauthorized => AuthenticationFailure::Credentials,
        CallbackError::SourceNotAllowed => AuthenticationFailure::Source,
        CallbackError::TooManyFailures | CallbackError::NotCompared => {
            AuthenticationFailure::Limited
        }
        CallbackError::Unusable { .. } => {
            return metrics.ingest.rejected(kind, Rejection::Unusable);
        }
        CallbackError::NotStored { .. }
        | CallbackError::TooSlow { .. }
        | CallbackError::NoParameters { .. }
        | CallbackError::Unreadable(_)
        | CallbackError::OutOfMemory
        | CallbackError::BodyTooLarge(_)
        | CallbackError::UnauthenticatedBodyTooLarge(_)
        | CallbackError::BodyTooSlow
        | CallbackError::BodyBroken => return,
    };
    metrics.http.authentication_failed(failure);
}
