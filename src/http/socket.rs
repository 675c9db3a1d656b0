//! The socket of a connection as hyper sees it: request lines are rewritten, writes have a time limit, and
//! closing does not destroy an answer.

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

use super::connection_log::ConnectionLog;
use super::other_protocol::OtherProtocol;
use super::read_deadline::ReadDeadline;
use super::request_line::RequestLineRewriter;
use super::server::ConnectionLimits;
use super::slot::Slot;

/// The most that is read from the socket at once, in bytes.
const READ_SIZE: usize = 8 * 1024;

/// How long, and how many bytes of, a request that was answered early may still arrive. Closing a socket
/// with unread bytes resets the connection, and the client may lose the answer.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

pub(super) struct RewritingSocket<S> {
    stream: S,
    rewriter: RequestLineRewriter,
    slot: Arc<Slot>,
    /// Bytes that did not fit into hyper's buffer.
    left_over: Vec<u8>,
    /// Bytes have arrived.
    has_begun: bool,
    /// The client has closed its side.
    has_ended: bool,
    deadline: ReadDeadline,
    log: Arc<ConnectionLog>,
    /// How long a write may make no progress.
    write_timeout: Duration,
    /// Set while a write makes no progress.
    stalled: Option<Pin<Box<Sleep>>>,
    lingering: Option<Lingering>,
}

/// Our side is closed; the rest of the request is read and discarded.
struct Lingering {
    until: Pin<Box<Sleep>>,
    bytes_left: usize,
    _permit: OwnedSemaphorePermit,
}

impl<S: AsyncRead + AsyncWrite + Unpin> RewritingSocket<S> {
    pub(super) fn new(
        stream: S,
        slot: Arc<Slot>,
        limits: &ConnectionLimits,
        log: Arc<ConnectionLog>,
    ) -> Self {
        Self {
            stream,
            rewriter: RequestLineRewriter::new(limits.max_head_bytes),
            slot,
            left_over: Vec::new(),
            has_begun: false,
            has_ended: false,
            deadline: ReadDeadline::new(limits.head_timeout, limits.idle_timeout),
            log,
            write_timeout: limits.head_timeout,
            stalled: None,
            lingering: None,
        }
    }

    /// Fails a write that makes no progress in time. Otherwise a client that never reads its answers would
    /// keep its connection for ever.
    fn within_time<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
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

impl<S: AsyncRead + AsyncWrite + Unpin> hyper::rt::Read for RewritingSocket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, rewriter, slot, left_over, has_begun, has_ended, deadline, log, .. } =
            self.get_mut();
        if !left_over.is_empty() {
            let fitting = left_over.len().min(buffer.remaining());
            buffer.put_slice(left_over.split_at(fitting).0);
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
        // Nothing passes before a line is complete, and hyper takes nothing for the end of the stream.
        loop {
            let mut read = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut read) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    ready!(deadline.poll_missed(cx, slot.phase()));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
            deadline.has_read();
            if !*has_begun {
                *has_begun = true;
                if let Some(protocol) = OtherProtocol::of(read.filled()) {
                    // hyper refuses it at once: a line that never ends is not waited for.
                    rewriter.finish(&mut pass);
                    log.log_other_protocol(protocol);
                }
            }
            *has_ended = read.filled().is_empty();
            if *has_ended {
                rewriter.finish(&mut pass);
            } else {
                rewriter.push(read.filled(), &mut pass);
            }
            // Rewriting can turn one byte into three.
            slot.read(read.filled().len().max(passed.get())).map_err(io::Error::other)?;
            if passed.get() > 0 || *has_ended {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

// No vectored writes: an answer is so small that copying its body behind its head is cheaper.
impl<S: AsyncRead + AsyncWrite + Unpin> hyper::rt::Write for RewritingSocket<S> {
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

    /// Closes our side. If a request has not arrived completely, reads on for a bounded time.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.as_mut().within_time(cx, AsyncWrite::poll_shutdown))?;
            if self.has_ended || self.rewriter.is_between_requests() {
                return Poll::Ready(Ok(()));
            }
        }
        let Self { stream, slot, lingering, .. } = self.get_mut();
        if lingering.is_none() {
            let Some(permit) = slot.try_linger() else { return Poll::Ready(Ok(())) };
            let until = Box::pin(sleep(LINGER_TIME));
            *lingering = Some(Lingering { until, bytes_left: LINGER_BYTES, _permit: permit });
        }
        let Some(lingering) = lingering else { return Poll::Ready(Ok(())) };
        let mut space = [MaybeUninit::uninit(); READ_SIZE];
        while lingering.bytes_left > 0 && lingering.until.as_mut().poll(cx).is_pending() {
            let mut read = ReadBuf::uninit(&mut space);
            let result = ready!(Pin::new(&mut *stream).poll_read(cx, &mut read));
            if result.is_err() || read.filled().is_empty() {
                break;
            }
            lingering.bytes_left = lingering.bytes_left.saturating_sub(read.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}
