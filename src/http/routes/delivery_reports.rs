//! `/delivery-reports` and `/delivery-reports/{report_token}`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::{Request, Response};

use crate::domain::CallbackKind;
use crate::http::arrival::Arrival;
use crate::http::callback::{CallbackState, answer};
use crate::http::request_head::Authentication;

/// A report authenticated by the secret in its path: the protocol has no credentials, and a path
/// segment survives whatever is appended to the registered URL.
pub(in crate::http) async fn by_token(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> Response<Body> {
    // A path that does not decode to text has no token.
    let token = path.as_ref().ok().and_then(|path| path.iter().next());
    let token = token.map_or(Vec::new(), |(_, token)| token.into());
    answer(
        state,
        CallbackKind::DeliveryReport,
        Authentication::ReportToken(token),
        arrival,
        request,
    )
    .await
}

/// A report authenticated by the account's user and password.
pub(in crate::http) async fn by_login(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> Response<Body> {
    answer(state, CallbackKind::DeliveryReport, Authentication::Login, arrival, request).await
}
