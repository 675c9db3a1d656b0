//! What the size of the tables costs: callbacks a second, look-ups and summaries, compared with empty or
//! small tables.
//!
//! `make bench-sql`, with `ROWS` (reports; a tenth as many messages), `ROUNDS`, `SECONDS` and
//! `CONNECTIONS` in the environment. All databases are on one server, on this machine.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};
use testkit::configuration::environment;
use testkit::postgres::TestDatabase;
use testkit::process::{ServiceProcess, run as run_program};
use testkit::service::until_callbacks_go_to;
use testkit::speed::{Requests, Throughput, closed_loop, median};

use crate::number;

/// The rows of the small tables that look-ups are compared with.
const SMALL: u64 = 10_000;

/// Months over which the rows are spread, the current one included.
const MONTHS: u64 = 12;

/// How often each query is asked; the median counts.
const REPEATS: u64 = 201;

pub async fn run() {
    let rows = number("ROWS", 20_000_000);
    let (rounds, seconds) = (number("ROUNDS", 3), number("SECONDS", 4));
    let connections = number("CONNECTIONS", 64) as usize;
    let (empty, small, large) = (filled(0).await, filled(SMALL).await, filled(rows).await);

    bytes_a_row(&large, rows).await;
    look_ups(&small, &large, rows).await;
    callbacks(&empty, &large, rows, (rounds, seconds, connections)).await;
}

/// A migrated database with so many reports, and a tenth as many messages (but no fewer than
/// [`SMALL`]), evenly over the last [`MONTHS`] months until now.
async fn filled(rows: u64) -> TestDatabase {
    let database = TestDatabase::create().await;
    let (code, _, why) = run_program(&["migrate"], &environment(&database.url())).await;
    assert_eq!(code, Some(0), "{why}");
    let began = Instant::now();
    let mut connection = database.connect().await;
    for months_ago in (0..MONTHS).rev() {
        let month = format!(
            "date_trunc('month', now() at time zone 'UTC') - interval '{months_ago} months'"
        );
        for (table, rows) in [("delivery_reports", rows), ("inbound_messages", messages(rows))] {
            make_partition(&mut connection, table, &month).await;
            let fill = match table {
                "delivery_reports" => FILL_REPORTS,
                _ => FILL_MESSAGES,
            };
            let fill = fill
                .replace("MONTH", &format!("({month}) at time zone 'UTC'"))
                .replace("ROWS", &(rows / MONTHS).to_string());
            connection.execute(AssertSqlSafe(fill)).await.unwrap();
        }
    }
    connection.execute("vacuum analyze").await.unwrap();
    connection.execute("checkpoint").await.unwrap();
    if rows > SMALL {
        println!("filled with {rows} reports in {:.0} s", began.elapsed().as_secs_f64());
    }
    database
}

fn messages(reports: u64) -> u64 {
    if reports == 0 { 0 } else { (reports / 10).max(SMALL) }
}

async fn make_partition(connection: &mut PgConnection, table: &str, month: &str) {
    let statement = format!(
        "do $$
         declare
             first_day timestamp := {month};
         begin
             execute format(
                 'create table if not exists %I partition of {table} for values from (%L) to (%L)',
                 '{table}_' || to_char(first_day, 'YYYY_MM'),
                 first_day at time zone 'UTC',
                 (first_day + interval '1 month') at time zone 'UTC'
             );
         end $$"
    );
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
}

/// Two reports a message, one of them final; ids and numbers in no order.
const FILL_REPORTS: &str = "
    insert into delivery_reports (
        received_at, id, account, mess_id, number, status, status_code, transport, remote_addr, extra
    )
    select
        MONTH + (least(MONTH + interval '1 month', now()) - MONTH) * (serial / ROWS.0),
        gen_random_uuid(),
        'main',
        md5((serial / 2)::text || MONTH),
        '44' || lpad((hashint8(serial / 2)::bigint & 2147483647)::text, 10, '0'),
        case when serial % 2 = 0 then '250' when serial % 20 = 1 then '9' else '0' end,
        case when serial % 2 = 0 then 250 when serial % 20 = 1 then 9 else 0 end,
        'http-get',
        '192.0.2.1',
        '{}'
    from generate_series(0, ROWS - 1) as serial";

/// Every tenth message has a second attempt, 5 seconds later.
const FILL_MESSAGES: &str = "
    insert into inbound_messages (
        received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
        remote_addr, extra
    )
    select
        least(
            MONTH + (least(MONTH + interval '1 month', now()) - MONTH) * (serial / ROWS.0)
                + attempt * interval '5 seconds',
            MONTH + interval '1 month' - interval '1 microsecond'
        ),
        gen_random_uuid(),
        'main',
        '44' || lpad((hashint8(serial)::bigint & 2147483647)::text, 10, '0'),
        '447000000000',
        '0',
        'Hello number ' || serial,
        convert_to('Hello number ' || serial, 'UTF8'),
        'iso-8859-1',
        'http-post',
        '192.0.2.1',
        '{}'
    from generate_series(0, ROWS - 1) as serial
    cross join generate_series(0, case when serial % 10 = 0 then 1 else 0 end) as attempt";

