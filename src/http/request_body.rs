//! Reading a request's body: within bounds of size, time and memory, into one buffer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::timeout;

use crate::memory::Charge;

use super::answer::CallbackError;
use super::slot::{Slot, UnauthenticatedCharge};

/// The first buffer of a body, in bytes; each further one is twice as large.
const FIRST_BUFFER: usize = 1024;

/// What the memory of a body is charged to.
pub(super) enum BodyCharge {
    Authenticated(Charge),
    Unauthenticated(UnauthenticatedCharge),
}

impl BodyCharge {
    fn grow(&mut self, more: usize) -> Result<(), CallbackError> {
        match self {
            Self::Authenticated(charge) => {
                charge.grow(more).then_some(()).ok_or(CallbackError::OutOfMemory)
            }
            Self::Unauthenticated(charge) => {
                charge.grow(more).map_err(|_| CallbackError::BodyBroken)
            }
        }
    }
}

/// A body, and the charge for its memory.
pub(super) struct ReadBody {
    bytes: Vec<u8>,
    charge: BodyCharge,
    /// In bytes.
    limit: usize,
}

impl ReadBody {
    pub(super) fn new(charge: BodyCharge, limit: usize) -> Self {
        Self { bytes: Vec::new(), charge, limit }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a body. One that is announced as too large is not read at all.
    pub(super) async fn read(mut self, body: Body, time: Duration) -> Result<Self, CallbackError> {
        if body.size_hint().lower() > self.limit as u64 {
            return Err(self.too_large());
        }
        match timeout(time, self.read_frames(body)).await {
            Ok(read) => read.map(|()| self),
            Err(_) => Err(CallbackError::BodyTooSlow),
        }
    }

    /// Copies every frame: even a frame of one byte keeps hyper's read buffer, of several KiB, in memory.
    async fn read_frames(&mut self, mut body: Body) -> Result<(), CallbackError> {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| CallbackError::BodyBroken)?;
            if let Some(data) = frame.data_ref() {
                self.append(data)?;
            }
        }
        Ok(())
    }

    fn append(&mut self, data: &[u8]) -> Result<(), CallbackError> {
        let length = self.bytes.len() + data.len();
        if length > self.limit {
            return Err(self.too_large());
        }
        if length > self.bytes.capacity() {
            let capacity = length.next_power_of_two().max(FIRST_BUFFER);
            // A buffer that grows leaves free pieces behind, which the allocator keeps for a while.
            self.charge.grow((capacity - self.bytes.capacity()) * 3 / 2)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn too_large(&self) -> CallbackError {
        match self.charge {
            BodyCharge::Authenticated(_) => CallbackError::BodyTooLarge(self.limit),
            BodyCharge::Unauthenticated(_) => {
                CallbackError::UnauthenticatedBodyTooLarge(self.limit)
            }
        }
    }
}

/// A body that marks the request as complete in the slot of its connection.
pub(super) struct SlotBody {
    pub(super) incoming: Incoming,
    pub(super) slot: Arc<Slot>,
}

impl HttpBody for SlotBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        if frame.is_none() || self.incoming.is_end_stream() {
            self.slot.request_is_complete();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
