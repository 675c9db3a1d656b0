//! Connections: how many, how long, how large; and how they end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::domain::EventKeySource;
use crate::metrics::ListenerMetrics;

use super::arrival::{Arrival, REQUEST_ID, request_id};
use super::connection_log::ConnectionLog;
use super::request_body::SlotBody;
use super::router::Routes;
use super::slot::{Evicted, Slot, UnauthenticatedMemory};
use super::slots::Slots;
use super::socket::RewritingSocket;

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
    /// For a head to arrive. Also closes a connection that is idle, or does not read its answers, so long.
    pub head_timeout: Duration,
    /// For requests in progress when the service stops.
    pub shutdown_timeout: Duration,
}

/// How long an idle connection may still send a request after the service has begun to stop. Closing at
/// once would lose requests that are on their way.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

/// How long to wait after accepting failed, for example for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections above the limit that are answered 503 at a time; the others are closed without an answer.
const MAX_TURNED_AWAY: usize = 256;

/// How long a refused connection may take to read its answer.
const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(1);

const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Length: 20\r\n\r\ntoo many connections";

/// Serves connections until `stop`. Then accepts no more, and returns once the requests in progress have
/// finished, or after [`ConnectionLimits::shutdown_timeout`].
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    limits: ConnectionLimits,
    keys: Arc<EventKeySource>,
    metrics: ListenerMetrics,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    let slots =
        Slots::new(limits.max_connections, limits.max_unauthenticated_bytes, metrics.clone());
    let log = ConnectionLog::new(limits.max_connections);
    let turned_away = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                log.log_not_accepted(&error);
                // There may be too many open files.
                slots.make_room();
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let slot = slots.try_take();
        if slot.is_some() || slots.make_room() {
            if slot.is_none() {
                metrics.evicted();
                log.log_evicted();
            }
            let (slots, routes, stop) = (Arc::clone(&slots), routes.clone(), stop.clone());
            let (keys, metrics) = (Arc::clone(&keys), metrics.clone());
            connections.spawn(async move {
                // The evicted connection gives its slot back in a moment.
                let slot = if slot.is_some() { slot } else { slots.take().await };
                if let Some(slot) = slot {
                    let _counted = metrics.opened();
                    connection(stream, peer, routes, limits, keys, stop, slot).await;
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
    drop(listener);
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

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Routes,
    limits: ConnectionLimits,
    keys: Arc<EventKeySource>,
    stop: CancellationToken,
    slot: Slot,
) {
    // An answer is one small packet: send it at once.
    let _ = stream.set_nodelay(true);
    let slot = Arc::new(slot);
    let (peer, of_requests) = (peer.ip().to_canonical(), Arc::clone(&slot));
    let stopping = stop.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let slot = &of_requests;
        let body_follows = !request.body().is_end_stream();
        // An empty body of axum's own takes no allocation.
        let mut request = request.map(|incoming| {
            if body_follows {
                Body::new(SlotBody { incoming, slot: Arc::clone(slot) })
            } else {
                Body::empty()
            }
        });
        let answering = slot.answer(body_follows);
        let key = keys.next();
        let memory = UnauthenticatedMemory::of(slot);
        let arrival = Arrival { key, at: Instant::now(), peer, memory };
        request.extensions_mut().insert(arrival);
        let answer = routes.clone().call(request);
        let stopping = stopping.clone();
        async move {
            let answering = answering?;
            let Ok(mut answer) = answer.await;
            if let Some(id) = request_id(key.id) {
                answer.headers_mut().insert(REQUEST_ID, id);
            }
            if stopping.is_cancelled() || answering.is_last() {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Evicted>(answer)
        }
    });
    let socket =
        RewritingSocket::new(stream, Arc::clone(&slot), limits.max_head_bytes, limits.head_timeout);
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(limits.max_head_bytes)
            // Some old clients close their sending side once the request is out.
            .half_close(true)
            .serve_connection(socket, service)
    );
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        // Dropping the connection closes it.
        () = slot.evicted() => return,
        () = stop.cancelled() => {
            if let Ok(result) = timeout(LAST_REQUEST_TIMEOUT, connection.as_mut()).await {
                result
            } else {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = result {
        // hyper's errors name what went wrong, never what was sent.
        tracing::debug!(%error, "a connection ended badly");
    }
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
