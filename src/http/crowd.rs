//! What the log says of too many connections.

use std::io;
use std::time::Instant;

use super::occasional::Occasional;

/// The crowd at one listener.
pub(super) struct Crowd {
    limit: usize,
    since: Instant,
    not_accepted: Occasional,
    closed: Occasional,
    turned_away: Occasional,
}

impl Crowd {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            since: Instant::now(),
            not_accepted: Occasional::default(),
            closed: Occasional::default(),
            turned_away: Occasional::default(),
        }
    }

    pub(super) fn note_not_accepted(&self, error: &io::Error) {
        if let Some(times) = self.not_accepted.happened(self.since.elapsed()) {
            tracing::warn!(%error, times, "can't accept a connection; raise the limit of open files if it is that");
        }
    }

    pub(super) fn note_closed(&self) {
        if let Some(connections) = self.closed.happened(self.since.elapsed()) {
            tracing::warn!(
                limit = self.limit,
                connections,
                "too many connections: those that have waited longest for a request are closed to make room; raise http.max_connections if they are the gateway's"
            );
        }
    }

    pub(super) fn note_turned_away(&self) {
        if let Some(connections) = self.turned_away.happened(self.since.elapsed()) {
            tracing::warn!(
                limit = self.limit,
                connections,
                "too many connections with requests under way: more are answered 503; raise http.max_connections if they are the gateway's"
            );
        }
    }
}
