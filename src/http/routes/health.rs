//! `/livez` and `/readyz`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use crate::http::answer::text;
use crate::ingest::{IngestHandle, Readiness};

/// The process lives.
pub(in crate::http) async fn livez() -> Response<Body> {
    text(StatusCode::OK, "OK")
}

/// Whether a callback that came now would be made durable, and where.
pub(in crate::http) async fn readyz(State(ingest): State<IngestHandle>) -> Response<Body> {
    match ingest.readiness() {
        Readiness::Postgres => text(StatusCode::OK, "OK: callbacks go to Postgres"),
        Readiness::Spool => {
            text(StatusCode::OK, "OK: callbacks go to the spool, as Postgres is away")
        }
        Readiness::NotReady => text(
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: neither Postgres nor the spool takes callbacks, they are answered 503",
        ),
    }
}
