//! `/delivery-reports` and `/delivery-reports/{report_token}`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};

use crate::domain::CallbackKind;
use crate::http::arrival::Arrival;
use crate::http::callback::{CallbackState, answer};
use crate::http::request_head::Authentication;

/// A report authenticated by the secret in its path. The protocol has no credentials, and a path segment
/// survives whatever a gateway appends to the registered URL.
pub(in crate::http) async fn by_token(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> Response<Body> {
    answer(state, CallbackKind::DeliveryReport, Authentication::ReportToken, arrival, request).await
}

/// A report authenticated by the account's user and password.
pub(in crate::http) async fn by_login(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> Response<Body> {
    answer(state, CallbackKind::DeliveryReport, Authentication::Login, arrival, request).await
}