async fn bytes_a_row(database: &TestDatabase, rows: u64) {
    for (table, rows) in [("delivery_reports", rows), ("inbound_messages", messages(rows))] {
        let sizes = database
            .query(&format!(
                "select sum(pg_table_size(relid)) as heap, sum(pg_indexes_size(relid)) as indexes
                 from pg_partition_tree('{table}')"
            ))
            .await;
        let bytes = |part: &str| sizes[0][part].as_f64().unwrap() / rows as f64;
        let (heap, indexes) = (bytes("heap"), bytes("indexes"));
        println!(
            "{table}: {:.0} bytes a row: table {heap:.0}, indexes {indexes:.0}",
            heap + indexes
        );
    }
}

/// Each query on both databases by turns, each time for another message.
async fn look_ups(small: &TestDatabase, large: &TestDatabase, rows: u64) {
    let queries = [
        ("message_status of one mess_id", STATUS_OF_ONE),
        ("reports of one number, newest 10", NEWEST_OF_A_NUMBER),
        ("inbox, newest 100", "select * from inbox order by received_at desc limit 100"),
        (
            "claim 10 of the inbox, given back",
            "begin; select * from claim_inbound_messages(10); rollback",
        ),
        ("outcomes by hour, last day", OUTCOMES_OF_A_DAY),
        ("outcomes by day, last 30 days", OUTCOMES_OF_A_MONTH),
    ];
    println!("query                                small       large   large/small");
    let mut connections = [small.connect().await, large.connect().await];
    for (name, query) in queries {
        let repeats = if query.contains("delivery_outcomes") { 5 } else { REPEATS };
        let mut times = [Vec::new(), Vec::new()];
        for repeat in 0..repeats {
            for ((connection, rows), times) in
                connections.iter_mut().zip([SMALL, rows]).zip(&mut times)
            {
                let serial = repeat * 7919 % (rows / MONTHS / 2);
                let month = repeat % MONTHS;
                let query = query
                    .replace("SERIAL", &serial.to_string())
                    .replace("MONTHS_AGO", &month.to_string());
                let began = Instant::now();
                sqlx::raw_sql(AssertSqlSafe(query)).execute(connection).await.unwrap();
                times.push(began.elapsed());
            }
        }
        let [small, large] = times.map(middle);
        println!(
            "{name:<34} {:>7.2} ms {:>8.2} ms {:>10.2}",
            small.as_secs_f64() * 1e3,
            large.as_secs_f64() * 1e3,
            large.as_secs_f64() / small.as_secs_f64()
        );
    }
}

const STATUS_OF_ONE: &str = "
    select *
    from message_status
    where mess_id = md5('SERIAL' || (
        date_trunc('month', now() at time zone 'UTC') - interval 'MONTHS_AGO months'
    ) at time zone 'UTC')";

const NEWEST_OF_A_NUMBER: &str = "
    select *
    from delivery_reports
    where number = '44' || lpad((hashint8(SERIAL)::bigint & 2147483647)::text, 10, '0')
    order by received_at desc
    limit 10";

const OUTCOMES_OF_A_DAY: &str =
    "select * from delivery_outcomes_by_hour where hour >= now() - interval '1 day'";

const OUTCOMES_OF_A_MONTH: &str =
    "select * from delivery_outcomes_by_day where day >= current_date - 30";

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Durable reports a second, into the empty and the large tables by turns.
async fn callbacks(
    empty: &TestDatabase,
    large: &TestDatabase,
    rows: u64,
    (rounds, seconds, connections): (u64, u64, usize),
) {
    let (mut services, mut running) = (Vec::new(), Vec::new());
    for (name, database) in [("empty".to_owned(), empty), (format!("{rows} rows"), large)] {
        let service = ServiceProcess::start(&environment(&database.url())).await;
        until_callbacks_go_to("Postgres", service.admin).await;
        for load in [Requests::Reports, Requests::ScatteredReports] {
            services.push((name.clone(), load, service.http, Vec::<Throughput>::new()));
        }
        running.push(service);
    }
    for _ in 0..rounds {
        for (_, load, http, measured) in &mut services {
            measured.push(closed_loop(*http, *load, connections, seconds).await);
        }
    }
    println!("reports, {connections} connections     tables    requests/s      p99   of empty");
    for load in [Requests::Reports, Requests::ScatteredReports] {
        let of_load: Vec<_> = services.iter().filter(|(_, l, ..)| *l == load).collect();
        let base = median(&of_load[0].3).rate();
        for (name, _, _, measured) in of_load {
            let outcome = median(measured);
            let rate = outcome.rate();
            let order = if load == Requests::Reports { "ids in order" } else { "ids in no order" };
            println!(
                "{order:<20} {name:>15} {rate:>13.0} {:>8} {:>10.2}",
                format!("{:.2}ms", outcome.percentile(99.0)),
                rate / base
            );
        }
    }
}
