//! What a proof acts upon: the service, its Postgres, and the gateways that load it.

pub mod cluster;
pub mod listener;
pub mod load;
pub mod open_loop;
pub mod place;
pub mod postgres;
pub mod processes;
pub mod proxy;
pub mod record;
pub mod service;
pub mod tmpfs;
pub mod verify;

use std::ops::Range;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use load::{Load, Serials, Shape};
use place::Place;
use postgres::Postgres;
use record::Record;
use service::{Process, Service};
use verify::Findings;

/// How long after the load everything that was acknowledged may take to be in Postgres.
const SETTLING: Duration = Duration::from_mins(1);

/// Asks until the answer is yes: for what happens in other processes.
pub async fn until(what: &str, seconds: u64, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !is_so().await {
        assert!(Instant::now() < deadline, "still not so after {seconds} s: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Processes end before the place does: fields are dropped in their order.
pub struct World {
    pub process: Option<Process>,
    pub service: Service,
    pub postgres: Postgres,
    pub serials: Serials,
    random: StdRng,
}

impl World {
    /// Postgres and the service, both running.
    pub async fn start(more: &[(&str, &str)]) -> Self {
        let place = Place::new();
        let mut postgres = Postgres::new(&place);
        postgres.start().await;
        let url = postgres.url();
        let service = Service::new(&place, &url, &place.path("data"), more);
        let mut world = Self::of(postgres, service);
        world.start_service().await;
        world.service.until_in_postgres().await;
        world
    }

    /// Of parts that are as the caller made them; no process of the service runs.
    pub fn of(postgres: Postgres, service: Service) -> Self {
        let random = StdRng::seed_from_u64(seed());
        Self { process: None, service, postgres, serials: Serials::default(), random }
    }

    /// Starts the service and waits until it takes callbacks.
    pub async fn start_service(&mut self) {
        self.process = Some(self.service.start().await);
    }

    pub async fn kill_service(&mut self) {
        self.process.take().expect("the service runs").kill_9().await;
    }

    pub fn load(&self, shape: Shape) -> Load {
        Load::start(self.service.http, shape, &self.serials)
    }

    /// Lets a length of time pass, in milliseconds, in which what is under way goes on.
    pub async fn pass(&mut self, milliseconds: Range<u64>) {
        let length = self.random.random_range(milliseconds);
        sleep(Duration::from_millis(length)).await;
    }

    /// One of so many, from 0 on.
    pub fn choose(&mut self, of: usize) -> usize {
        self.random.random_range(0..of)
    }

    /// Waits until Postgres has all that was acknowledged and the spool is empty, if that comes; and
    /// what differs then.
    pub async fn settle(&self, record: &Record) -> Findings {
        let acknowledged = record.acknowledged();
        let deadline = Instant::now() + SETTLING;
        let mut connection = self.postgres.connect().await;
        while Instant::now() < deadline {
            if verify::rows(&mut connection).await >= acknowledged
                && self.service.spool_files().is_empty()
            {
                let findings = verify::compare(record, &self.serials, &mut connection).await;
                if findings.lost.is_empty() {
                    return findings;
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        verify::compare(record, &self.serials, &mut connection).await
    }
}

/// `SEED` makes what is random come again.
pub fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}
