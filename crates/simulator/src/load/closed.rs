//! A closed loop: who waits for an answer sends nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Stage;
use crate::{Delivery, Failure};

/// With nobody there, a callback is given up in no time. A loop that went on at once would do nothing
/// else.
const NOBODY_THERE: Duration = Duration::from_millis(100);

pub(super) async fn play(stage: &Arc<Stage>, connections: u32) {
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        senders.spawn(send(Arc::clone(stage)));
    }
    senders.join_all().await;
}

async fn send(stage: Arc<Stage>) {
    let mut sender = stage.sender();
    let end = stage.run.extent.duration.and_then(|length| stage.started.checked_add(length));
    loop {
        let now = Instant::now();
        if stage.stop.is_cancelled() || end.is_some_and(|end| now >= end) {
            break;
        }
        let Some(planned) = stage.next() else { break };
        let delivery = stage.deliver(&mut sender, &planned, now).await;
        if nobody_was_there(&delivery) {
            let _ = stage.stop.run_until_cancelled(sleep(NOBODY_THERE)).await;
        }
    }
}

fn nobody_was_there(delivery: &Delivery) -> bool {
    delivery.attempts.iter().all(|attempt| attempt.outcome == Err(Failure::Refused))
}
