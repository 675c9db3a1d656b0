//! An open loop: callbacks begin at fixed times. A callback that finds every connection busy begins
//! late; its latency is measured from the intended time.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::{Extent, Stage, lock};
use crate::Sender;

/// Callbacks that may be due and not begun before the clock thread waits. Intended times do not change.
const DUE: usize = 1_024;

pub(super) async fn play(stage: &Arc<Stage>, rate: u32, connections: u32) {
    let total = total(stage.run.extent, rate);
    let mut times = clock(stage.started, rate, total);
    let idle: Arc<Mutex<Vec<Sender>>> = Arc::default();
    let free = Arc::new(Semaphore::new(connections as usize));
    let mut deliveries = JoinSet::new();
    let sending = async {
        while let Some(intended) = times.recv().await {
            while deliveries.try_join_next().is_some() {}
            let at_once = Arc::clone(&free).try_acquire_owned();
            let place = if let Ok(place) = at_once {
                Ok(place)
            } else {
                lock(&stage.summary).late += 1;
                Arc::clone(&free).acquire_owned().await
            };
            let (Ok(place), Some(planned)) = (place, stage.next()) else { break };
            let (stage, idle) = (Arc::clone(stage), Arc::clone(&idle));
            deliveries.spawn(async move {
                let waiting = lock(&idle).pop();
                let mut sender = waiting.unwrap_or_else(|| stage.sender());
                stage.deliver(&mut sender, &planned, intended).await;
                lock(&idle).push(sender);
                drop(place);
            });
        }
    };
    let sending = stage.stop.run_until_cancelled(sending);
    match patience(stage, rate, total) {
        Some(end) => drop(timeout_at(end.into(), sending).await),
        None => drop(sending.await),
    }
    if !stage.stop.is_cancelled() {
        lock(&stage.summary).unsent = total - lock(&stage.prompter).given;
    }
    deliveries.join_all().await;
}

/// How many callbacks the run has.
fn total(extent: Extent, rate: u32) -> u64 {
    let within = |length: Duration| {
        let count = (length.as_nanos() * u128::from(rate)).div_ceil(1_000_000_000);
        u64::try_from(count).unwrap_or(u64::MAX) // as good as endless
    };
    let within = extent.duration.map_or(u64::MAX, within);
    extent.count.map_or(within, |count| count.min(within))
}

/// When a callback is due, relative to the first.
fn offset(number: u64, rate: u32) -> Duration {
    let nanoseconds = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)) // centuries
}

/// Until when callbacks may begin late: one series of attempts after the last is due. Otherwise a
/// service that can't keep up would prolong the run without end.
fn patience(stage: &Stage, rate: u32, total: u64) -> Option<Instant> {
    let behaviour = stage.run.behaviour;
    let last = stage.started.checked_add(offset(total, rate))?;
    last.checked_add(behaviour.attempt_timeout * behaviour.attempts)
}

/// Sends the intended time of each callback when it has come. It has its own thread because the
/// runtime's timer has a resolution of a millisecond.
fn clock(started: Instant, rate: u32, total: u64) -> mpsc::Receiver<Instant> {
    let (due, times) = mpsc::channel(DUE);
    thread::spawn(move || {
        for number in 0..total {
            let Some(time) = started.checked_add(offset(number, rate)) else { break };
            thread::sleep(time.saturating_duration_since(Instant::now()));
            if due.blocking_send(time).is_err() {
                break;
            }
        }
    });
    times
}
