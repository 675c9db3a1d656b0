//! `/inbound-messages`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};

use crate::domain::CallbackKind;
use crate::http::arrival::Arrival;
use crate::http::callback::{CallbackRequest, CallbackState, Fact, take};
use crate::wire;

const KIND: CallbackKind = CallbackKind::InboundMessage;

/// A message, authenticated by the `user` and `pass` that the protocol gives it.
pub(in crate::http) fn by_login(
    State(state): State<Arc<CallbackState>>,
    Extension(arrival): Extension<Arrival>,
    request: Request<Body>,
) -> impl Future<Output = Response<Body>> + Send {
    take(state, KIND, arrival, request, |state, visit, request| {
        let params = request.params(KIND);
        let account = CallbackRequest::account_by_login(state, &params);
        let account = request.admit(state, KIND, account)?;
        let reception = request.reception(visit, account);
        let message = wire::parse(
            KIND,
            &params,
            &account.encodings,
            state.accounts.secrets(),
            reception.clone(),
        );
        Ok(Fact::of(state, KIND, &params, reception, message))
    })
}
