//! What both kinds of callback have in common: reading the request, and handing over the fact.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Request, Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::accounts::{Account, Accounts};
use crate::domain::{CallbackKind, Event, Reception, RejectedCallback, Source, Transport};
use crate::ingest::{IngestHandle, Receipt, SubmitError};
use crate::metrics::Metrics;
use crate::wire::params::{Input, Params};
use crate::wire::{BodyType, Unusable};

use super::answer::{Acknowledged, CallbackError};
use super::arrival::Arrival;
use super::auth::basic;
use super::gate::Gate;
use super::visit::Visit;

/// All that the callback routes need.
pub struct CallbackState {
    /// Who may call back.
    pub accounts: Accounts,
    /// Where they may call from, and how often others may try.
    pub gate: Gate,
    /// Where facts go.
    pub ingest: IngestHandle,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// How long a body may take to arrive, and then how long the answer may take.
    pub request_timeout: Duration,
    /// Where callbacks are counted.
    pub metrics: Metrics,
}

/// A callback's request, read whole.
pub(super) struct CallbackRequest {
    target: Option<PathAndQuery>,
    form: Bytes,
    authorization: Option<HeaderValue>,
    body_type: BodyType,
    /// Where it comes from, proxies apart.
    source: Source,
}

impl CallbackRequest {
    /// The head's part of it.
    fn of(state: &CallbackState, peer: IpAddr, head: Parts) -> Self {
        Self {
            source: Source {
                transport: match head.method {
                    Method::POST => Transport::HttpPost,
                    _ => Transport::HttpGet,
                },
                remote_addr: state.gate.source(peer, &head.headers),
            },
            authorization: head.headers.get(header::AUTHORIZATION).cloned(),
            body_type: BodyType::new(
                head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes),
                head.headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes),
            ),
            target: head.uri.into_parts().path_and_query,
            form: Bytes::new(),
        }
    }

    /// The parameters of query and form.
    pub(super) fn params(&self, kind: CallbackKind) -> Params<'_> {
        let query = self.target.as_ref().and_then(PathAndQuery::query).unwrap_or_default();
        let (query, body_type) = (query.as_bytes(), &self.body_type);
        Params::read(kind, Input { path: b"", query, body_type, body: &self.form })
    }

    /// The account whose credentials it has, unless it comes from where that has no callbacks from.
    pub(super) fn admit<'a>(
        &self,
        state: &'a CallbackState,
        kind: CallbackKind,
        account: Option<&'a Account>,
    ) -> Result<&'a Account, CallbackError> {
        state.gate.admit(kind, self.source.remote_addr, account)
    }

    /// The account that the parameters `user` and `pass` belong to.
    pub(super) fn account_by_login<'a>(
        state: &'a CallbackState,
        params: &Params<'_>,
    ) -> Option<&'a Account> {
        let user = params.first("user").unwrap_or_default();
        let pass = params.first("pass").unwrap_or_default();
        state.accounts.by_login(user, pass)
    }

    /// The same, or, where there are no such parameters, that of the `Authorization` header.
    pub(super) fn account_by_login_or_basic<'a>(
        &self,
        state: &'a CallbackState,
        params: &Params<'_>,
    ) -> Option<&'a Account> {
        if params.first("user").is_none()
            && params.first("pass").is_none()
            && let Some((user, pass)) =
                self.authorization.as_ref().and_then(|value| basic(value.as_bytes()))
        {
            return state.accounts.by_login(&user, &pass);
        }
        Self::account_by_login(state, params)
    }

    /// The callback turned out to be this account's.
    pub(super) fn reception(&self, visit: &mut Visit, account: &Account) -> Reception {
        visit.reception(&account.name, self.source)
    }
}

/// What a callback came to.
pub(super) struct Fact {
    event: Event,
    /// Why the request is not what it is meant to be; the event is the request itself then.
    unusable: Option<Unusable>,
}

impl Fact {
    /// The fact that was read, or, where the request held none, the request itself.
    pub(super) fn of(
        state: &CallbackState,
        kind: CallbackKind,
        params: &Params<'_>,
        reception: Reception,
        read: Result<Event, Unusable>,
    ) -> Self {
        match read {
            Ok(event) => Self { event, unusable: None },
            Err(unusable) => {
                state.gate.note_unusable(kind, &reception, unusable);
                let event = Event::RejectedCallback(RejectedCallback {
                    kind,
                    reason: unusable.to_string().into(),
                    content: params.to_rejected_content(state.accounts.secrets()),
                    reception,
                });
                Self { event, unusable: Some(unusable) }
            }
        }
    }
}

/// Reads a callback, makes a fact of it, and answers once that is durable.
///
/// `understand` is all that lies between, and waits for nothing: while a callback waits for its commit,
/// its request is gone.
pub(super) fn take(
    state: Arc<CallbackState>,
    kind: CallbackKind,
    arrival: Arrival,
    request: Request<Body>,
    understand: impl FnOnce(&CallbackState, &mut Visit, &CallbackRequest) -> Result<Fact, CallbackError>
    + Send,
) -> impl Future<Output = Response<Body>> + Send {
    let (head, body) = request.into_parts();
    let request = CallbackRequest::of(&state, arrival.peer, head);
    let mut visit = Visit::begin(kind, arrival);
    async move {
        let submitted = read_body(&state, body).await.and_then(|form| {
            visit.arrival.place.request_is_complete();
            let request = CallbackRequest { form, ..request };
            let Fact { event, unusable } = understand(&state, &mut visit, &request)?;
            Ok((state.ingest.submit(event), unusable))
        });
        let result = match submitted {
            Ok((durable, unusable)) => {
                acknowledge(timeout(state.request_timeout, durable).await, unusable)
            }
            Err(error) => Err(error),
        };
        visit.end(&state.metrics, result)
    }
}

fn acknowledge(
    durable: Result<Result<Receipt, SubmitError>, Elapsed>,
    unusable: Option<Unusable>,
) -> Result<Acknowledged, CallbackError> {
    let receipt = durable.map_err(|_| CallbackError::TooSlow)??;
    match unusable {
        None => Ok(Acknowledged(receipt)),
        Some(unusable) => Err(CallbackError::Unusable(unusable, receipt)),
    }
}

/// The body, within its bounds of size and time. A body too large is refused before it is read,
/// where its length is announced.
async fn read_body(state: &CallbackState, body: Body) -> Result<Bytes, CallbackError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limit = state.max_body_bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(CallbackError::BodyTooLarge(limit));
    }
    match timeout(state.request_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(CallbackError::BodyTooLarge(limit)),
        Ok(Err(_)) => Err(CallbackError::BodyBroken),
        Err(_) => Err(CallbackError::BodyTooSlow),
    }
}

#[cfg(test)]
mod tests {
    use crate::http::routes::{delivery_reports, inbound_messages};

    #[test]
    fn a_callback_that_waits_for_its_commit_holds_little_memory() {
        fn of_three<A, B, C, F>(_: impl Fn(A, B, C) -> F) -> usize {
            size_of::<F>()
        }
        fn of_four<A, B, C, D, F>(_: impl Fn(A, B, C, D) -> F) -> usize {
            size_of::<F>()
        }
        // Up to here glibc serves allocations from a cache of the thread's; axum adds some 350 bytes.
        let most = 1032 - 400;
        assert!(of_four(delivery_reports::by_token) <= most);
        assert!(of_three(delivery_reports::by_login) <= most);
        assert!(of_three(inbound_messages::by_login) <= most);
    }
}
