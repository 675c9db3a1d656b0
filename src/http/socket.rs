//! A TCP stream that rewrites request lines before hyper reads them.

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::request_line::RequestLineRewriter;
use super::slot::Slot;

/// How much is read from the socket at once, in bytes.
const READ_SIZE: usize = 8 * 1024;

pub(super) struct RewritingSocket {
    stream: TcpStream,
    rewriter: RequestLineRewriter,
    slot: Arc<Slot>,
    /// Bytes that did not fit into hyper's buffer.
    left_over: Vec<u8>,
    /// How long a write may make no progress.
    write_timeout: Duration,
    /// Set while a write makes no progress.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl RewritingSocket {
    pub(super) fn new(
        stream: TcpStream,
        slot: Arc<Slot>,
        max_line: usize,
        write_timeout: Duration,
    ) -> Self {
        let rewriter = RequestLineRewriter::new(max_line);
        Self { stream, rewriter, slot, left_over: Vec::new(), write_timeout, stalled: None }
    }

    /// Fails a write that makes no progress in time: otherwise a client that never reads its answers
    /// would hold its connection for ever.
    fn within_time<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let this = self.get_mut();
        let written = write(Pin::new(&mut this.stream), cx);
        if written.is_ready() {
            this.stalled = None;
            return written;
        }
        let stalled = this.stalled.get_or_insert_with(|| Box::pin(sleep(this.write_timeout)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl hyper::rt::Read for RewritingSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, rewriter, slot, left_over, .. } = self.get_mut();
        if !left_over.is_empty() {
            let fitting = left_over.len().min(buffer.remaining());
            buffer.put_slice(left_over.get(..fitting).unwrap_or_default());
            left_over.drain(..fitting);
            return Poll::Ready(Ok(()));
        }
        let passed = Cell::new(0);
        let mut pass = |bytes: &[u8]| {
            let fitting = bytes.len().min(buffer.remaining());
            let (now, later) = bytes.split_at(fitting);
            buffer.put_slice(now);
            left_over.extend_from_slice(later);
            passed.set(passed.get() + bytes.len());
        };
        let mut space = [MaybeUninit::uninit(); READ_SIZE];
        // Until a whole line has come, nothing passes; and to hyper, nothing means the end.
        loop {
            let mut read = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            let ended = read.filled().is_empty();
            if ended {
                rewriter.finish(&mut pass);
            } else {
                rewriter.push(read.filled(), &mut pass);
            }
            // Rewriting can make three bytes of one.
            slot.read(read.filled().len().max(passed.get())).map_err(io::Error::other)?;
            if passed.get() > 0 || ended {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

// Without vectored writes: an answer is so small that to copy its body behind its head is cheaper.
impl hyper::rt::Write for RewritingSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.within_time(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.within_time(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.within_time(cx, AsyncWrite::poll_shutdown)
    }
}
