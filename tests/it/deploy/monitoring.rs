//! Alert rules and dashboard use only metrics and labels that the service has.

use serde_json::Value;

use super::alerts::alerts;
use super::exposition::Exposition;
use super::promql::names;
use super::text;
use crate::support::app::TestApp;
use crate::support::metrics::scrape;

/// Metrics of Prometheus itself and of its `node_exporter`.
const OF_OTHERS: [&str; 2] = ["up", "ALERTS"];
const OF_THE_MACHINE: &str = "node_";

/// Labels that Prometheus adds to every sample.
const ADDED: [&str; 2] = ["job", "instance"];

/// A label whose values depend on what has happened.
const OPEN_ENDED: &str = "answer";

/// An expression, the labels that its texts use, and where it is.
struct Query {
    place: String,
    expression: String,
    shown: Vec<String>,
}

fn queries_of_rules() -> Vec<Query> {
    let query = |alert: super::alerts::Alert| Query {
        shown: words_after(&alert.summary, "$labels."),
        place: alert.name,
        expression: alert.expression,
    };
    alerts().into_iter().map(query).collect()
}

fn queries_of_dashboard() -> Vec<Query> {
    let dashboard: Value =
        serde_json::from_str(&text("deploy/grafana/dashboards/routo-receiver.json")).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(Query {
                place: panel["title"].as_str().unwrap().to_owned(),
                expression: target["expr"].as_str().unwrap().to_owned(),
                shown: words_after(target["legendFormat"].as_str().unwrap(), "{{"),
            });
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        // label_values(METRIC{…}, LABEL)
        let Some(definition) = variable["definition"].as_str() else { continue };
        let inner = definition.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
        let (expression, label) = inner.rsplit_once(", ").unwrap();
        queries.push(Query {
            place: definition.to_owned(),
            expression: expression.to_owned(),
            shown: vec![label.to_owned()],
        });
    }
    queries
}

/// The words that follow a mark directly.
fn words_after(text: &str, mark: &str) -> Vec<String> {
    let word =
        |after: &str| after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    text.split(mark).skip(1).map(word).collect()
}

/// What the queries use and these metrics lack.
fn lacking(queries: &[Query], shown: &Exposition) -> Vec<String> {
    let mut lacking = Vec::new();
    for Query { place, expression, shown: labels } in queries {
        let names = names(expression);
        let ours = |name: &&String| {
            !OF_OTHERS.contains(&name.as_str()) && !name.starts_with(OF_THE_MACHINE)
        };
        let metrics: Vec<&String> = names.metrics.keys().filter(ours).collect();
        lacking.extend(
            metrics
                .iter()
                .filter(|name| !shown.has_metric(name))
                .map(|name| format!("{place}: {name}")),
        );
        for metric in &metrics {
            for (label, value) in &names.metrics[*metric] {
                let is_there = ADDED.contains(&label.as_str())
                    || match value {
                        Some(value) if label != OPEN_ENDED => shown.has_value(metric, label, value),
                        _ => shown.has_label(metric, label),
                    };
                if !is_there {
                    lacking.push(format!("{place}: {metric} with {label}={value:?}"));
                }
            }
        }
        for label in names.groupings.iter().chain(labels) {
            let is_there = ADDED.contains(&label.as_str())
                || metrics.is_empty()
                || metrics.iter().any(|metric| shown.has_label(metric, label));
            if !is_there {
                lacking.push(format!("{place}: label {label}"));
            }
        }
    }
    lacking
}

/// The metrics of a service that has just started: a rule must not depend on an event having occurred.
async fn shown() -> String {
    let app = TestApp::start().await;
    let shown = scrape(app.service.admin_address).await;
    app.stop().await;
    shown
}

#[tokio::test]
async fn every_metric_label_and_value_of_the_alert_rules_is_one_of_the_service() {
    assert_eq!(lacking(&queries_of_rules(), &Exposition::parse(&shown().await)), [""; 0]);
}

#[tokio::test]
async fn every_metric_label_and_value_of_the_dashboard_is_one_of_the_service() {
    let queries = queries_of_dashboard();
    assert!(queries.len() > 40, "only {} were found", queries.len());
    assert_eq!(lacking(&queries, &Exposition::parse(&shown().await)), [""; 0]);
}

#[tokio::test]
async fn every_metric_of_the_service_is_on_the_dashboard() {
    let shown = shown().await;
    let queries = queries_of_dashboard();
    let used: Vec<String> =
        queries.iter().flat_map(|query| names(&query.expression).metrics.into_keys()).collect();
    let parts = ["_bucket", "_sum", "_count"];
    // Compares the process with the machine.
    let left_out = ["process_virtual_memory_bytes"];
    for line in shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        let is_used = used.iter().any(|used| {
            used == name
                || parts.iter().any(|part| used.strip_suffix(part).is_some_and(|used| used == name))
        });
        assert!(is_used != left_out.contains(&name), "{name}");
    }
}

#[test]
fn what_a_query_names_and_the_service_lacks_is_found() {
    let shown = Exposition::parse("a_total{kind=\"x\",answer=\"200\"} 1\nb 2\n");
    let cases: [(&str, &[&str], &[&str]); 6] = [
        (
            "sum by (kind) (rate(a_total{kind=\"x\", answer=\"503\", job=\"j\"}[5m])) > b",
            &["kind"],
            &[],
        ),
        ("rate(b_total[5m])", &[], &["p: b_total"]),
        ("a_total{kinds=\"x\"}", &[], &["p: a_total with kinds=Some(\"x\")"]),
        ("a_total{kind=~\"x|y\"}", &[], &["p: a_total with kind=Some(\"y\")"]),
        ("sum by (account) (a_total)", &[], &["p: label account"]),
        ("b + up{job=\"j\"} + node_load1", &["instance", "device"], &["p: label device"]),
    ];
    for (expression, labels, expected) in cases {
        let query = Query {
            place: "p".to_owned(),
            expression: expression.to_owned(),
            shown: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        assert_eq!(lacking(&[query], &shown), expected, "{expression}");
    }
}
