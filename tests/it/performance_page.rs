//! The statistics and charts of `make bench`.

#![allow(
    clippy::cast_precision_loss,
    dead_code,
    unreachable_pub,
    reason = "the benchmark uses more of it"
)]

#[path = "../../benches/comparison/report/chart.rs"]
mod chart;
#[path = "../../benches/comparison/statistics.rs"]
mod statistics;

use chart::Chart;
use statistics::Figure;

fn chart(rows: Vec<(String, Vec<f64>)>, series: &[String]) -> Chart<'_> {
    Chart { title: "a < b & c", axis: "per second", series, rows, value: chart::grouped }
}

/// All elements, opened and closed in order, with their attributes; fails where they are not.
fn elements(svg: &str) -> Vec<&str> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        assert!(!text.replace("&amp;", "").replace("&lt;", "").contains('&'), "{text}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            all.push(tag);
            if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    all
}

#[test]
fn the_median_of_rounds_is_their_middle_and_the_spread_their_ends() {
    let figure = |rounds: &[f64]| Figure::of(rounds.iter().copied());
    let expected = |median, least, most| Some(Figure { median, least, most });
    assert_eq!(figure(&[3.0, 1.0, 2.0]), expected(2.0, 1.0, 3.0));
    assert_eq!(figure(&[4.0, 1.0, 2.0, 3.0]), expected(2.5, 1.0, 4.0));
    assert_eq!(figure(&[7.0]), expected(7.0, 7.0, 7.0));
    assert_eq!(figure(&[]), None);
    assert_eq!(figure(&[1.0, f64::NAN]), None, "a round without the figure");
}

#[test]
fn ratios_are_taken_within_a_round() {
    let ratios = Figure::of_ratios(&[10.0, 40.0, 20.0], &[10.0, 20.0, 10.0]);
    assert_eq!(ratios, Some(Figure { median: 2.0, least: 1.0, most: 2.0 }));
    assert_eq!(Figure::of_ratios(&[1.0], &[]), None);
}

#[test]
fn charts_are_well_formed_whatever_the_values() {
    let series = ["one".to_owned(), "two".to_owned()];
    for values in [[0.0, 0.0], [0.0003, 1.0], [12.0, 126_777.0], [5.0, 5.0]] {
        let rows = vec![("b & c".to_owned(), values.to_vec()), ("d".to_owned(), vec![1.0, 2.0])];
        let chart = chart(rows, &series);
        for svg in [chart::bars(&chart), chart::stacked_bars(&chart), chart::dots(&chart)] {
            elements(&svg);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("prefers-color-scheme: dark"));
        }
    }
}

#[test]
fn a_bar_is_as_long_as_its_value_and_says_it() {
    let series = ["one".to_owned()];
    let rows = vec![("half".to_owned(), vec![600.0]), ("whole".to_owned(), vec![1_200.0])];
    let svg = chart::bars(&chart(rows, &series));
    let widths: Vec<f64> = elements(&svg)
        .iter()
        .filter(|tag| tag.starts_with(r#"rect class="s0""#))
        .map(|tag| tag.split(r#"width=""#).nth(1).unwrap().split('"').next().unwrap())
        .map(|width| width.parse().unwrap())
        .collect();
    // The first is the legend's.
    assert_eq!(widths[1..], [widths[2] / 2.0, widths[2]]);
    assert!(svg.contains(">600<") && svg.contains(">1,200<"), "{svg}");
}
