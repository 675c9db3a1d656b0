//! What both kinds of callback have in common: reading the request, and handing over the fact.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{Method, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::domain::{
    AccountName, CallbackKind, Event, Reception, RejectedCallback, StampSource, Transport,
};
use crate::ingest::IngestHandle;
use crate::wire::Unusable;
use crate::wire::params::Params;

use super::answer::{Acknowledged, CallbackError};
use super::auth::{Account, Accounts, basic};
use super::gate::Gate;
use super::places::Place;

/// The connection that a request came by; the server puts it into every request.
#[derive(Clone)]
pub(super) struct Peer {
    /// The address of its other end.
    pub(super) address: IpAddr,
    /// Its place, which is safe once the request is there.
    pub(super) place: Arc<Place>,
}

/// All that the callback routes need.
pub struct CallbackState {
    /// Who may call back.
    pub accounts: Accounts,
    /// Where they may call from, and how often others may try.
    pub gate: Gate,
    /// Where facts go.
    pub ingest: IngestHandle,
    /// Where identity and time come from.
    pub stamps: StampSource,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// How long a body may take to arrive, and then how long the answer may take.
    pub request_timeout: Duration,
}

/// A callback's request, read whole.
pub(super) struct CallbackRequest {
    query: String,
    form: Bytes,
    basic: Option<(Vec<u8>, Vec<u8>)>,
    transport: Transport,
    /// Where it comes from, proxies apart.
    source: IpAddr,
}

impl CallbackRequest {
    pub(super) async fn read(
        state: &CallbackState,
        request: Request<Body>,
    ) -> Result<Self, CallbackError> {
        let (head, body) = request.into_parts();
        let form = read_body(state, body).await?;
        let peer: Option<&Peer> = head.extensions.get();
        if let Some(Peer { place, .. }) = peer {
            place.request_is_complete();
        }
        let address = peer.map_or([0, 0, 0, 0].into(), |peer| peer.address);
        Ok(Self {
            source: state.gate.source(address, &head.headers),
            query: head.uri.query().unwrap_or_default().to_owned(),
            form,
            basic: head
                .headers
                .get(header::AUTHORIZATION)
                .and_then(|value| basic(value.as_bytes())),
            transport: match head.method {
                Method::POST => Transport::HttpPost,
                _ => Transport::HttpGet,
            },
        })
    }

    /// Its parameters; `documented` are those the route knows.
    pub(super) fn params(&self, documented: &[&str]) -> Params<'_> {
        Params::parse(self.query.as_bytes(), &self.form, documented)
    }

    /// The account whose credentials it has, unless it comes from where that has no callbacks from.
    pub(super) fn admit<'a>(
        &self,
        state: &'a CallbackState,
        kind: CallbackKind,
        account: Option<&'a Account>,
    ) -> Result<&'a Account, CallbackError> {
        state.gate.admit(kind, self.source, account)
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
        match &self.basic {
            Some((user, pass))
                if params.first("user").is_none() && params.first("pass").is_none() =>
            {
                state.accounts.by_login(user, pass)
            }
            _ => Self::account_by_login(state, params),
        }
    }

    /// Identity and time are given here.
    pub(super) fn reception(&self, state: &CallbackState, account: &AccountName) -> Reception {
        Reception {
            stamp: state.stamps.next(),
            account: account.clone(),
            transport: self.transport,
            remote_addr: self.source,
        }
    }
}

/// Makes the fact durable, or, where the request held none, the request itself.
pub(super) async fn submit(
    state: &CallbackState,
    kind: CallbackKind,
    params: &Params<'_>,
    reception: Reception,
    fact: Result<Event, Unusable>,
) -> Result<Acknowledged, CallbackError> {
    match fact {
        Ok(event) => Ok(Acknowledged(submit_in_time(state, event).await?)),
        Err(unusable) => {
            state.gate.note_unusable(kind, &reception, unusable);
            let rejected = Event::RejectedCallback(RejectedCallback {
                kind,
                reason: unusable.to_string().into(),
                request: params.to_rejected_request(reception.transport, kind),
                reception,
            });
            Err(CallbackError::Unusable(unusable, submit_in_time(state, rejected).await?))
        }
    }
}

async fn submit_in_time(
    state: &CallbackState,
    event: Event,
) -> Result<crate::ingest::Receipt, CallbackError> {
    let submitted = timeout(state.request_timeout, state.ingest.submit(event)).await;
    Ok(submitted.map_err(|_| CallbackError::TooSlow)??)
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
