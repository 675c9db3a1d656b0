//! Names, labels and values as Prometheus reads them.

use std::time::Duration;

use crate::domain::CallbackKind;

use super::*;

fn text(metrics: &Metrics, sample: Sample, spool: Option<SpoolSample>) -> String {
    let exposition = Exposition::new(metrics, move || sample.clone(), move || spool);
    exposition.render(exposition.inspect_spool())
}

#[test]
fn what_was_counted_is_shown_under_its_name_and_labels() {
    let metrics = Metrics::default();
    let account = "main".parse().unwrap();
    metrics.http.expect(&account);
    let elapsed = Duration::from_millis(3);
    metrics.http.answered(CallbackKind::DeliveryReport, Some(account), 200, elapsed);
    metrics.http.answered(CallbackKind::InboundMessage, None, 401, elapsed);
    metrics.http.authentication_failed(AuthenticationFailure::Credentials);
    let listener = metrics.http.listener(Listener::Http, 2048);
    let open = listener.opened();
    drop(listener.opened());
    listener.refused();
    listener.evicted();
    metrics.ingest.waited(elapsed);
    metrics.ingest.committed(CommitTarget::Postgres, 27, elapsed);
    metrics.ingest.spooled(5);
    metrics.ingest.drained(4);
    metrics.ingest.rejected(CallbackKind::InboundMessage, Rejection::Refused);
    let connection = metrics.postgres.connected(Purpose::Ingest);
    metrics.postgres.not_connected(Purpose::Drain);
    metrics.postgres.partitions_ahead("delivery_reports", 3);
    let sample = Sample {
        postgres_up: true,
        ready: true,
        queue: QueueSample { callbacks: 7, capacity: 8192 },
        buffered_bytes: 4096,
        previous_credentials: vec![PreviousCredentialSample {
            account: "main".to_owned(),
            credential: "previous_password",
            last_used: Some(1_795_000_000),
        }],
    };
    let spool = SpoolSample {
        callbacks: 1,
        bytes: 300,
        max_bytes: 1 << 30,
        oldest_age_seconds: 12,
        set_aside_files: 2,
    };
    let text = text(&metrics, sample, Some(spool));
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        r#"routo_callbacks_total{kind="delivery-report",account="main",answer="200"} 1"#,
        r#"routo_callbacks_total{kind="inbound-message",account="main",answer="200"} 0"#,
        r#"routo_callbacks_total{kind="inbound-message",account="",answer="401"} 1"#,
        r#"routo_answer_seconds_bucket{kind="delivery-report",le="0.0025"} 0"#,
        r#"routo_answer_seconds_bucket{kind="delivery-report",le="0.005"} 1"#,
        r#"routo_authentication_failures_total{reason="credentials"} 1"#,
        r#"routo_connections{listener="http"} 1"#,
        r#"routo_connections_limit{listener="http"} 2048"#,
        r#"routo_connections_refused_total{listener="http"} 1"#,
        r#"routo_connections_evicted_total{listener="http"} 1"#,
        "routo_queue_wait_seconds_count 1",
        r#"routo_commit_seconds_count{to="postgres"} 1"#,
        r#"routo_commit_seconds_count{to="spool"} 0"#,
        r#"routo_batch_rows_sum{to="postgres"} 27.0"#,
        "routo_spooled_callbacks_total 5",
        "routo_drained_callbacks_total 4",
        r#"routo_rejected_callbacks_total{kind="inbound-message",reason="refused"} 1"#,
        r#"routo_rejected_callbacks_total{kind="delivery-report",reason="unusable"} 0"#,
        r#"routo_postgres_connections{purpose="ingest"} 1"#,
        r#"routo_postgres_connects_total{purpose="drain",outcome="failed"} 1"#,
        r#"routo_partitions_ahead{table="delivery_reports"} 3"#,
        "routo_postgres_up 1",
        "routo_ready 1",
        "routo_queue_callbacks 7",
        "routo_queue_capacity 8192",
        "routo_buffered_bytes 4096",
        r#"routo_previous_credential_last_used_timestamp_seconds{account="main",credential="previous_password"} 1795000000"#,
        "routo_spool_callbacks 1",
        "routo_spool_bytes 300",
        "routo_spool_max_bytes 1073741824",
        "routo_spool_oldest_age_seconds 12",
        "routo_spool_set_aside_files 2",
    ] {
        assert!(lines.contains(&line), "{line} is not in:\n{text}");
    }
    assert_eq!(
        previous_credential_last_used(&text, "main", "previous_password"),
        Some(1_795_000_000)
    );
    assert_eq!(previous_credential_last_used(&text, "main", "previous_report_token"), None);
    drop((open, connection));
}

#[test]
fn a_spool_that_can_t_be_read_has_no_metrics() {
    let text = text(&Metrics::default(), Sample::default(), None);
    assert!(text.contains("\nrouto_ready 0\n"), "{text}");
    assert!(!text.contains("routo_spool_bytes"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_has_the_metrics_that_every_dashboard_knows() {
    let text = text(&Metrics::default(), Sample::default(), None);
    for name in [
        "process_cpu_seconds_total",
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_threads",
        "process_open_fds",
        "process_max_fds",
    ] {
        let figure = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let figure: f64 = figure.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap();
        assert!(figure >= 0.0 && (figure > 0.0 || name.contains("cpu")), "{name} {figure}");
    }
}
