//! The way of a callback: head, account, body, parameters, event, receipt.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Request, Response, header};
use axum::response::IntoResponse;
use tokio::time::timeout;

use crate::domain::{
    AccountName, CallbackKind, Event, EventKey, Reception, RejectedCallback, Transport,
};
use crate::ingest::IngestHandle;
use crate::memory::MemoryBudget;
use crate::metrics::{AuthenticationFailure, Metrics, Rejection};
use crate::wire::params::Params;
use crate::wire::{Unusable, delivery_report, inbound_message};

use super::access_policy::AccessPolicy;
use super::answer::{Acknowledged, CallbackError};
use super::arrival::Arrival;
use super::auth::{Account, Accounts, basic};
use super::request_body::{BodyCharge, ReadBody};

/// What the callback routes need.
pub struct CallbackState {
    pub accounts: Accounts,
    /// Where they may call from, and how often others may try.
    pub access: AccessPolicy,
    pub ingest: IngestHandle,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// The largest body of a request whose head has no credentials, in bytes.
    pub max_unauthenticated_body_bytes: usize,
    /// For the bodies of requests that have authenticated, and for events until they are stored.
    pub memory: Arc<MemoryBudget>,
    /// How long a body may take to arrive, and then how long the answer may take.
    pub request_timeout: Duration,
    pub metrics: Metrics,
}

/// What authenticates the callbacks of a route.
pub(super) enum Credentials {
    /// The last segment of the path.
    ReportToken(Vec<u8>),
    /// The parameters `user` and `pass`, or HTTP Basic where there are neither.
    Login,
}

/// Answers a callback, and counts how it ended.
pub(super) async fn answer(
    state: Arc<CallbackState>,
    kind: CallbackKind,
    credentials: Credentials,
    arrival: Arrival,
    request: Request<Body>,
) -> Response<Body> {
    let outcome = receive(&state, kind, &credentials, &arrival, request).await;
    let account = match &outcome {
        Ok(acknowledged) => Some(acknowledged.account.clone()),
        Err(error) => {
            count(&state.metrics, kind, error);
            error.account().cloned()
        }
    };
    let answer = outcome.into_response();
    let elapsed = arrival.at.elapsed();
    state.metrics.http.answered(kind, account, answer.status().as_u16(), elapsed);
    answer
}

/// From the request to its receipt.
async fn receive(
    state: &CallbackState,
    kind: CallbackKind,
    credentials: &Credentials,
    arrival: &Arrival,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let (parts, body) = request.into_parts();
    let head = Head::new(state, arrival.peer, parts);
    let has_body = !body.is_end_stream();

    let by_head = match credentials {
        Credentials::ReportToken(token) => ByHead::Final(state.accounts.by_report_token(token)),
        Credentials::Login if has_body => head.login(state, kind),
        // All parameters are in the head, and are read below.
        Credentials::Login => ByHead::UnlessInBody(None),
    };
    let admitted = match by_head {
        ByHead::Final(account) => Some(state.access.admit(kind, head.source, account)?),
        ByHead::UnlessInBody(_) => None,
    };

    let body = if has_body { Some(read_body(state, &by_head, arrival, body).await?) } else { None };

    let parsed = {
        let form = body.as_ref().map_or(&[][..], |body| &body.bytes);
        let params = head.params(kind, form);
        let account = match admitted {
            Some(account) => account,
            None => state.access.admit(kind, head.source, head.account(state, &params))?,
        };
        ParsedCallback::new(state, kind, account, head.reception(account, arrival.key), &params)
    };
    // While the callback waits for its commit, its request is gone.
    drop((head, body));

    let ParsedCallback { event, account, unusable } = parsed;
    // A second copy is made to write it.
    let memory = 2 * event.weight() + arrival.memory.release_head();
    let charge = state.memory.charge(memory).ok_or(CallbackError::OutOfMemory)?;
    match timeout(state.request_timeout, state.ingest.submit(event, charge)).await {
        Ok(Ok(receipt)) => match unusable {
            None => Ok(Acknowledged { account, receipt }),
            Some(unusable) => Err(CallbackError::Unusable { account, unusable, receipt }),
        },
        Ok(Err(error)) => Err(CallbackError::NotStored { account, error }),
        Err(_) => Err(CallbackError::TooSlow { account }),
    }
}

/// Until somebody has authenticated, less is read, and at the expense of the others who have not.
async fn read_body(
    state: &CallbackState,
    by_head: &ByHead<'_>,
    arrival: &Arrival,
    body: Body,
) -> Result<ReadBody, CallbackError> {
    let (limit, charge) = if by_head.account().is_some() {
        let charge = state.memory.charge(0).ok_or(CallbackError::OutOfMemory)?;
        (state.max_body_bytes, BodyCharge::Authenticated(charge))
    } else {
        let limit = state.max_unauthenticated_body_bytes.min(state.max_body_bytes);
        (limit, BodyCharge::Unauthenticated(arrival.memory.charge()))
    };
    let read = ReadBody::new(charge).read(body, limit, state.request_timeout).await;
    read.map_err(|error| match error {
        CallbackError::BodyTooLarge(limit) if limit < state.max_body_bytes => {
            CallbackError::UnauthenticatedBodyTooLarge(limit)
        }
        error => error,
    })
}

