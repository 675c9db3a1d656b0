//! `/inbound-messages`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};

use crate::domain::CallbackKind;
use crate::http::arrival::Arrival;
use crate::http::callback::{CallbackState, answer};
use crate::http::request_head::Authentication;

/// A message, authenticated by the account's user and password.
pub(in crate::http) async fn by_login(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> Response<Body> {
    answer(state, CallbackKind::InboundMessage, Authentication::Login, arrival, request).await
}
