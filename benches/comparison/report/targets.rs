//! The targets, and whether this run met them.

use super::super::run::{CONNECTIONS, Results, USUAL};
use super::super::statistics::Figure;
use super::{digits, ratio};

/// A line of the table of targets.
pub struct Target {
    pub figure: String,
    pub wanted: String,
    pub measured: String,
    /// `None` where it was not measured.
    pub met: Option<bool>,
}

pub fn all(results: &Results) -> Vec<Target> {
    let mut targets: Vec<Target> = [
        ('b', 'a', 64, 0.6),
        ('b', 'a', 256, 0.7),
        ('b', 'e', 64, 8.0),
        ('b', 'e', 256, 8.0),
        ('b', 'f', 64, 15.0),
        ('d', 'b', 64, 0.8),
    ]
    .map(|(one, other, connections, least)| {
        let at = CONNECTIONS.iter().position(|count| *count == connections).unwrap();
        target(
            format!("{one} ÷ {other} at {connections} connections"),
            format!("≥ {least}"),
            ratio(results, one, other, at),
            |ratio| ratio.median >= least,
            |ratio| digits(ratio, ""),
        )
    })
    .into();
    targets.extend(latencies(results));
    targets.extend(resources(results));
    targets
}

fn latencies(results: &Results) -> [Target; 3] {
    let usual = CONNECTIONS.iter().position(|count| *count == USUAL).unwrap();
    let reports = results.rows.iter().find(|row| row.letter == 'b').unwrap();
    let p99: Vec<f64> = reports.measured[usual].iter().map(|m| m.latencies[1]).collect();
    let commit = Figure::of(results.commits.iter().copied());
    let p999 = Figure::of(results.open_loop.iter().map(|open_loop| open_loop.latencies[2]));
    let repeated: u64 = results.open_loop.iter().map(|open_loop| open_loop.to_be_repeated).sum();
    let sent: u64 = results.open_loop.iter().map(|open_loop| open_loop.sent).sum();
    [
        target(
            format!("p99 of b at {USUAL} connections ÷ median of a single-row commit by `pgbench`"),
            "≤ 4".to_owned(),
            Figure::of_ratios(&p99, &results.commits),
            |ratio| ratio.median <= 4.0,
            |ratio| match commit {
                Some(commit) => {
                    format!("{}; a commit: {}", digits(ratio, ""), digits(commit, " ms"))
                }
                None => digits(ratio, ""),
            },
        ),
        target(
            "p99.9 of b at half its peak, open loop".to_owned(),
            "≤ 20 ms".to_owned(),
            p999,
            |p999| p999.median <= 20.0,
            |p999| digits(p999, " ms"),
        ),
        Target {
            figure: "attempts that the gateway would repeat under that load".to_owned(),
            wanted: "none".to_owned(),
            measured: format!("{repeated} of {}", super::chart::grouped(sent as f64)),
            met: Some(repeated == 0),
        },
    ]
}

fn resources(results: &Results) -> [Target; 2] {
    let most = CONNECTIONS.len() - 1;
    let reports = results.rows.iter().find(|row| row.letter == 'b').unwrap();
    [
        target(
            format!("peak memory of b at {} connections", CONNECTIONS[most]),
            "≤ 32 MB".to_owned(),
            reports.figure(most, |measured| measured.memory),
            |memory| memory.most <= 32.0,
            |memory| digits(memory, " MB"),
        ),
        target(
            "from `exec` to the first 200, Postgres up".to_owned(),
            "≤ 50 ms".to_owned(),
            Figure::of(results.first_answers.iter().copied()),
            |time| time.median <= 50.0,
            |time| digits(time, " ms"),
        ),
    ]
}

fn target(
    figure: String,
    wanted: String,
    measured: Option<Figure>,
    is_met: impl Fn(Figure) -> bool,
    written: impl Fn(Figure) -> String,
) -> Target {
    Target {
        figure,
        wanted,
        measured: measured.map_or("not measured".to_owned(), written),
        met: measured.map(is_met),
    }
}