/// Whose a callback is, as far as its head says.
enum ByHead<'a> {
    /// Whatever the body has.
    Final(Option<&'a Account>),
    /// Where the body has neither `user` nor `pass`, or only the one that the query has not.
    UnlessInBody(Option<&'a Account>),
}

impl<'a> ByHead<'a> {
    fn account(&self) -> Option<&'a Account> {
        match self {
            Self::Final(account) | Self::UnlessInBody(account) => *account,
        }
    }
}

/// What is kept of a request's head.
struct Head {
    target: Option<PathAndQuery>,
    authorization: Option<HeaderValue>,
    transport: Transport,
    /// The address that it comes from, trusted proxies apart.
    source: IpAddr,
}

impl Head {
    fn new(state: &CallbackState, peer: IpAddr, parts: Parts) -> Self {
        Self {
            source: state.access.source(peer, &parts.headers),
            authorization: parts.headers.get(header::AUTHORIZATION).cloned(),
            transport: match parts.method {
                Method::POST => Transport::HttpPost,
                _ => Transport::HttpGet,
            },
            target: parts.uri.into_parts().path_and_query,
        }
    }

    /// The parameters of the query and of a form.
    fn params<'a>(&'a self, kind: CallbackKind, form: &'a [u8]) -> Params<'a> {
        let query = self.target.as_ref().and_then(PathAndQuery::query).unwrap_or_default();
        let documented: &[&str] = match kind {
            CallbackKind::DeliveryReport => &delivery_report::PARAMETERS,
            CallbackKind::InboundMessage => &inbound_message::PARAMETERS,
        };
        Params::parse(query.as_bytes(), form, documented)
    }

    /// The account of a request whose body has not been read.
    fn login<'a>(&self, state: &'a CallbackState, kind: CallbackKind) -> ByHead<'a> {
        let params = self.params(kind, b"");
        match (params.first("user"), params.first("pass")) {
            (Some(user), Some(pass)) => ByHead::Final(state.accounts.by_login(user, pass)),
            (None, None) => ByHead::UnlessInBody(self.basic(state).flatten()),
            _ => ByHead::UnlessInBody(None),
        }
    }

    /// The account of these parameters, or, where they are no login, of the `Authorization` header.
    fn account<'a>(&self, state: &'a CallbackState, params: &Params<'_>) -> Option<&'a Account> {
        match (params.first("user"), params.first("pass")) {
            (None, None) => self.basic(state).unwrap_or_else(|| state.accounts.by_login(b"", b"")),
            (user, pass) => {
                state.accounts.by_login(user.unwrap_or_default(), pass.unwrap_or_default())
            }
        }
    }

    /// `None` where there is no readable `Authorization: Basic`.
    fn basic<'a>(&self, state: &'a CallbackState) -> Option<Option<&'a Account>> {
        let (user, pass) = basic(self.authorization.as_ref()?.as_bytes())?;
        Some(state.accounts.by_login(&user, &pass))
    }

    fn reception(&self, account: &Account, key: EventKey) -> Reception {
        Reception {
            key,
            account: account.name.clone(),
            transport: self.transport,
            remote_addr: self.source,
        }
    }
}

/// What a callback is.
struct ParsedCallback {
    event: Event,
    account: AccountName,
    /// Why it is not what the route is for; the event is the request itself then.
    unusable: Option<Unusable>,
}

impl ParsedCallback {
    fn new(
        state: &CallbackState,
        kind: CallbackKind,
        account: &Account,
        reception: Reception,
        params: &Params<'_>,
    ) -> Self {
        let name = account.name.clone();
        let parsed = match kind {
            CallbackKind::DeliveryReport => {
                delivery_report::parse(params, reception.clone()).map(Event::DeliveryReport)
            }
            CallbackKind::InboundMessage => {
                inbound_message::parse(params, &account.encodings, reception.clone())
                    .map(Event::InboundMessage)
            }
        };
        match parsed {
            Ok(event) => Self { event, account: name, unusable: None },
            Err(unusable) => {
                state.access.log_unusable(kind, &reception, unusable);
                let event = Event::RejectedCallback(RejectedCallback {
                    kind,
                    reason: unusable.to_string().into(),
                    request: params.to_rejected_request(reception.transport, kind),
                    reception,
                });
                Self { event, account: name, unusable: Some(unusable) }
            }
        }
    }
}

fn count(metrics: &Metrics, kind: CallbackKind, error: &CallbackError) {
    let failure = match error {
        CallbackError::Unauthorized => AuthenticationFailure::Credentials,
        CallbackError::SourceNotAllowed => AuthenticationFailure::Source,
        CallbackError::TooManyFailures => AuthenticationFailure::Limited,
        CallbackError::Unusable { .. } => {
            return metrics.ingest.rejected(kind, Rejection::Unusable);
        }
        CallbackError::NotStored { .. }
        | CallbackError::TooSlow { .. }
        | CallbackError::OutOfMemory
        | CallbackError::BodyTooLarge(_)
        | CallbackError::UnauthenticatedBodyTooLarge(_)
        | CallbackError::BodyTooSlow
        | CallbackError::BodyBroken => return,
    };
    metrics.http.authentication_failed(failure);
}
