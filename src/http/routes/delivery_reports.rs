//! `/delivery-reports` and `/delivery-reports/{report_token}`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::{Request, Response};

use crate::accounts::Account;
use crate::domain::CallbackKind;
use crate::http::answer::CallbackError;
use crate::http::arrival::Arrival;
use crate::http::callback::{CallbackRequest, CallbackState, Fact, take};
use crate::http::visit::Visit;
use crate::wire;
use crate::wire::params::Params;

const KIND: CallbackKind = CallbackKind::DeliveryReport;

/// A report authenticated by the secret in its path: the protocol has no credentials, and a path
/// segment survives whatever is appended to the registered URL.
pub(in crate::http) fn by_token(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> impl Future<Output = Response<Body>> + Send {
    take(state, KIND, arrival, request, move |state, visit, request| {
        let params = request.params(KIND);
        // A path that does not decode to text holds no token.
        let token = path.as_ref().ok().and_then(|path| path.iter().next());
        let token = token.map_or(b"".as_slice(), |(_, token)| token.as_bytes());
        let account = state.accounts.by_report_token(token);
        understand(state, visit, request, &params, account)
    })
}

/// A report authenticated by the account's user and password.
pub(in crate::http) fn by_login(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> impl Future<Output = Response<Body>> + Send {
    take(state, KIND, arrival, request, |state, visit, request| {
        let params = request.params(KIND);
        let account = request.account_by_login_or_basic(state, &params);
        understand(state, visit, request, &params, account)
    })
}

fn understand(
    state: &CallbackState,
    visit: &mut Visit,
    request: &CallbackRequest,
    params: &Params<'_>,
    account: Option<&Account>,
) -> Result<Fact, CallbackError> {
    let account = request.admit(state, KIND, account)?;
    let reception = request.reception(visit, account);
    let report =
        wire::parse(KIND, params, &account.encodings, state.accounts.secrets(), reception.clone());
    Ok(Fact::of(state, KIND, params, reception, report))
}
