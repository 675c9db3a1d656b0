//! The page in Markdown: what was measured, how, and the figures.

use std::fmt::Write;

use super::super::machine;
use super::super::measure::Measurement;
use super::super::run::{CONNECTIONS, Results, Row, USUAL};
use super::super::statistics::Figure;
use super::chart::grouped;
use super::{digits, ratio, targets};

const NOT_MEASURED: &str = "not measured";

pub fn page(results: &Results, charts: &str) -> String {
    let Results { rounds, seconds, .. } = results;
    let minutes = results.took.as_secs_f64() / 60.0;
    let answer = answer(results);
    let mut page = format!(
        "# How fast is it?

{answer}

`make bench` wrote this page in one run of {minutes:.1} minutes; every figure is from that run. Run it on your own machine: on Linux it needs only a Rust toolchain, and installs Postgres, nginx and PHP-FPM with apt-get if it can. `ROUNDS` and `SECONDS` change the length of the run; `PAGE=/tmp/performance.md` writes another page.

Each figure is the median of {rounds} rounds, with the minimum and maximum in parentheses. In each round all contestants are measured in turn, {seconds} seconds at each number of connections. Each round starts with a different contestant, so that other load on the machine affects all of them. Ratios are taken within a round. **Contestants, Postgres and the load generator share the cores**: the figures compare the contestants and their cost; they do not say what a larger machine would do.

![Callbacks stored per second]({charts}/rates.svg)

![Time to answer]({charts}/latencies.svg)

![CPU time for 1,000 callbacks]({charts}/costs.svg)

## Who is compared

"
    );
    contestants(&mut page, results);
    page.push_str("\n## Targets\n\n");
    targets_table(&mut page, results);
    page.push_str(
        "
The targets are the project's own goals, set before it was built. They are independent of what is guaranteed. `÷` compares callbacks stored per second. The gateway would repeat an attempt that is not answered 200 within 2 seconds.
",
    );
    bounds(&mut page, results);
    for (at, connections) in CONNECTIONS.iter().enumerate() {
        let _ = write!(page, "\n## {connections} connections\n\n");
        measurements(&mut page, results, at);
    }
    failures(&mut page, results);
    page.push_str("\n## Ratios of callbacks stored per second\n\n");
    ratios(&mut page, results);
    page.push_str(
        "
## At half the peak, open loop, 64 connections

An open loop sends requests at a fixed rate, whether or not answers arrive: here at half the rate that the closed loop of the same round reached. Latency is measured from the time a request was due. A stall, for example while the disk writes back, therefore delays every callback that was due meanwhile; in a closed loop it delays only one for each connection. So these percentiles are higher than those above, at half the load.

",
    );
    open_loops(&mut page, results);
    page.push_str("\n## Machine and versions\n\n| | |\n|---|---|\n");
    for (name, value) in &results.machine {
        let _ = writeln!(page, "| {name} | {value} |");
    }
    page
}

/// The question of the title, answered in one sentence.
fn answer(results: &Results) -> String {
    let at = CONNECTIONS.iter().position(|count| *count == USUAL).expect("one of the connections");
    let reports = results.rows.iter().find(|row| row.letter == 'b');
    let reports = reports.expect("the service is always measured");
    let cores = machine::cores();
    let (Some(rate), Some(p99)) = (
        reports.figure(at, |measured| measured.rate),
        reports.figure(at, |measured| measured.latencies[1]),
    ) else {
        return format!("The service was not measured at {USUAL} connections.");
    };
    format!(
        "On {cores} cores shared with Postgres and the load generator, the service stores {} delivery reports per second at {USUAL} connections, each committed before its answer; 99 % of the answers take less than {}.",
        grouped(rate.median),
        digits(p99, " ms")
    )
}

fn targets_table(page: &mut String, results: &Results) {
    page.push_str("| figure | target | this run | |\n|---|---|---|---|\n");
    for target in targets::all(results) {
        let met = match target.met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "",
        };
        let targets::Target { figure, wanted, measured, .. } = target;
        let _ = writeln!(page, "| {figure} | {wanted} | {measured} | {met} |");
    }
}

/// How fast **b** could be, for the CPU time that it takes.
fn bounds(page: &mut String, results: &Results) {
    let row = |letter| results.rows.iter().find(|row: &&Row| row.letter == letter);
    let (Some(ceiling), Some(reports)) = (row('a'), row('b')) else { return };
    let cores = machine::cores() as f64;
    let of = |at| {
        // Seconds of 1,000 callbacks, of all that share the cores.
        let cpu = reports.figure(at, |measured| measured.cpu.iter().sum())?.median;
        let most = cores * 1e3 / cpu;
        let ratio = most / ceiling.figure(at, |measured| measured.rate)?.median;
        let connections = CONNECTIONS[at];
        Some(format!(
            "{} callbacks/s at {connections} connections (b ÷ a = {ratio:.2})",
            grouped(most)
        ))
    };
    let most: Vec<String> = (0..CONNECTIONS.len()).filter_map(of).collect();
    let _ = writeln!(
        page,
        "\nThe CPU time that one callback costs the service, Postgres and the load generator together limits **b**. If none of the {cores} cores were ever idle, the rate would be {}.",
        most.join(", ")
    );
}

