//! The hold on the one child process: it can be told to end at any moment, from any thread.

use std::io;
use std::process::{Command, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// Invariant: `child` is `Some` only while that process is not reaped, so that its pid can't have
/// become somebody else's.
#[derive(Debug, Default)]
pub(super) struct ChildGuard {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    child: Option<Pid>,
    stopping: bool,
}

impl ChildGuard {
    /// Runs a child to its end. `None`: it was not started, because everything is to stop.
    ///
    /// Blocks the calling thread, which the parent-death signal of the child is bound to.
    pub(super) fn run(&self, command: &mut Command) -> io::Result<Option<ExitStatus>> {
        let mut child = {
            let mut held = self.lock();
            if held.stopping {
                return Ok(None);
            }
            let child = command.spawn()?;
            held.child = Some(Pid::from_child(&child));
            child
        };
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(Errno::INTR) = waitid(WaitId::Pid(Pid::from_child(&child)), ended) {}
        let mut held = self.lock();
        held.child = None;
        child.wait().map(Some)
    }

    /// Sends a signal to the child, if there is one, and lets no other start.
    pub(super) fn stop(&self, signal: Signal) {
        let mut held = self.lock();
        held.stopping = true;
        self.changed.notify_all();
        if let Some(pid) = held.child {
            // It can only fail for a child that has just ended, which is what is wanted.
            let _ = kill_process(pid, signal);
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Waits, but not past the moment when everything is to stop.
    pub(super) fn pause(&self, length: Duration) {
        let held = self.lock();
        let _unless_stopped = self.changed.wait_timeout_while(held, length, |held| !held.stopping);
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
