//! What is done to the service and to its Postgres, and what must hold afterwards: one idea a file.
//!
//! Every scenario has a short form, which runs with the tests and judges by counts, and a long one,
//! which runs as often as asked and judges times, too.

mod both_killed;
mod cold_start;
mod damaged_spool;
mod frozen_postgres;
mod full_postgres_disk;
mod full_spool_disk;
mod killed_postgres;
mod killed_service;
pub mod long;
mod no_connections;
mod outage;
mod outcome;
mod overload;
mod read_only_postgres;
mod restart;
mod stopped_postgres;

use std::pin::Pin;
use std::time::Duration;

pub use outcome::{Outcome, ms};

use simulator::Pace;

/// How much of a scenario is run.
#[derive(Clone, Copy)]
pub struct Form {
    pub cycles: u32,
    /// Whether times are judged, and outages last.
    pub long: bool,
}

impl Form {
    /// The usual load.
    pub fn pace(self) -> Pace {
        let (rate, connections) = if self.long { (2_000, 16) } else { (600, 8) };
        Pace::Open { rate, connections }
    }

    pub fn length(self, short: Duration, long: Duration) -> Duration {
        if self.long { long } else { short }
    }
}

type Running = Pin<Box<dyn Future<Output = Outcome>>>;

pub struct Scenario {
    /// The sentence it proves.
    pub name: &'static str,
    /// Cycles of the short form.
    short: u32,
    /// The long form does this part of the cycles that are asked for.
    part: u32,
    run: fn(Form) -> Running,
}

impl Scenario {
    pub async fn run_short(&self) -> Outcome {
        (self.run)(Form { cycles: self.short, long: false }).await
    }

    pub async fn run_long(&self, cycles: u32) -> Outcome {
        (self.run)(Form { cycles: (cycles / self.part).max(1), long: true }).await
    }
}

macro_rules! scenarios {
    ($($module:ident: $name:ident, $short:literal, 1 / $part:literal;)*) => {
        pub const ALL: &[Scenario] = &[$(Scenario {
            name: stringify!($name),
            short: $short,
            part: $part,
            run: |form| Box::pin($module::$name(form)),
        }),*];
    };
}

scenarios! {
    killed_service: kill_9_of_the_service_loses_nothing_acknowledged, 6, 1 / 1;
    killed_postgres: kill_9_of_postgres_is_noticed_by_nobody, 3, 1 / 4;
    stopped_postgres: a_stopped_postgres_is_noticed_by_nobody, 1, 1 / 200;
    frozen_postgres: a_postgres_that_hangs_is_noticed_by_nobody, 1, 1 / 50;
    read_only_postgres: a_postgres_that_comes_back_read_only_is_noticed_by_nobody, 1, 1 / 50;
    full_postgres_disk: a_postgres_whose_disk_is_full_is_noticed_by_nobody, 1, 1 / 50;
    no_connections: a_postgres_without_free_connections_is_noticed_by_nobody, 1, 1 / 50;
    both_killed: service_and_postgres_killed_in_any_order_lose_nothing_acknowledged, 3, 1 / 4;
    full_spool_disk: a_full_spool_disk_is_answered_503_and_loses_nothing_acknowledged, 1, 1 / 50;
    damaged_spool: a_damaged_spool_file_is_set_aside_and_its_intact_records_are_saved, 4, 1 / 10;
    restart: a_restart_under_load_fails_no_request, 5, 1 / 10;
    overload: ten_times_the_capacity_costs_neither_goodput_nor_memory, 1, 1 / 200;
    cold_start: a_cold_start_without_postgres_takes_callbacks, 1, 1 / 50;
}
