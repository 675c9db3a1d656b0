//! `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::http::answer::text;
use crate::metrics::{Exposition, SpoolSample};

/// The media type of the text format, with its version.
const TEXT_FORMAT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How long a scrape waits for the figures of the spool. A disk that hangs must not cost the other figures,
/// nor one connection and thread per scrape.
const SPOOL_TIMEOUT: Duration = Duration::from_secs(2);

/// All metrics, and the permit to read those of the spool.
pub(in crate::http) struct Figures {
    exposition: Arc<Exposition>,
    permit: Arc<Semaphore>,
}

impl Figures {
    pub(in crate::http) fn new(exposition: Exposition) -> Self {
        Self { exposition: Arc::new(exposition), permit: Arc::new(Semaphore::new(1)) }
    }

    /// `None` if it takes too long. Reading then goes on in the background; no other scrape begins meanwhile.
    async fn spool(&self) -> Option<SpoolSample> {
        let read = async {
            let permit = Arc::clone(&self.permit).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            let exposition = Arc::clone(&self.exposition);
            let reading = spawn_blocking(move || {
                let _permit = permit;
                exposition.inspect_spool()
            });
            // An error is a panic, which has been logged.
            reading.await.ok().flatten()
        };
        timeout(SPOOL_TIMEOUT, read).await.ok().flatten()
    }
}

/// All metrics, for Prometheus; without those of the spool if it can't be read in time.
pub(in crate::http) async fn metrics(State(figures): State<Arc<Figures>>) -> Response<Body> {
    let spool = figures.spool().await;
    let mut answer = text(StatusCode::OK, figures.exposition.render(spool));
    answer.headers_mut().insert(header::CONTENT_TYPE, TEXT_FORMAT);
    answer
}
