//! The TLS handshake in front of a connection. Until it is complete, the connection waits for its client:
//! it may be evicted, and the memory that it takes is charged.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::{ConnectionContext, LAST_REQUEST_TIMEOUT, serve_connection};
use super::slot::{Slot, UnauthenticatedCharge, UnauthenticatedMemory};

/// What a handshake takes before the client has sent much, in bytes. What it sends is charged beside it:
/// rustls buffers up to 64 KiB of a message.
const HANDSHAKE_BYTES: usize = 8 * 1024;

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
        shaken = timeout(context.limits.head_timeout, handshake(stream, tls, charge)) => shaken,
        () = slot.evicted() => return,
        () = stopped => return,
    };
    if let Ok(Some(mut stream)) = stream {
        stream.get_mut().0.charge = None;
        serve_connection(stream, peer, context, slot).await;
    }
}

async fn handshake(
    mut stream: TcpStream,
    tls: TlsAcceptor,
    charge: UnauthenticatedCharge,
) -> Option<TlsStream<ChargedStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await.is_ok_and(|bytes| bytes == 1) && first != [HANDSHAKE] {
        // The client may have gone.
        let _ = stream.write_all(PLAIN_HTTP).await;
        return None;
    }
    match tls.accept(ChargedStream { stream, charge: Some(charge) }).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}

/// A stream whose bytes are charged while the handshake lasts.
struct ChargedStream {
    stream: TcpStream,
    charge: Option<UnauthenticatedCharge>,
}

impl AsyncRead for ChargedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if let Some(charge) = &mut self.charge {
            charge.grow(read).map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ChargedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
