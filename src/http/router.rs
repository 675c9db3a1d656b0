//! Every route in one place, and the layers around them.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::handler::Handler;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::routing::{MethodRouter, get};
use axum::{BoxError, Router};
use tower::Service;
use tower_http::catch_panic::CatchPanic;

use crate::ingest::IngestHandle;
use crate::metrics::Exposition;

pub use super::callback::CallbackState;

use super::answer::text;
use super::arrival::Arrival;
use super::routes::metrics::{Figures, metrics};
use super::routes::{delivery_reports, health, inbound_messages};

/// The routes of a listener.
#[derive(Clone)]
pub struct Routes {
    silent: PanicSafe,
    /// The same, with [`log_request`]. A router of its own, because a layer costs each request an
    /// allocation.
    logged: PanicSafe,
}

/// `CatchPanic` wraps the router: as a layer of it, it would cost each request a few allocations.
type PanicSafe = CatchPanic<Router, fn(Box<dyn Any + Send>) -> Response<Body>>;

impl Routes {
    pub(super) fn answer(
        &self,
        request: Request,
    ) -> impl Future<
        Output = Result<
            Response<impl HttpBody<Data = Bytes, Error = BoxError> + use<>>,
            Infallible,
        >,
    > + use<> {
        let is_logged = tracing::enabled!(tracing::Level::DEBUG);
        let routes = if is_logged { &self.logged } else { &self.silent };
        routes.clone().call(request)
    }
}

/// The routes for the gateway.
pub fn public_router(state: CallbackState) -> Routes {
    let ingest = state.ingest.clone();
    for account in state.accounts.names() {
        state.metrics.http.expect(account);
    }
    let state = Arc::new(state);
    let callbacks = Router::new()
        .route("/delivery-reports/{report_token}", callback(delivery_reports::by_token))
        .route("/delivery-reports", callback(delivery_reports::by_login))
        .route("/inbound-messages", callback(inbound_messages::by_login))
        .with_state(state);
    let probes = Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .with_state(ingest);
    finish(callbacks.merge(probes))
}

/// The routes for the operator.
pub fn admin_router(ingest: IngestHandle, figures: Exposition) -> Routes {
    let figures =
        Router::new().route("/metrics", get(metrics)).with_state(Arc::new(Figures::new(figures)));
    let probes = Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz_with_state))
        .with_state(ingest);
    finish(probes.merge(figures))
}

/// Callbacks use `GET` or `POST`. `HEAD` and `OPTIONS` try the URL, and store nothing: axum would serve
/// `HEAD` as `GET`.
fn callback<H, T>(handler: H) -> MethodRouter<Arc<CallbackState>>
where
    H: Handler<T, Arc<CallbackState>>,
    T: 'static,
{
    get(handler.clone()).post(handler).head(health::livez).options(options)
}

fn finish(routes: Router) -> Routes {
    let silent = routes.fallback(not_found).method_not_allowed_fallback(method_not_allowed);
    let logged = silent.clone().layer(middleware::from_fn(log_request));
    Routes {
        silent: CatchPanic::custom(silent, panicked),
        logged: CatchPanic::custom(logged, panicked),
    }
}

async fn not_found() -> Response<Body> {
    text(
        StatusCode::NOT_FOUND,
        "no such path; callbacks go to /delivery-reports/<report token> and /inbound-messages\n",
    )
}

async fn options() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let allowed = HeaderValue::from_static("GET,HEAD,OPTIONS,POST");
    answer.headers_mut().insert(header::ALLOW, allowed);
    answer
}

async fn method_not_allowed() -> Response<Body> {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST\n");
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,POST"));
    answer
}

/// The panic hook has logged the panic. The payload is not sent: it could quote a request.
fn panicked(_payload: Box<dyn Any + Send>) -> Response<Body> {
    text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
}

/// Logs each request at debug: the pattern of the route, never the path or the query.
async fn log_request(request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let id = request.extensions().get().map(|arrival: &Arrival| arrival.key.id);
    let answer = next.run(request).await;
    tracing::debug!(
        id = id.map(tracing::field::display),
        %method,
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status = answer.status().as_u16(),
        elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request",
    );
    answer
}
