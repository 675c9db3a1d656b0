//! The TLS handshake in front of a connection. Until it is complete, the connection waits for its client:
//! it may be evicted, and the memory that it takes is charged.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::{ConnectionContext, LAST_REQUEST_TIMEOUT, serve_connection};
use super::slot::{Slot, UnauthenticatedMemory};

/// What a handshake may take, in bytes: rustls buffers up to 64 KiB of a message, most need a few KiB.
const HANDSHAKE_BYTES: usize = 32 * 1024;

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\
    Content-Length: 48\r\n\r\nplain HTTP on a port for HTTPS; use https:// URL\n";

pub(super) async fn serve_tls_connection(
    stream: TcpStream,
    tls: TlsAcceptor,
    peer: SocketAddr,
    context: ConnectionContext,
    slot: Arc<Slot>,
) {
    let mut charge = UnauthenticatedMemory::of(&slot).charge();
    if charge.grow(HANDSHAKE_BYTES).is_err() {
        return;
    }
    let stopped = async {
        context.stop.cancelled().await;
        sleep(LAST_REQUEST_TIMEOUT).await;
    };
    let stream = tokio::select! {
        biased;
        shaken = timeout(context.limits.head_timeout, handshake(stream, tls)) => shaken,
        () = slot.evicted() => return,
        () = stopped => return,
    };
    drop(charge);
    if let Ok(Some(stream)) = stream {
        serve_connection(stream, peer, context, slot).await;
    }
}

async fn handshake(mut stream: TcpStream, tls: TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await.is_ok_and(|bytes| bytes == 1) && first != [HANDSHAKE] {
        // The client may have gone.
        let _ = stream.write_all(PLAIN_HTTP).await;
        return None;
    }
    match tls.accept(stream).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}
