//! A TCP stream as hyper reads it, with its request lines mended on the way.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::request_line::RequestLineMender;

/// How much is read from the socket at once, in bytes.
const READ_SIZE: usize = 8 * 1024;

pub(super) struct MendedSocket {
    stream: TcpStream,
    mender: RequestLineMender,
    /// What was read and mended and did not fit into hyper's buffer.
    left_over: Vec<u8>,
}

impl MendedSocket {
    pub(super) fn new(stream: TcpStream, max_line: usize) -> Self {
        Self { stream, mender: RequestLineMender::new(max_line), left_over: Vec::new() }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl hyper::rt::Read for MendedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, mender, left_over } = self.get_mut();
        if !left_over.is_empty() {
            let fitting = left_over.len().min(buffer.remaining());
            buffer.put_slice(left_over.get(..fitting).unwrap_or_default());
            left_over.drain(..fitting);
            return Poll::Ready(Ok(()));
        }
        let passed = Cell::new(false);
        let mut pass = |bytes: &[u8]| {
            let fitting = bytes.len().min(buffer.remaining());
            let (now, later) = bytes.split_at(fitting);
            buffer.put_slice(now);
            left_over.extend_from_slice(later);
            passed.set(passed.get() || !bytes.is_empty());
        };
        let mut space = [MaybeUninit::uninit(); READ_SIZE];
        // Until a whole line has come, nothing passes; and to hyper, nothing means the end.
        loop {
            let mut read = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            let ended = read.filled().is_empty();
            if ended {
                mender.finish(&mut pass);
            } else {
                mender.push(read.filled(), &mut pass);
            }
            if passed.get() || ended {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl hyper::rt::Write for MendedSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
