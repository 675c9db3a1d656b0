//! A load of gateways on a service, every callback unique, until it is stopped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simulator::{Access, Behaviour, Delivery, DeliveryAttempt, Extent, Kinds, Pace, Run, Script};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::configuration::{PASSWORD, TOKEN};
use crate::eventually;
use crate::record::Record;

/// Rows must tell an acknowledged attempt from the others.
const KEEPING: Behaviour = Behaviour {
    attempts: 4,
    attempt_timeout: Duration::from_secs(2),
    keep_alive: true,
    mark_attempts: true,
};

/// Old gateways close every connection, newer ones keep it.
pub const MIXED: [Behaviour; 2] = [KEEPING, Behaviour { keep_alive: false, ..KEEPING }];

/// Each attempt is the only one.
pub const ONE_ATTEMPT: Behaviour = Behaviour { attempts: 1, ..KEEPING };

/// What is sent: a run of its own each time, so that its rows can be told from all others.
pub fn script() -> Script {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let access = Access {
        prefix: String::new(),
        login: Some(("gateway".to_owned(), PASSWORD.into())),
        report_token: Some(TOKEN.into()),
    };
    let nth = RUNS.fetch_add(1, Ordering::Relaxed);
    Script {
        seed: nth.into(),
        run: format!("{nth:08x}"),
        access,
        kinds: Kinds::Both,
        torture: false,
    }
}

/// A load under way.
pub struct Load {
    stop: CancellationToken,
    seen: Arc<Seen>,
    runs: Vec<JoinHandle<Record>>,
}

#[derive(Default)]
struct Seen {
    acknowledged: AtomicU64,
    given_up: AtomicU64,
    attempts: Mutex<Vec<DeliveryAttempt>>,
}

impl Seen {
    fn note(&self, delivery: &Delivery) {
        let count = if delivery.acknowledged() { &self.acknowledged } else { &self.given_up };
        count.fetch_add(1, Ordering::Relaxed);
        self.attempts.lock().unwrap().extend(&delivery.attempts);
    }
}

impl Load {
    /// Until it is stopped, or for a while. Each behaviour has an equal share of the load.
    pub fn start(
        to: SocketAddr,
        pace: Pace,
        behaviours: &[Behaviour],
        duration: Option<Duration>,
    ) -> Self {
        let (stop, seen) = (CancellationToken::new(), Arc::<Seen>::default());
        let runs = behaviours.iter().map(|behaviour| {
            let (script, watched) = (script(), Arc::clone(&seen));
            let run = Run {
                destination: to.into(),
                behaviour: *behaviour,
                script: script.clone(),
                pace: share(pace, u32::try_from(behaviours.len()).unwrap()),
                extent: Extent { duration, count: None },
                watch: Box::new(move |delivery| watched.note(delivery)),
            };
            let stop = stop.clone();
            tokio::spawn(async move { Record::of(script, run.play(stop).await) })
        });
        let runs = runs.collect();
        Self { stop, seen, runs }
    }

    /// Waits until so many more callbacks have been acknowledged.
    pub async fn until_more(&self, count: u64) {
        more(&self.seen.acknowledged, count, "more callbacks are acknowledged").await;
    }

    /// Waits until so many more callbacks have been given up.
    pub async fn until_more_given_up(&self, count: u64) {
        more(&self.seen.given_up, count, "callbacks are given up").await;
    }

    /// Lets every callback under way come to its end; all that the gateways saw.
    pub async fn stop(self) -> Record {
        self.stop.cancel();
        self.end().await
    }

    /// Waits until the time is over; all that the gateways saw.
    pub async fn end(self) -> Record {
        let mut record = Record::default();
        for run in self.runs {
            record.add(run.await.unwrap());
        }
        record.attempts = std::mem::take(&mut self.seen.attempts.lock().unwrap());
        record
    }
}

fn share(pace: Pace, of: u32) -> Pace {
    match pace {
        Pace::Closed { connections } => Pace::Closed { connections: connections.div_ceil(of) },
        Pace::Open { rate, connections } => {
            Pace::Open { rate: rate.div_ceil(of), connections: connections.div_ceil(of) }
        }
    }
}

async fn more(counter: &AtomicU64, count: u64, what: &str) {
    let goal = counter.load(Ordering::Relaxed) + count;
    eventually(what, async || counter.load(Ordering::Relaxed) >= goal).await;
}
