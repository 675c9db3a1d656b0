//! What `check` prints.

use super::super::report;
use super::load;

#[test]
fn the_report_has_every_value_with_its_origin_and_the_urls_to_register() {
    let settings = load(
        None,
        &[
            ("DATABASE_URL", "postgres://u:p@db.example.com:6432/routo"),
            ("ROUTO_ACCOUNTS__MAIN__USER", "gateway"),
            ("ROUTO_ACCOUNTS__MAIN__PASSWORD", "long enough"),
            ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "0123456789abcdef"),
            ("ROUTO_ACCOUNTS__BARE__REPORT_TOKEN", "fedcba9876543210"),
            ("ROUTO_HTTP__PUBLIC_URL", "https://sms.example.com"),
            ("ROUTO_RETENTION__DELIVERY_REPORTS", "90days"),
        ],
    )
    .unwrap();
    let report = report(&settings);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = report.lines().map(words).collect();
    for expected in [
        "http.listen 0.0.0.0:8080 default",
        "http.public_url https://sms.example.com environment variable ROUTO_HTTP__PUBLIC_URL",
        "database.url [set] environment variable DATABASE_URL",
        "database.bin_dir [not set]",
        "partitions.width month default",
        "retention.delivery_reports 90days environment variable ROUTO_RETENTION__DELIVERY_REPORTS",
        "retention.inbound_messages [not set]",
        "accounts.main.user gateway environment variable ROUTO_ACCOUNTS__MAIN__USER",
        "accounts.main.password [set] environment variable ROUTO_ACCOUNTS__MAIN__PASSWORD",
        "accounts.main.report_token [set] environment variable ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN",
        "accounts.bare.user [not set]",
        "accounts.bare.password [not set]",
        "The database: host db.example.com, port 6432, database routo",
        "sms.example.com/delivery-reports/<report_token of account main>",
        "https://sms.example.com/delivery-reports/<report_token of account main>",
        "sms.example.com/inbound-messages",
        "https://sms.example.com/inbound-messages",
        "inbound messages: none, because the account has no user and password",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n\n{report}");
    }
    assert!(report.contains("Tokens and passwords are not printed"), "{report}");
}

#[test]
fn without_a_public_url_the_report_has_a_placeholder() {
    let settings =
        load(None, &[("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "0123456789abcdef")]).unwrap();
    let report = report(&settings);
    assert!(report.contains("    YOUR-HOST/delivery-reports/<report_token"), "{report}");
    assert!(report.contains("set http.public_url"), "{report}");
}

#[test]
fn the_report_says_what_serve_would_do_without_an_account() {
    let embedded = report(&load(None, &[]).unwrap());
    assert!(
        embedded.contains("`serve` generates one, stores it in ./data/credentials.toml"),
        "{embedded}"
    );
    assert!(embedded.contains("The database: an embedded Postgres in ./data"), "{embedded}");

    let external = report(&load(None, &[("DATABASE_URL", "postgres://h/d")]).unwrap());
    assert!(external.contains("ROUTO_ACCOUNTS__MAIN__USER="), "{external}");
}

#[test]
fn the_report_has_the_warnings() {
    let settings = load(None, &[("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "short")]).unwrap();
    assert!(report(&settings).contains("Warnings:\n  accounts.main.report_token ("));
}
