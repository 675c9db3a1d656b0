//! The page and its charts, from one run.

mod chart;
mod tables;
mod targets;

use std::fs;
use std::path::Path;

use super::run::{CONNECTIONS, Results, Row, USUAL};
use super::statistics::Figure;

/// Writes the page, and its charts into a directory of the same name.
pub fn write(page: &Path, results: &Results) {
    let charts = page.with_extension("");
    fs::create_dir_all(&charts).unwrap();
    for (name, svg) in self::charts(results) {
        fs::write(charts.join(format!("{name}.svg")), svg).unwrap();
    }
    let directory = charts.file_name().unwrap().to_string_lossy();
    fs::write(page, tables::page(results, &directory)).unwrap();
}

fn charts(results: &Results) -> [(&'static str, String); 3] {
    let usual = CONNECTIONS.iter().position(|count| *count == USUAL).unwrap();
    let label = |row: &Row| format!("{} {}", row.letter, row.short);
    let median = |figure: Option<Figure>| figure.map_or(0.0, |figure| figure.median);
    let kept = || results.rows.iter().filter(|row| row.letter != 'a');
    let rates = chart::Chart {
        title: "Callbacks stored per second",
        axis: "callbacks per second",
        series: &CONNECTIONS.map(|count| format!("{count} connections")),
        rows: rows(results.rows.iter(), label, |row, at| median(row.figure(at, |m| m.rate))),
        value: chart::grouped,
    };
    let latencies = chart::Chart {
        title: &format!("Time to answer at {USUAL} connections"),
        axis: "milliseconds, logarithmic",
        series: &["p50", "p99", "p99.9"].map(str::to_owned),
        rows: rows(kept(), label, |row, of| median(row.figure(usual, |m| m.latencies[of]))),
        value: |milliseconds| format!("{milliseconds:.1}"),
    };
    let costs = chart::Chart {
        title: &format!("CPU time for 1,000 callbacks at {USUAL} connections"),
        axis: "seconds of CPU time",
        series: &["contestant", "Postgres"].map(str::to_owned),
        rows: rows(kept(), label, |row, of| median(row.figure(usual, |m| m.cpu[of])))
            .into_iter()
            .map(|(label, values)| (label, values[..2].to_vec()))
            .collect(),
        value: |seconds| format!("{seconds:.3}"),
    };
    [
        ("rates", chart::bars(&rates)),
        ("latencies", chart::dots(&latencies)),
        ("costs", chart::stacked_bars(&costs)),
    ]
}

/// Three values a row.
fn rows<'a>(
    rows: impl Iterator<Item = &'a Row>,
    label: impl Fn(&Row) -> String,
    value: impl Fn(&Row, usize) -> f64,
) -> Vec<(String, Vec<f64>)> {
    rows.map(|row| (label(row), (0..3).map(|index| value(row, index)).collect())).collect()
}

/// Of the rates of two contestants, round by round.
fn ratio(results: &Results, one: char, other: char, at: usize) -> Option<Figure> {
    let rates = |letter| {
        let row = results.rows.iter().find(|row| row.letter == letter)?;
        Some(row.rates(at))
    };
    Figure::of_ratios(&rates(one)?, &rates(other)?)
}

/// The median and the spread, with as many digits as say something.
fn digits(figure: Figure, unit: &str) -> String {
    let Figure { median, least, most } = figure;
    let places = if median >= 100.0 { 0 } else { 2 };
    format!("{median:.places$}{unit} ({least:.places$}–{most:.places$})")
}
