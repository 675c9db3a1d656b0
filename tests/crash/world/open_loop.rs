//! Load that does not wait: callbacks arrive at a rate, whatever the answers are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use simulator::{Behaviour, Gateway};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::load::{BEHAVIOUR, Serials, callback};
use super::record::{Record, Sent};

/// Delivers so many callbacks a second for so long, one attempt each.
pub async fn run(to: SocketAddr, rate: f64, length: Duration, serials: &Serials) -> Record {
    let behaviour = Behaviour { attempts: 1, ..BEHAVIOUR };
    let idle: Arc<Mutex<Vec<Gateway>>> = Arc::default();
    let mut deliveries = JoinSet::new();
    let mut ticks = interval(Duration::from_millis(2));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let started = Instant::now();
    let mut begun = 0.0;
    while started.elapsed() < length {
        ticks.tick().await;
        while begun < started.elapsed().as_secs_f64() * rate {
            begun += 1.0;
            let (serial, idle) = (serials.next(), Arc::clone(&idle));
            deliveries.spawn(async move {
                let waiting = idle.lock().unwrap().pop();
                let mut gateway = waiting.unwrap_or_else(|| Gateway::new(to, behaviour));
                let delivery = gateway.deliver(&callback(serial, 0)).await;
                idle.lock().unwrap().push(gateway);
                Sent { serial, delivery }
            });
        }
    }
    Record { sent: deliveries.join_all().await }
}
