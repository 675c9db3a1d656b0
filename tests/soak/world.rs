//! The service and its Postgres, for one proof.

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

/// How long everything acknowledged may take to be in Postgres after the load.
const SETTLING: Duration = Duration::from_mins(1);

/// The service is dropped first: it may have files open on a disk of the caller's.
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

    /// Of the given parts. The service is not started.
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

    /// Sleeps for a random time in milliseconds.
    pub async fn pass(&mut self, milliseconds: Range<u64>) {
        let length = self.random.random_range(milliseconds);
        sleep(Duration::from_millis(length)).await;
    }

    /// A random number less than `of`.
    pub fn choose(&mut self, of: usize) -> usize {
        self.random.random_range(0..of)
    }

    /// Waits, within limits, until Postgres has all that was acknowledged and the spool is empty; then
    /// compares.
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
