//! What a running service shows to Prometheus.

use std::net::SocketAddr;

use crate::client::{get, send};
/// Everything that `/metrics` says.
pub async fn scrape(admin: SocketAddr) -> String {
    let answer = send(admin, get("/metrics")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.body
}

/// The figure of a series, written as it stands there, labels and all.
pub fn figure(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}
