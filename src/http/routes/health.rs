//! `/livez` and `/readyz`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use crate::http::answer::text;
use crate::ingest::{IngestHandle, Readiness};

/// The process runs.
pub(in crate::http) async fn livez() -> Response<Body> {
    text(StatusCode::OK, "OK\n")
}

/// Whether a callback would be stored now. For everybody: says no more.
pub(in crate::http) async fn readyz(State(ingest): State<IngestHandle>) -> Response<Body> {
    match ingest.readiness() {
        Readiness::Postgres | Readiness::Spool => text(StatusCode::OK, "ready\n"),
        Readiness::NotReady => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}

/// Whether a callback would be stored now, and where. For the operator.
pub(in crate::http) async fn readyz_with_state(
    State(ingest): State<IngestHandle>,
) -> Response<Body> {
    match ingest.readiness() {
        Readiness::Postgres => text(StatusCode::OK, "OK: callbacks go to Postgres\n"),
        Readiness::Spool => {
            text(StatusCode::OK, "OK: callbacks go to the spool, because Postgres is unavailable\n")
        }
        Readiness::NotReady => text(
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: neither Postgres nor the spool takes callbacks, they are answered 503\n",
        ),
    }
}
