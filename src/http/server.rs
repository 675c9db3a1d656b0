//! Serves connections within the limits of their number, time and size, and ends them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::domain::EventKeySource;
use crate::metrics::ListenerMetrics;

use super::connection::{ConnectionContext, serve_connection};
use super::connection_log::ConnectionLog;
use super::router::Routes;
use super::slots::Slots;
use super::tls_connection::serve_tls_connection;

/// The bounds of a listener's connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Open connections. One more evicts the connection that has waited longest for its client; if none is
    /// waiting, the new one is answered 503 and closed.
    pub max_connections: usize,
    /// Request line and headers together, in bytes.
    pub max_head_bytes: usize,
    /// Memory for heads and bodies of requests that are not authenticated, in bytes. When it is full, the
    /// connections that have waited longest for bytes are evicted.
    pub max_unauthenticated_bytes: usize,
    /// For a head to arrive. Also closes a connection that does not read its answers.
    pub head_timeout: Duration,
    /// For the next request of a connection to begin.
    pub idle_timeout: Duration,
    /// For requests in progress when the service stops.
    pub shutdown_timeout: Duration,
}

/// How long to wait after accepting failed, for example for lack of file descriptors, unless a connection
/// ends before.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections above the limit that are answered 503 at a time, at most half of the limit: each is an
/// open file. The others are closed without an answer.
const MAX_TURNED_AWAY: usize = 256;

/// How long a refused connection may take to read its answer.
const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(1);

const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Length: 21\r\n\r\ntoo many connections\n";

/// A socket that accepts connections, with or without TLS.
pub struct Endpoint {
    pub socket: TcpListener,
    pub tls: Option<TlsAcceptor>,
}

/// Serves connections until `stop`. Then accepts no more, and returns once the requests in progress have
/// finished, or after [`ConnectionLimits::shutdown_timeout`].
pub async fn serve(
    endpoints: Vec<Endpoint>,
    routes: Routes,
    limits: ConnectionLimits,
    keys: Arc<EventKeySource>,
    metrics: ListenerMetrics,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    let slots =
        Slots::new(limits.max_connections, limits.max_unauthenticated_bytes, metrics.clone());
    let log = Arc::new(ConnectionLog::new(limits.max_connections));
    let context = ConnectionContext { routes, limits, keys, log: Arc::clone(&log), stop };
    let mut turn = 0;
    let turned_away =
        Arc::new(Semaphore::new((limits.max_connections / 2).clamp(1, MAX_TURNED_AWAY)));
    loop {
        let accepted = tokio::select! {
            biased;
            () = context.stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&endpoints, &mut turn) => accepted,
        };
        let (stream, peer, tls) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                log.log_not_accepted(&error);
                // There may be too many open files: a connection that ends closes one.
                slots.make_room();
                tokio::select! {
                    _ = connections.join_next(), if !connections.is_empty() => {}
                    () = sleep(ACCEPT_PAUSE) => {}
                }
                continue;
            }
        };
        let slot = slots.try_take();
        if slot.is_some() || slots.make_room() {
            if slot.is_none() {
                metrics.evicted();
                log.log_evicted();
            }
            let (slots, metrics, context) = (Arc::clone(&slots), metrics.clone(), context.clone());
            connections.spawn(async move {
                // The evicted connection gives its slot back in a moment.
                let slot = if slot.is_some() { slot } else { slots.take().await };
                if let Some(slot) = slot {
                    let _counted = metrics.opened();
                    // An answer is one small packet: send it at once.
                    let _ = stream.set_nodelay(true);
                    let slot = Arc::new(slot);
                    match tls {
                        None => serve_connection(stream, peer, context, slot).await,
                        // Boxed: the state of TLS would make every plain connection larger.
                        Some(tls) => {
                            Box::pin(serve_tls_connection(stream, tls, peer, context, slot)).await;
                        }
                    }
                }
            });
        } else {
            metrics.refused();
            log.log_refused();
            if let Ok(permit) = Arc::clone(&turned_away).try_acquire_owned() {
                connections.spawn(turn_away(stream, permit));
            }
        }
    }
    drop(endpoints);
    let finished = timeout(limits.shutdown_timeout, async {
        while connections.join_next().await.is_some() {}
    });
    if finished.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "closed connections that did not finish in time"
        );
    }
}

/// Accepts the next connection of any endpoint. None of them can starve the others: each call begins with
/// another one.
async fn accept(
    endpoints: &[Endpoint],
    turn: &mut usize,
) -> io::Result<(TcpStream, SocketAddr, Option<TlsAcceptor>)> {
    *turn = turn.wrapping_add(1);
    poll_fn(|cx| {
        for Endpoint { socket, tls } in
            endpoints.iter().cycle().skip(*turn % endpoints.len()).take(endpoints.len())
        {
            if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                return Poll::Ready(accepted.map(|(stream, peer)| (stream, peer, tls.clone())));
            }
        }
        Poll::Pending
    })
    .await
}

/// Answers a connection above the limit. Reading to its end, for a bounded time, keeps a reset from
/// destroying the answer.
async fn turn_away(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let _ = timeout(TURN_AWAY_TIMEOUT, async {
        stream.write_all(TURNED_AWAY).await?;
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    })
    .await;
}
