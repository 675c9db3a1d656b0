//! `/metrics`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use tokio::task::spawn_blocking;

use crate::http::answer::text;
use crate::metrics::Exposition;

/// The text format's own media type, which says its version.
const TEXT_FORMAT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// All figures, for Prometheus. Looking into the spool reads files, so it is done beside.
pub(in crate::http) async fn metrics(State(exposition): State<Arc<Exposition>>) -> Response<Body> {
    match spawn_blocking(move || exposition.render()).await {
        Ok(figures) => {
            let mut answer = text(StatusCode::OK, figures);
            answer.headers_mut().insert(header::CONTENT_TYPE, TEXT_FORMAT);
            answer
        }
        // A bug, which the log tells more of.
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}
