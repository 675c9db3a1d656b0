//! Log lines about connections, each at most once a minute.

use std::io;
use std::time::Instant;

use crate::log_once::RateLimitedLog;

use super::other_protocol::OtherProtocol;

/// The lines about one listener.
pub(super) struct ConnectionLog {
    limit: usize,
    started: Instant,
    not_accepted: RateLimitedLog,
    evicted: RateLimitedLog,
    refused: RateLimitedLog,
    other_protocol: RateLimitedLog,
}

impl ConnectionLog {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            started: Instant::now(),
            not_accepted: RateLimitedLog::default(),
            evicted: RateLimitedLog::default(),
            refused: RateLimitedLog::default(),
            other_protocol: RateLimitedLog::default(),
        }
    }

    pub(super) fn log_not_accepted(&self, error: &io::Error) {
        if let Some(times) = self.not_accepted.record(self.started.elapsed()) {
            tracing::warn!(%error, times, "can't accept a connection; raise the limit of open files if that is reached");
        }
    }

    pub(super) fn log_evicted(&self) {
        if let Some(connections) = self.evicted.record(self.started.elapsed()) {
            tracing::warn!(
                limit = self.limit,
                connections,
                "too many connections: those that have waited longest for a request are closed to make room; raise http.max_connections if they are the gateway's"
            );
        }
    }

    pub(super) fn log_other_protocol(&self, protocol: OtherProtocol) {
        if let Some(connections) = self.other_protocol.record(self.started.elapsed()) {
            tracing::warn!(connections, "{}", protocol.advice());
        }
    }

    pub(super) fn log_refused(&self) {
        if let Some(connections) = self.refused.record(self.started.elapsed()) {
            tracing::warn!(
                limit = self.limit,
                connections,
                "too many connections with requests under way: more are answered 503; raise http.max_connections if they are the gateway's"
            );
        }
    }
}
