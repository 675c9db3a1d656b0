//! Which layer wins, and how each is read.

use secrecy::ExposeSecret;

use super::super::{DatabaseSource, Origin, Settings, Sources};
use super::{load, sources};
use crate::domain::Encoding;

type Variables<'a> = &'a [(&'a str, &'a str)];

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[http]\nlisten = '127.0.0.1:1'\nmax_connections = 5\n";
    let settings = load(Some(file), &[("ROUTO_HTTP__LISTEN", "127.0.0.1:2")]).unwrap();
    assert_eq!(settings.http.listen.port(), 2, "environment");
    assert_eq!(settings.http.max_connections, 5, "file");
    assert_eq!(settings.http.max_body_bytes, 262_144, "default");
}

#[test]
fn a_given_file_is_read_in_place_of_the_one_in_the_working_directory() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("routo-receiver.toml"), "nonsense").unwrap();
    let given = directory.path().join("other.toml");
    std::fs::write(&given, "data_dir = 'elsewhere'").unwrap();
    let settings =
        Settings::load(&Sources { file: Some(given), ..sources(directory.path(), &[]) }).unwrap();
    assert_eq!(settings.data_dir.to_str(), Some("elsewhere"));
}

#[test]
fn every_value_knows_where_it_came_from() {
    let settings =
        load(Some("[http]\nlisten = '127.0.0.1:1'"), &[("ROUTO_DATA_DIR", "here")]).unwrap();
    let origin = |key: &str| {
        settings.effective.iter().find(|entry| entry.key == key).unwrap().origin.clone()
    };
    assert!(
        matches!(origin("http.listen"), Origin::File(path) if path.ends_with("routo-receiver.toml"))
    );
    assert_eq!(origin("data_dir"), Origin::Environment("ROUTO_DATA_DIR".to_owned()));
    assert_eq!(origin("admin.listen"), Origin::Default);
}

#[test]
fn numbers_truth_values_and_durations_can_be_texts() {
    let settings = load(
        Some("[ingest]\nqueue_capacity = '12'"),
        &[
            ("ROUTO_HTTP__MAX_CONNECTIONS", "7"),
            ("ROUTO_DATABASE__MIGRATE_ON_START", "false"),
            ("ROUTO_INGEST__COMMIT_DEADLINE", "250ms"),
        ],
    )
    .unwrap();
    assert_eq!(settings.ingest.queue_capacity, 12);
    assert_eq!(settings.http.max_connections, 7);
    assert!(!settings.database.migrate_on_start);
    assert_eq!(settings.ingest.commit_deadline.as_millis(), 250);
}

#[test]
fn an_account_can_come_from_the_environment_alone() {
    let settings = load(
        None,
        &[
            ("ROUTO_ACCOUNTS__MAIN__USER", "0042"),
            ("ROUTO_ACCOUNTS__MAIN__PASSWORD", "01234567"),
            ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "true.true.true.true"),
            ("ROUTO_ACCOUNTS__MAIN__ENCODINGS__0", "gsm-7"),
            ("ROUTO_ACCOUNTS__MAIN__ENCODINGS__MISSING", "utf-8"),
        ],
    )
    .unwrap();
    let account = &settings.accounts[0];
    let login = account.login.as_ref().unwrap();
    assert_eq!(account.name.as_str(), "main");
    assert_eq!(login.user, "0042");
    assert_eq!(login.password.expose_secret(), "01234567", "no leading zero is lost");
    assert_eq!(account.report_token.as_ref().unwrap().expose_secret(), "true.true.true.true");
    assert_eq!(account.encodings.get(Some(0)), Some(Encoding::Gsm7));
    assert_eq!(account.encodings.get(None), Some(Encoding::Utf8));
    assert_eq!(account.encodings.get(Some(8)), None);
}

#[test]
fn an_account_can_be_half_in_the_file_and_half_in_the_environment() {
    let file = "[accounts.main]\nuser = 'gateway'\n[accounts.main.encodings]\n8 = 'utf-16'";
    let settings = load(Some(file), &[("ROUTO_ACCOUNTS__MAIN__PASSWORD", "long enough")]).unwrap();
    assert_eq!(settings.accounts[0].login.as_ref().unwrap().user, "gateway");
    assert_eq!(settings.accounts[0].encodings.get(Some(8)), Some(Encoding::Utf16));
}

#[test]
fn the_shared_variables_are_read_and_yield_to_our_own() {
    let url = |database: &str| format!("postgres://u:p@localhost/{database}");
    let table: [(Variables, Option<&str>); 5] = [
        (&[("DATABASE_URL", &url("shared"))], Some("shared")),
        (&[("ROUTO_DATABASE__URL", &url("own"))], Some("own")),
        (&[("DATABASE_URL", &url("shared")), ("ROUTO_DATABASE__URL", &url("own"))], Some("own")),
        (&[("DATABASE_URL", &url("shared")), ("ROUTO_DATABASE__URL", "")], Some("shared")),
        (&[("DATABASE_URL", "")], None),
    ];
    for (variables, expected) in table {
        let settings = load(None, variables).unwrap();
        let database = match settings.database.source() {
            DatabaseSource::External(url) => url.expose_secret().rsplit('/').next(),
            DatabaseSource::Embedded { .. } => None,
        };
        assert_eq!(database, expected, "{variables:?}");
    }

    let settings =
        load(None, &[("PG_BIN_DIR", "/shared"), ("ROUTO_DATABASE__BIN_DIR", "/own")]).unwrap();
    let DatabaseSource::Embedded { bin_dir: Some(bin_dir) } = settings.database.source() else {
        panic!("not embedded");
    };
    assert_eq!(bin_dir.to_str(), Some("/own"));
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let settings = load(
        None,
        &[("ROUTO_HTTP__LISTEN", ""), ("ROUTO_ACCOUNTS__MAIN__USER", ""), ("PG_BIN_DIR", "")],
    )
    .unwrap();
    assert_eq!(settings.http.listen.port(), 8080);
    assert!(settings.accounts.is_empty());
}

#[test]
fn the_variables_that_kubernetes_sets_for_services_are_ignored() {
    let variables = [
        ("ROUTO_RECEIVER_SERVICE_HOST", "10.0.0.1"),
        ("ROUTO_RECEIVER_SERVICE_PORT", "8080"),
        ("ROUTO_RECEIVER_SERVICE_PORT_HTTP", "8080"),
        ("ROUTO_RECEIVER_PORT", "tcp://10.0.0.1:8080"),
        ("ROUTO_RECEIVER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("ROUTO_RECEIVER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("ROUTO_PORT", "tcp://10.0.0.1:8080"),
    ];
    assert!(load(None, &variables).is_ok());
    assert!(load(None, &[("ROUTO_HTTP_PORT", "8080")]).is_err(), "this one is a mistake");
}

#[test]
fn the_public_url_has_no_slash_at_the_end() {
    let settings = load(None, &[("ROUTO_HTTP__PUBLIC_URL", "https://sms.example.com/")]).unwrap();
    assert_eq!(settings.http.public_url.as_deref(), Some("https://sms.example.com"));
}