fn contestants(page: &mut String, results: &Results) {
    for Row { letter, name, .. } in &results.rows {
        let _ = writeln!(page, "- **{letter}**: {name}");
    }
    for (letter, name) in &results.not_measured {
        let _ = writeln!(
            page,
            "- **{letter}**: {name} ({NOT_MEASURED}: nginx, PHP-FPM or its `pdo_pgsql` is not installed)"
        );
    }
    page.push_str(
        "
All of them receive the same kind of requests over keep-alive connections, each with its own `mess_id` and number, and all except **h** check the token in the URL. Those that write to Postgres write the same rows to the same server, into databases with the service's own tables, indexes, partitions and triggers. Before each load the tables are emptied and a checkpoint is made. The answer is 200 when the row is committed, with `fsync` and `synchronous_commit` on. The pool of **e** and the number of PHP processes are the best of several, tried at 64 connections before the first round. **f** keeps its connections to Postgres. **g** is the example of the gateway's document (section 5.4.1) and is not durable. **h** has no service: it shows what one connection can store with one statement after the other. `make bench-sql` measures **b** with ids in random order, and with millions of rows in the tables.

CPU seconds and kilobytes of WAL are for 1,000 callbacks; CPU time is that of the contestant + Postgres + the load generator. Memory is the peak of the process; for nginx and PHP together it is their memory after the load, with shared pages counted once.
",
    );
    if let Some(rate) = results.tuned_php {
        let _ = writeln!(
            page,
            "\nBy default, PDO prepares the statement again for each request, which takes three round trips; **f** is measured this way. With the option `PGSQL_ATTR_DISABLE_PREPARES` it takes one: **f** then stored {} callbacks per second, measured for one second at 64 connections before the rounds.",
            grouped(rate)
        );
    }
}

fn measurements(page: &mut String, results: &Results, at: usize) {
    page.push_str(
        "| | callbacks/s | p50 ms | p99 ms | p99.9 ms | CPU s | WAL kB | memory MB |
|---|---|---|---|---|---|---|---|
",
    );
    for row in &results.rows {
        let figure = |of: fn(&Measurement) -> f64, written: fn(Figure) -> String| {
            row.figure(at, of).map_or("–".to_owned(), written)
        };
        let own_cpu = if row.letter == 'h' {
            "–".to_owned()
        } else {
            figure(|measured| measured.cpu[0], thousandths)
        };
        let _ = writeln!(
            page,
            "| **{}** {} | {} | {} | {} | {} | {own_cpu} + {} + {} | {} | {} |",
            row.letter,
            row.short,
            figure(|measured| measured.rate, |rate| spread(rate, grouped)),
            figure(|measured| measured.latencies[0], |figure| digits(figure, "")),
            figure(|measured| measured.latencies[1], |figure| digits(figure, "")),
            figure(|measured| measured.latencies[2], |figure| digits(figure, "")),
            figure(|measured| measured.cpu[1], thousandths),
            figure(|measured| measured.cpu[2], thousandths),
            figure(|measured| measured.wal, |wal| grouped(wal.median)),
            figure(|measured| measured.memory, |memory| format!("{:.1}", memory.median)),
        );
    }
    for (letter, _) in &results.not_measured {
        let _ = writeln!(page, "| **{letter}** | {NOT_MEASURED} | | | | | | |");
    }
}

/// What did not count, if anything.
fn failures(page: &mut String, results: &Results) {
    for row in &results.rows {
        let failed: u64 = row.measured.iter().flatten().map(|measurement| measurement.failed).sum();
        if failed > 0 {
            let _ = writeln!(
                page,
                "\n**{}** gave {} answers other than 200; they are not counted.",
                row.letter,
                grouped(failed as f64)
            );
        }
    }
}

fn ratios(page: &mut String, results: &Results) {
    page.push_str("| |");
    for connections in CONNECTIONS {
        let _ = write!(page, " {connections} connections |");
    }
    page.push_str("\n|---|---|---|---|\n");
    for (one, other) in
        [('b', 'a'), ('b', 'e'), ('b', 'f'), ('b', 'g'), ('b', 'h'), ('c', 'b'), ('d', 'b')]
    {
        let _ = write!(page, "| {one} ÷ {other} |");
        for at in 0..CONNECTIONS.len() {
            let ratio = ratio(results, one, other, at);
            let written = ratio.map_or(NOT_MEASURED.to_owned(), |ratio| digits(ratio, ""));
            let _ = write!(page, " {written} |");
        }
        page.push('\n');
    }
}

fn open_loops(page: &mut String, results: &Results) {
    page.push_str(
        "| round | callbacks/s | p50 ms | p99 ms | p99.9 ms | sent | to be repeated |
|---|---|---|---|---|---|---|
",
    );
    for (round, open_loop) in (1..).zip(&results.open_loop) {
        let [p50, p99, p999] = open_loop.latencies;
        let _ = writeln!(
            page,
            "| {round} | {} | {p50:.2} | {p99:.2} | {p999:.2} | {} | {} |",
            grouped(open_loop.rate),
            grouped(open_loop.sent as f64),
            open_loop.to_be_repeated
        );
    }
}

fn spread(figure: Figure, written: fn(f64) -> String) -> String {
    format!("{} ({}–{})", written(figure.median), written(figure.least), written(figure.most))
}

fn thousandths(figure: Figure) -> String {
    format!("{:.3}", figure.median)
}
