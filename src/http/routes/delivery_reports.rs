//! `/delivery-reports` and `/delivery-reports/{report_token}`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::{Request, Response};

use crate::domain::{CallbackKind, Event};
use crate::http::answer::{Acknowledged, CallbackError};
use crate::http::arrival::Arrival;
use crate::http::auth::Account;
use crate::http::callback::{CallbackRequest, CallbackState, submit};
use crate::http::visit::Visit;
use crate::wire::delivery_report;
use crate::wire::params::Params;

/// A report authenticated by the secret in its path: the protocol has no credentials, and a path
/// segment survives whatever is appended to the registered URL.
pub(in crate::http) async fn by_token(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> Response<Body> {
    let mut visit = Visit::begin(CallbackKind::DeliveryReport, arrival);
    let result = take_by_token(&state, &mut visit, path.as_ref().ok(), request).await;
    visit.end(&state.metrics, result)
}

/// A report authenticated by the account's user and password.
pub(in crate::http) async fn by_login(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> Response<Body> {
    let mut visit = Visit::begin(CallbackKind::DeliveryReport, arrival);
    let result = take_by_login(&state, &mut visit, request).await;
    visit.end(&state.metrics, result)
}

async fn take_by_token(
    state: &CallbackState,
    visit: &mut Visit,
    path: Option<&RawPathParams>,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let request = CallbackRequest::read(state, &visit.arrival, request).await?;
    let params = request.params(&delivery_report::PARAMETERS);
    // A path that does not decode to text holds no token.
    let token = path.and_then(|path| path.iter().next());
    let token = token.map_or(b"".as_slice(), |(_, token)| token.as_bytes());
    let account = state.accounts.by_report_token(token);
    accept(state, visit, &request, &params, account).await
}

async fn take_by_login(
    state: &CallbackState,
    visit: &mut Visit,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let request = CallbackRequest::read(state, &visit.arrival, request).await?;
    let params = request.params(&delivery_report::PARAMETERS);
    let account = request.account_by_login_or_basic(state, &params);
    accept(state, visit, &request, &params, account).await
}

async fn accept(
    state: &CallbackState,
    visit: &mut Visit,
    request: &CallbackRequest,
    params: &Params<'_>,
    account: Option<&Account>,
) -> Result<Acknowledged, CallbackError> {
    let account = request.admit(state, visit.kind, account)?;
    let reception = request.reception(visit, account);
    let report = delivery_report::parse(params, reception.clone()).map(Event::DeliveryReport);
    submit(state, visit, params, reception, report).await
}
