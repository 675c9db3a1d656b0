//! How long a connection may wait for its client: for a head, or between requests.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::slot::Phase;

/// The deadline of the phase in which a connection is. The first head has to arrive within the time of a
/// head from when the connection was accepted.
pub(super) struct ReadDeadline {
    phase: Phase,
    /// The first request has not begun.
    is_new: bool,
    deadline: Instant,
    /// Fires at the deadline or before: moving it with each request would cost more than a look now and
    /// then.
    timer: Pin<Box<Sleep>>,
    head_timeout: Duration,
    idle_timeout: Duration,
}

impl ReadDeadline {
    pub(super) fn new(head_timeout: Duration, idle_timeout: Duration) -> Self {
        let deadline = Instant::now() + head_timeout;
        let timer = Box::pin(sleep_until(deadline));
        Self { phase: Phase::Head, is_new: true, deadline, timer, head_timeout, idle_timeout }
    }

    /// Bytes have arrived.
    pub(super) fn has_read(&mut self) {
        self.is_new = false;
        if self.phase == Phase::Idle {
            self.enter(Phase::Head, self.head_timeout);
        }
    }

    /// No bytes have arrived. Ready if the connection has waited too long.
    pub(super) fn poll_missed(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<()> {
        match phase {
            // The time of a request is limited elsewhere.
            Phase::InRequest => {
                self.phase = Phase::InRequest;
                return Poll::Pending;
            }
            Phase::Idle if self.phase != Phase::Idle && !self.is_new => {
                self.enter(Phase::Idle, self.idle_timeout);
            }
            Phase::Idle | Phase::Head => {}
        }
        loop {
            if self.deadline < self.timer.deadline() {
                self.timer.as_mut().reset(self.deadline);
            }
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.deadline);
        }
    }

    fn enter(&mut self, phase: Phase, time: Duration) {
        self.phase = phase;
        self.deadline = Instant::now() + time;
    }
}
