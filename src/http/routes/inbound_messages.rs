//! `/inbound-messages`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;

use crate::domain::{CallbackKind, Event};
use crate::http::answer::{Acknowledged, CallbackError};
use crate::http::callback::{CallbackRequest, CallbackState, submit};
use crate::wire::inbound_message;

/// A message, authenticated by the `user` and `pass` that the protocol gives it.
pub(in crate::http) async fn by_login(
    State(state): State<Arc<CallbackState>>,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let request = CallbackRequest::read(&state, request).await?;
    let params = request.params(&inbound_message::PARAMETERS);
    let account = CallbackRequest::account_by_login(&state, &params);
    let account = request.admit(&state, CallbackKind::InboundMessage, account)?;
    let reception = request.reception(&state, &account.name);
    let message = inbound_message::parse(&params, &account.encodings, reception.clone())
        .map(Event::InboundMessage);
    submit(&state, CallbackKind::InboundMessage, &params, reception, message).await
}
