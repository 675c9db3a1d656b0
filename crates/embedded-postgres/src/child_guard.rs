//! Guards the one child process: any thread can stop it at any moment.

use std::io;
use std::process::{Command, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// Invariant: `child` is `Some` only until that process is reaped, so its pid can't belong to another
/// process.
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
    /// Runs a child to its end. `None`: it was not started, because [`stop`](Self::stop) was called.
    ///
    /// Blocks the calling thread; the child's parent-death signal is bound to this thread.
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

    /// Signals the child, if there is one, and prevents the start of another.
    pub(super) fn stop(&self, signal: Signal) {
        let mut held = self.lock();
        held.stopping = true;
        self.changed.notify_all();
        if let Some(pid) = held.child {
            // Fails only for a child that has just ended.
            let _ = kill_process(pid, signal);
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Sleeps, but not after [`stop`](Self::stop) is called.
    pub(super) fn pause(&self, length: Duration) {
        let held = self.lock();
        let _unless_stopped = self.changed.wait_timeout_while(held, length, |held| !held.stopping);
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
