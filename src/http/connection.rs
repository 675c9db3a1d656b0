//! One connection from its first byte to its last: requests in, answers out.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::domain::EventKeySource;

use super::arrival::{Arrival, REQUEST_ID, request_id};
use super::connection_log::ConnectionLog;
use super::request_body::SlotBody;
use super::router::Routes;
use super::server::ConnectionLimits;
use super::slot::{Evicted, Slot, UnauthenticatedMemory};
use super::socket::RewritingSocket;
use super::target::normalized;

/// How long a request may still arrive after the service has begun to stop. Closing at once would lose
/// requests that are on their way.
pub(super) const LAST_REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

/// What all connections of a listener share.
#[derive(Clone)]
pub(super) struct ConnectionContext {
    pub(super) routes: Routes,
    pub(super) limits: ConnectionLimits,
    pub(super) keys: Arc<EventKeySource>,
    pub(super) log: Arc<ConnectionLog>,
    pub(super) stop: CancellationToken,
}

pub(super) async fn serve_connection<S>(
    stream: S,
    peer: SocketAddr,
    context: ConnectionContext,
    slot: Arc<Slot>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ConnectionContext { routes, limits, keys, log, stop } = context;
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
        if let Some(uri) = normalized(request.uri()) {
            *request.uri_mut() = uri;
        }
        let answering = slot.answer(body_follows);
        let key = keys.next();
        let memory = UnauthenticatedMemory::of(slot);
        let arrival = Arrival { key, at: Instant::now(), peer, memory };
        request.extensions_mut().insert(arrival);
        let answer = routes.answer(request);
        let stopping = stopping.clone();
        async move {
            let answering = answering?;
            let Ok(mut answer) = answer.await;
            answer.headers_mut().insert(REQUEST_ID, request_id(key.id));
            // hyper reads no further request behind a body that was not read.
            let is_early = body_follows && !answering.request_is_complete();
            if is_early || stopping.is_cancelled() || answering.is_last() {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Evicted>(answer)
        }
    });
    let socket = RewritingSocket::new(stream, Arc::clone(&slot), &limits, log);
    // The socket limits the time of heads: hyper's own limit would also close idle connections.
    let mut connection = pin!(
        http1::Builder::new()
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
            } else if slot.has_complete_request() {
                connection.as_mut().graceful_shutdown();
                connection.await
            } else {
                return;
            }
        }
    };
    if let Err(error) = result {
        // hyper's errors name what went wrong, never what was sent.
        tracing::debug!(%error, "a connection ended with an error");
    }
}
