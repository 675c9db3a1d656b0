//! What a proof acts upon: the service, its Postgres, and the gateways that load it.

use std::ops::Range;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use simulator::Pace;
use testkit::judge::{self, Findings};
use testkit::load::{Load, MIXED};
use testkit::process::Process;
use testkit::record::Record;
use testkit::scratch;
use testkit::server::Postgres;
use testkit::service::Service;
use tokio::time::sleep;

/// How long after the load everything that was acknowledged may take to be in Postgres.
const SETTLING: Duration = Duration::from_mins(1);

/// The service is dropped first: what it has open may be on a disk of the caller's.
pub struct World {
    pub process: Option<Process>,
    pub service: Service,
    pub postgres: Postgres,
    random: StdRng,
}

impl World {
    /// Postgres and the service, both running.
    pub async fn start() -> Self {
        let mut postgres = Postgres::new().await;
        postgres.start().await;
        let service = Service::new(&postgres.url(), &scratch("data"), &[]);
        Self::of(postgres, service).with_service().await
    }

    /// Of parts that are as the caller made them; no process of the service runs.
    pub fn of(postgres: Postgres, service: Service) -> Self {
        let random = StdRng::seed_from_u64(crate::number("SEED", 1));
        Self { process: None, service, postgres, random }
    }

    /// The same with the service running, and callbacks going to Postgres.
    pub async fn with_service(mut self) -> Self {
        self.start_service().await;
        self.service.until_in_postgres().await;
        self
    }

    /// Starts the service and waits until it takes callbacks.
    pub async fn start_service(&mut self) {
        self.process = Some(self.service.start().await);
    }

    pub async fn kill_service(&mut self) {
        self.process.take().expect("the service runs").kill_9().await;
    }

    pub fn load(&self, pace: Pace) -> Load {
        Load::start(self.service.http, pace, &MIXED, None)
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
            if judge::rows(&mut connection).await >= acknowledged
                && self.service.spool_files().is_empty()
            {
                let findings = judge::compare(record, &mut connection).await;
                if findings.lost.is_empty() {
                    return findings;
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        judge::compare(record, &mut connection).await
    }
}
