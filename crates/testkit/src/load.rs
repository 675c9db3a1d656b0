//! Load: gateways that deliver one callback after another, each of them unique, reports and
//! messages in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use simulator::{Behaviour, Callback, Failure, Gateway};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::record::{Record, Sent};
use super::until;
use crate::support::app::{PASSWORD, TOKEN};

/// Rows must tell an acknowledged attempt from the others.
pub const BEHAVIOUR: Behaviour = Behaviour {
    attempts: 4,
    attempt_timeout: Duration::from_secs(2),
    keep_alive: true,
    mark_attempts: true,
};

/// How much is sent.
#[derive(Clone, Copy)]
pub struct Shape {
    pub connections: usize,
    /// Between a callback's end and the next, on each connection.
    pub pause: Duration,
    /// Bytes of text after the part of a message that makes it unique.
    pub padding: usize,
    pub behaviour: Behaviour,
}

/// Gives every callback of a proof a number of its own.
#[derive(Clone, Default)]
pub struct Serials(Arc<AtomicU64>);

impl Serials {
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// How many there have been.
    pub fn given(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The callback with that number: an even one is a report `r-…`, an odd one a message `m-…`.
pub fn callback(serial: u64, padding: usize) -> Callback {
    if serial.is_multiple_of(2) {
        let number = format!("44{serial:010}");
        Callback::report(&format!("/delivery-reports/{TOKEN}"), &format!("r-{serial}"), 0, &number)
    } else {
        let text = format!("m-{serial} {}", "x".repeat(padding));
        let numbers = ("441234567890", "447000000000");
        Callback::message("/inbound-messages", ("gateway", PASSWORD), numbers, "0", text)
    }
}

/// A closed loop that goes on until it is stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    given_up: Arc<AtomicU64>,
    gateways: Vec<JoinHandle<Vec<Sent>>>,
}

impl Load {
    pub fn start(target: SocketAddr, shape: Shape, serials: &Serials) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::<AtomicU64>::default();
        let given_up = Arc::<AtomicU64>::default();
        let gateways = (0..shape.connections).map(|nth| {
            let stop = Arc::clone(&stop);
            let (acknowledged, given_up) = (Arc::clone(&acknowledged), Arc::clone(&given_up));
            let serials = serials.clone();
            // Old gateways close every connection, newer ones keep it: half of them each.
            let keep_alive = shape.behaviour.keep_alive && nth % 2 == 0;
            let behaviour = Behaviour { keep_alive, ..shape.behaviour };
            tokio::spawn(async move {
                let mut gateway = Gateway::new(target, behaviour);
                let mut sent = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let serial = serials.next();
                    let delivery = gateway.deliver(&callback(serial, shape.padding)).await;
                    let refused = delivery
                        .attempts
                        .iter()
                        .all(|attempt| attempt.outcome == Err(Failure::Refused));
                    let count = if delivery.acknowledged() { &acknowledged } else { &given_up };
                    count.fetch_add(1, Ordering::Relaxed);
                    sent.push(Sent { serial, delivery });
                    // With nobody there, a callback is given up in no time: fewer will do.
                    let times = if refused { 10 } else { 1 };
                    if !shape.pause.is_zero() {
                        sleep(shape.pause * times).await;
                    }
                }
                sent
            })
        });
        Self { gateways: gateways.collect(), stop, acknowledged, given_up }
    }

    /// Waits until so many more callbacks have been acknowledged.
    pub async fn until_more(&self, count: u64) {
        more(&self.acknowledged, count, "more callbacks are acknowledged").await;
    }

    /// Waits until so many more callbacks have been given up.
    pub async fn until_more_given_up(&self, count: u64) {
        more(&self.given_up, count, "callbacks are given up").await;
    }

    /// Lets every gateway finish its callback; all that they saw.
    pub async fn stop(self) -> Record {
        self.stop.store(true, Ordering::Relaxed);
        let mut record = Record::default();
        for gateway in self.gateways {
            record.sent.extend(gateway.await.unwrap());
        }
        record
    }
}

async fn more(counter: &AtomicU64, count: u64, what: &str) {
    let goal = counter.load(Ordering::Relaxed) + count;
    until(what, 60, async || counter.load(Ordering::Relaxed) >= goal).await;
}
