//! A closed loop: each connection sends its next callback when the last one is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Stage;
use crate::{Delivery, Failure};

/// Where nobody listens, four attempts fail within a millisecond; without a pause the loop would burn
/// the CPU.
const PAUSE_WHEN_REFUSED: Duration = Duration::from_millis(100);

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
        if was_refused(&delivery) {
            let _ = stage.stop.run_until_cancelled(sleep(PAUSE_WHEN_REFUSED)).await;
        }
    }
}

fn was_refused(delivery: &Delivery) -> bool {
    delivery.attempts.iter().all(|attempt| attempt.outcome == Err(Failure::Refused))
}
