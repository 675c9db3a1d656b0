//! Simulates the SMS gateway: sends callbacks to a running service over real sockets.
//!
//! It knows only what the gateway knows of the service: an address, the registered paths, and that
//! 200 means "accepted". It attempts a callback up to four times in a row, without a pause, and then
//! drops it for good.
//!
//! [`Sender`] delivers one callback after another. [`Script`] generates callbacks, [`Run`] sends them
//! over many connections, and [`Judge`] compares what is stored with what was acknowledged.

mod answer;
mod callback;
mod connection;
mod delivery;
mod destination;
mod difference;
mod failure;
mod judge;
mod ledger;
mod load;
mod oddity;
mod request;
mod script;
mod stream;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

use std::time::{Duration, Instant};

use tokio::time::timeout;

pub use self::answer::Answer;
pub use self::callback::{Callback, Method};
pub use self::connection::Connection;
pub use self::delivery::{Delivery, DeliveryAttempt};
pub use self::destination::{Destination, DestinationError};
pub use self::difference::{Difference, Verdict};
pub use self::failure::Failure;
pub use self::judge::Judge;
pub use self::ledger::{Fate, Ledger};
pub use self::load::{Extent, Pace, Run, RunSummary};
pub use self::oddity::Oddity;
pub use self::script::{Access, Expected, ExpectedRow, Kinds, MARK, Planned, SCENE, Script};

/// How the gateway behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Attempts at one callback before it is dropped; at least one is made.
    pub attempts: u32,
    /// How long an attempt may take, including the time to connect.
    pub attempt_timeout: Duration,
    /// Whether connections are reused as long as the service keeps them open.
    pub keep_alive: bool,
    /// Whether each attempt carries its number, from 1, in the parameter `attempt`, so that each row
    /// can be matched with the attempt that caused it.
    pub mark_attempts: bool,
}

impl Default for Behaviour {
    /// Four attempts (the gateway's document, section 7.1); 2 seconds is a common time-out.
    fn default() -> Self {
        Self {
            attempts: 4,
            attempt_timeout: Duration::from_secs(2),
            keep_alive: true,
            mark_attempts: false,
        }
    }
}

/// Delivers one callback at a time, over one connection at a time.
#[derive(Debug)]
pub struct Sender {
    connection: Connection,
    behaviour: Behaviour,
}

impl Sender {
    /// Connects when the first callback is delivered.
    #[must_use]
    pub fn new(destination: impl Into<Destination>, behaviour: Behaviour) -> Self {
        Self { connection: Connection::new(destination, behaviour.keep_alive), behaviour }
    }

    /// Attempts the callback until it is answered 200 or dropped.
    ///
    /// Not cancellation safe: the service may have accepted an attempt whose answer is lost.
    pub async fn deliver(&mut self, callback: &Callback) -> Delivery {
        let mut attempts = Vec::with_capacity(1);
        for number in 1..=self.behaviour.attempts.max(1) {
            let attempt = self.attempt(callback, number).await;
            let acknowledged = attempt.acknowledged();
            attempts.push(attempt);
            if acknowledged {
                break;
            }
        }
        Delivery { attempts }
    }

    async fn attempt(&mut self, callback: &Callback, number: u32) -> DeliveryAttempt {
        let mark = self.behaviour.mark_attempts.then_some(number);
        let host = self.connection.destination().authority();
        let request = callback.request(host, self.behaviour.keep_alive, mark);
        let started = Instant::now();
        let exchange = timeout(self.behaviour.attempt_timeout, self.connection.exchange(&request));
        let outcome = match exchange.await {
            Ok(Ok(answer)) => Ok(answer.status),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::TimedOut),
        };
        let elapsed = started.elapsed();
        DeliveryAttempt { number, started, elapsed, outcome }
    }
}
