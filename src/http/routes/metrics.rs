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

/// The text format's own media type, which says its version.
const TEXT_FORMAT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How long a look into the spool is waited for. A disk that hangs must cost neither the other figures
/// nor, scrape by scrape, the connections and threads that others need.
const SPOOL_PATIENCE: Duration = Duration::from_secs(2);

/// The figures, and the turn to look into the spool for them.
pub(in crate::http) struct Figures {
    exposition: Arc<Exposition>,
    turn: Arc<Semaphore>,
}

impl Figures {
    pub(in crate::http) fn new(exposition: Exposition) -> Self {
        Self { exposition: Arc::new(exposition), turn: Arc::new(Semaphore::new(1)) }
    }

    /// Nothing where it takes too long; who looks goes on, and nobody else begins meanwhile.
    async fn spool(&self) -> Option<SpoolSample> {
        let look = async {
            let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
            let exposition = Arc::clone(&self.exposition);
            let looking = spawn_blocking(move || {
                let _turn = turn;
                exposition.inspect_spool()
            });
            // An error is a panic, which the log tells of.
            looking.await.ok().flatten()
        };
        timeout(SPOOL_PATIENCE, look).await.ok().flatten()
    }
}

/// All figures, for Prometheus; without those of the spool where that can't be looked into in time.
pub(in crate::http) async fn metrics(State(figures): State<Arc<Figures>>) -> Response<Body> {
    let spool = figures.spool().await;
    let mut answer = text(StatusCode::OK, figures.exposition.render(spool));
    answer.headers_mut().insert(header::CONTENT_TYPE, TEXT_FORMAT);
    answer
}
