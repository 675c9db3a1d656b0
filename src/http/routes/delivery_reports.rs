//! `/delivery-reports` and `/delivery-reports/{report_token}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::Request;

use crate::domain::{CallbackKind, Event};
use crate::http::answer::{Acknowledged, CallbackError};
use crate::http::auth::Account;
use crate::http::callback::{CallbackRequest, CallbackState, submit};
use crate::wire::delivery_report;
use crate::wire::params::Params;

/// A report authenticated by the secret in its path: the protocol has no credentials, and a path
/// segment survives whatever is appended to the registered URL.
pub(in crate::http) async fn by_token(
    State(state): State<Arc<CallbackState>>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let request = CallbackRequest::read(&state, request).await?;
    let params = request.params(&delivery_report::PARAMETERS);
    // A path that does not decode to text holds no token.
    let token = path.as_ref().ok().and_then(|path| path.iter().next());
    let token = token.map_or(b"".as_slice(), |(_, token)| token.as_bytes());
    accept(&state, &request, &params, state.accounts.by_report_token(token)).await
}

/// A report authenticated by the account's user and password.
pub(in crate::http) async fn by_login(
    State(state): State<Arc<CallbackState>>,
    request: Request<Body>,
) -> Result<Acknowledged, CallbackError> {
    let request = CallbackRequest::read(&state, request).await?;
    let params = request.params(&delivery_report::PARAMETERS);
    let account = request.account_by_login_or_basic(&state, &params);
    accept(&state, &request, &params, account).await
}

async fn accept(
    state: &CallbackState,
    request: &CallbackRequest,
    params: &Params<'_>,
    account: Option<&Account>,
) -> Result<Acknowledged, CallbackError> {
    let account = request.admit(state, CallbackKind::DeliveryReport, account)?;
    let reception = request.reception(state, &account.name);
    let report = delivery_report::parse(params, reception.clone()).map(Event::DeliveryReport);
    submit(state, CallbackKind::DeliveryReport, params, reception, report).await
}
