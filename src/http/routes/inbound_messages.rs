//! `/inbound-messages`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};

use crate::domain::{CallbackKind, Event};
use crate::http::answer::{Acknowledged, CallbackError};
use crate::http::arrival::Arrival;
use crate::http::callback::{CallbackRequest, CallbackState, submit};
use crate::http::visit::Visit;
use crate::wire::inbound_message;

/// A message, authenticated by the `user` and `pass` that the protocol gives it.
pub(in crate::http) async fn by_login(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> Response<Body> {
    let mut visit = Visit::begin(CallbackKind::InboundMessage, arrival);
    let result = take(&state, &mut visit, request).await;
    visit.end(&state.metrics, result)
}

async fn take(
    state: &CallbackState,
    visit: &mut Visit,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let request = CallbackRequest::read(state, &visit.arrival, request).await?;
    let params = request.params(&inbound_message::PARAMETERS);
    let account = CallbackRequest::account_by_login(state, &params);
    let account = request.admit(state, visit.kind, account)?;
    let reception = request.reception(visit, account);
    let message = inbound_message::parse(&params, &account.encodings, reception.clone())
        .map(Event::InboundMessage);
    submit(state, visit, &params, reception, message).await
}
