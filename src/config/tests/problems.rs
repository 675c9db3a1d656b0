//! Each kind of problem: what it says, and that all are reported at once.

use super::super::{Settings, Sources};
use super::{line, lines, load, sources};

#[test]
fn an_unknown_variable_is_an_error_that_names_the_nearest_key() {
    let table = [
        ("ROUTO_HTTP__LSTEN", "http.lsten", Some("http.listen")),
        ("ROUTO_HTTP_LISTEN", "http_listen", Some("http.listen")),
        ("ROUTO_HTPP__LISTEN", "htpp.listen", Some("http.listen")),
        ("ROUTO_LISTEN", "listen", Some("http.listen")),
        ("ROUTO_ACCOUNT__MAIN__USER", "account.main.user", Some("accounts.main.user")),
        ("ROUTO_ACCOUNTS__MAIN__TOKEN", "accounts.main.token", Some("accounts.main.report_token")),
        ("ROUTO_ACCOUNTS__MAIN__PASWORD", "accounts.main.pasword", Some("accounts.main.password")),
        ("ROUTO_ACCOUNTS_USER", "accounts_user", Some("accounts.main.user")),
        ("ROUTO_DATABASE__URI", "database.uri", Some("database.url")),
        ("ROUTO_COLOUR", "colour", None),
    ];
    for (variable, key, meant) in table {
        let line = line(None, &[(variable, "s3cr3t")]);
        let start = format!("unknown key {key} (environment variable {variable}): ");
        let rest = line.strip_prefix(&start).unwrap_or_else(|| panic!("{line}"));
        match meant {
            Some(meant) => {
                assert!(rest.starts_with(&format!("did you mean {meant}?")), "{line}");
                let variable = meant.replace('.', "__").to_uppercase();
                assert!(rest.ends_with(&format!("Then set ROUTO_{variable}")), "{line}");
            }
            None => assert!(rest.starts_with("remove it"), "{line}"),
        }
    }
}

#[test]
fn an_unknown_key_in_the_file_is_an_error_that_names_the_file() {
    let line = line(Some("[http]\nlsten = 'x'"), &[]);
    assert!(line.starts_with("unknown key http.lsten ("), "{line}");
    assert!(line.ends_with("routo-receiver.toml): did you mean http.listen?"), "{line}");
}

#[test]
fn each_wrong_http_value_is_reported_with_its_key_its_origin_and_what_to_use() {
    each_is_reported(&[
        ("ROUTO_HTTP__LISTEN", ":8080", "an IP address and a port"),
        ("ROUTO_HTTP__LISTEN", "localhost:8080", "an IP address and a port"),
        ("ROUTO_ADMIN__LISTEN", "127.0.0.1", "an IP address and a port"),
        ("ROUTO_HTTP__MAX_CONNECTIONS", "0", "a whole number from 1 to 1000000"),
        ("ROUTO_HTTP__MAX_CONNECTIONS", "many", "a whole number from 1 to 1000000"),
        ("ROUTO_HTTP__MAX_HEAD_BYTES", "8191", "a whole number from 8192 to 1048576"),
        ("ROUTO_HTTP__MAX_BODY_BYTES", "-1", "a whole number from 1024 to 16777216"),
        ("ROUTO_HTTP__MAX_UNAUTHENTICATED_BODY_BYTES", "0", "from 1024 to 16777216"),
        ("ROUTO_HTTP__MAX_BUFFERED_BYTES", "1048575", "from 1048576 to 68719476736"),
        ("ROUTO_HTTP__HEAD_TIMEOUT", "0s", "a duration from 1ms to 1h"),
        ("ROUTO_HTTP__REQUEST_TIMEOUT", "10", "with its unit, such as \"10s\""),
        ("ROUTO_HTTP__SHUTDOWN_TIMEOUT", "11min", "a duration from 0s to 10m"),
        ("ROUTO_HTTP__TRUSTED_PROXIES", "proxy", "one or more IP addresses and networks"),
        ("ROUTO_HTTP__PUBLIC_URL", "sms.example.com", "such as https://sms.example.com"),
        ("ROUTO_HTTP__PUBLIC_URL", "https://a:b@sms.example.com", "without user"),
    ]);
}

#[test]
fn each_other_wrong_value_is_reported_with_its_key_its_origin_and_what_to_use() {
    each_is_reported(&[
        ("ROUTO_DATABASE__MIGRATE_ON_START", "maybe", "true or false"),
        ("ROUTO_DATABASE__URL", "mysql://u:p@h/d", "a Postgres URL"),
        ("ROUTO_DATABASE__URL", "postgres://h:port/d", "a Postgres URL"),
        ("ROUTO_INGEST__QUEUE_CAPACITY", "0", "a whole number from 1 to 1000000"),
        ("ROUTO_INGEST__MAX_BATCH_ROWS", "10001", "a whole number from 1 to 10000"),
        ("ROUTO_INGEST__COMMIT_DEADLINE", "0ms", "a duration from 1ms to 10m"),
        ("ROUTO_SPOOL__MAX_BYTES", "16777215", "a whole number from 16777216 to 1099511627776"),
        ("ROUTO_SPOOL__MIN_FREE_BYTES", "-1", "a whole number from 0 to 1099511627776"),
        ("ROUTO_PARTITIONS__WIDTH", "week", "month or day"),
        ("ROUTO_PARTITIONS__AHEAD", "0", "a whole number from 1 to 120"),
        ("ROUTO_RETENTION__DELIVERY_REPORTS", "23h", "a duration from 1day to 100years"),
        ("ROUTO_RETENTION__INBOUND_MESSAGES", "30", "with its unit, such as \"90days\""),
        ("ROUTO_RETENTION__REJECTED_CALLBACKS", "never", "a duration from 1day to 100years"),
        ("ROUTO_LOG__LEVEL", "verbose", "off, error, warn, info"),
        ("ROUTO_LOG__LEVEL", "info,routo_receiver=loud", "off, error, warn, info"),
        ("ROUTO_LOG__FORMAT", "xml", "auto, pretty or json"),
    ]);
}

fn each_is_reported(table: &[(&str, &str, &str)]) {
    for &(variable, value, expected) in table {
        let line = line(None, &[(variable, value)]);
        let key = variable.trim_start_matches("ROUTO_").to_lowercase().replace("__", ".");
        assert!(line.starts_with(&key), "{line}");
        assert!(line.contains(&format!("(environment variable {variable})")), "{line}");
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn an_empty_directory_in_the_file_is_an_error() {
    assert!(line(Some("data_dir = ''"), &[]).contains("expected the path of a directory"));
}

#[test]
fn each_rule_about_accounts_has_its_own_problem() {
    let table = [
        (
            "[accounts.main]\nuser = 'u'",
            "accounts.main.password is not: set it too (ROUTO_ACCOUNTS__MAIN__PASSWORD)",
        ),
        ("[accounts.main]\npassword = 'long enough'", "accounts.main.user is not: set it too"),
        ("[accounts.main]", "accounts.main"),
        (
            "[accounts.main.encodings]\n0 = 'gsm-7'",
            "has no credentials: set user and password, or report_token",
        ),
        ("[accounts.Main]\nreport_token = '0123456789abcdef'", "accounts.Main"),
        ("[accounts.'a.b']\nreport_token = '0123456789abcdef'", "lower-case letters, digits"),
        (
            "[accounts]\nuser = 'u'",
            "is a section, not a value: set the keys in it, such as accounts.main.user",
        ),
        ("[accounts.main]\nreport_token = 'a/b'", "accounts.main.report_token"),
        ("[accounts.main]\nreport_token = '..'", "letters, digits, '-', '.', '_' or '~'"),
        ("[accounts.main]\nreport_token = ''", "is empty: give it a value, or remove it"),
        ("[accounts.main]\nuser = ''\npassword = 'long enough'", "1 to 128 characters"),
        ("[accounts.main]\nuser = 'u'\npassword = 12345678", "accounts.main.password"),
        ("[accounts.main]\nuser = 12\npassword = 'long enough'", "put it in quotes"),
        ("[accounts.main]\nuser = 'u'\npassword = true", "put it in quotes"),
        (
            "[accounts.main]\nreport_token = '0123456789abcdef'\nuser = ['u']",
            "is a single value, not a section or a list",
        ),
        (
            "[accounts.main]\nreport_token = '0123456789abcdef'\nencodings = 'gsm-7'",
            "such as accounts.main.encodings.0",
        ),
        (
            "[accounts.main]\nreport_token = '0123456789abcdef'\nencodings.256 = 'gsm-7'",
            "0 to 255, or the word missing",
        ),
        (
            "[accounts.main]\nreport_token = '0123456789abcdef'\nencodings.08 = 'gsm-7'",
            "0 to 255, or the word missing",
        ),
        (
            "[accounts.main]\nreport_token = '0123456789abcdef'\nencodings.0 = 'gsm'",
            "one of: auto, gsm-7,",
        ),
    ];
    for (file, expected) in table {
        let line = line(Some(file), &[]);
        assert!(line.contains(expected), "{file}\n{line}");
        assert!(line.contains("routo-receiver.toml)"), "where it is: {line}");
    }
}

#[test]
fn two_accounts_cannot_share_a_user_or_a_report_token() {
    let file = "[accounts.a]\nuser = 'same'\npassword = 'long enough'\nreport_token = 'same-same-same-same'";
    let found = lines(
        Some(file),
        &[
            ("ROUTO_ACCOUNTS__B__USER", "same"),
            ("ROUTO_ACCOUNTS__B__PASSWORD", "another one"),
            ("ROUTO_ACCOUNTS__B__REPORT_TOKEN", "same-same-same-same"),
        ],
    );
    for (line, key) in found.iter().zip(["user", "report_token"]) {
        assert!(line.starts_with(&format!("accounts.a.{key} (")), "{line}");
        assert!(
            line.contains(&format!(
                "and accounts.b.{key} (environment variable ROUTO_ACCOUNTS__B__"
            )),
            "{line}"
        );
    }
    assert_eq!(found.len(), 2);
}

#[test]
fn contradictions_say_which_keys_to_change() {
    let deadline =
        line(Some("[http]\nrequest_timeout = '2s'"), &[("ROUTO_INGEST__COMMIT_DEADLINE", "2s")]);
    assert!(deadline.contains("ingest.commit_deadline is 2s (environment variable"), "{deadline}");
    assert!(deadline.contains("http.request_timeout, 2s ("), "{deadline}");
    assert!(deadline.ends_with("lower the first or raise the second"), "{deadline}");

    let spool = line(
        Some("[http]\nmax_body_bytes = 16777216\nmax_buffered_bytes = 1000000000"),
        &[("ROUTO_SPOOL__MAX_BYTES", "20000000")],
    );
    assert!(spool.starts_with("spool.max_bytes = 20000000 (environment variable"), "{spool}");
    assert!(spool.ends_with("make it 134742016 or more, or make those smaller"), "{spool}");

    let buffer = line(
        Some("[http]\nmax_body_bytes = 2097152"),
        &[("ROUTO_HTTP__MAX_BUFFERED_BYTES", "1048576")],
    );
    assert!(buffer.starts_with("http.max_buffered_bytes = 1048576 (environment"), "{buffer}");
    assert!(buffer.ends_with("make it 43253760 or more, or make those smaller"), "{buffer}");

    let port = line(None, &[("ROUTO_ADMIN__LISTEN", "127.0.0.1:8080")]);
    assert!(port.starts_with("http.listen (default) and admin.listen (environment"), "{port}");
    let free = [("ROUTO_HTTP__LISTEN", "127.0.0.1:0"), ("ROUTO_ADMIN__LISTEN", "127.0.0.1:0")];
    assert!(load(None, &free).is_ok(), "port 0 is any free port");
}

#[test]
fn a_section_cannot_be_set_like_a_value() {
    let line = line(None, &[("ROUTO_HTTP", "0.0.0.0:80")]);
    assert!(
        line.contains("is a section, not a value: set the keys in it, such as http.listen"),
        "{line}"
    );
}

#[test]
fn a_file_that_is_given_but_missing_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = Some(directory.path().join("none.toml"));
    let error = Settings::load(&Sources { file, ..sources(directory.path(), &[]) }).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("none.toml: "), "{text}");
    assert!(text.contains("check the path"), "{text}");
}

#[test]
fn a_syntax_error_is_reported_by_file_and_line_but_never_by_its_text() {
    for file in [
        "data_dir = 'd'\n[accounts.main]\npassword = \"s3cr3t",
        "data_dir = 'd'\n[accounts.main]\npassword = s3cr3t",
        "data_dir = 'd'\n[accounts.main]\npassword = 's3cr3t' s3cr3t",
        "data_dir = 'd'\n[accounts.main]\npassword = \"s3cr3t\\q\"",
    ] {
        let error = load(Some(file), &[]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("routo-receiver.toml, line 3: "), "{text}");
        assert!(!format!("{text}{error:?}").contains("s3cr3t"), "{text}");
    }
}

#[test]
fn every_problem_is_reported_at_once() {
    let found = lines(
        Some("colour = 1\n[http]\nlisten = 'x'\n[accounts.main]\nuser = 'u'"),
        &[
            ("ROUTO_LOG__FORMAT", "xml"),
            ("ROUTO_HTTP__LSTEN", "x"),
            ("ROUTO_DATABASE__URL", "mysql://h"),
            ("ROUTO_PARTITIONS__AHEAD", "0"),
        ],
    );
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn a_lost_file_does_not_hide_the_environment_s_problems_nor_make_up_new_ones() {
    let found = lines(
        Some("= nonsense"),
        &[
            ("ROUTO_LOG__FORMAT", "xml"),
            ("ROUTO_ACCOUNTS__MAIN__USER", "its password is in the file"),
        ],
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[1].starts_with("log.format"), "{found:#?}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let mut sources = sources(directory.path(), &[]);
    let value = std::ffi::OsStr::from_bytes(b"s3cr3t\xff").to_owned();
    sources.environment.insert("ROUTO_DATA_DIR".into(), value);
    let error = Settings::load(&sources).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable ROUTO_DATA_DIR is not UTF-8: set it to text"
    );

    let mut sources = super::sources(directory.path(), &[]);
    sources.environment.insert(std::ffi::OsStr::from_bytes(b"ROUTO_HTTP\xff").into(), "x".into());
    sources.environment.insert(std::ffi::OsStr::from_bytes(b"OTHER\xff").into(), "x".into());
    let error = Settings::load(&sources).unwrap_err();
    let expected = "environment variable ROUTO_HTTP\u{fffd} is not UTF-8: set it to text";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_key_cannot_break_the_line_or_the_terminal_it_is_printed_on() {
    let found = lines(
        Some("\"a\\n\\u001b[31m\" = 1\n[accounts.\"b\\n\"]\nreport_token = '0123456789abcdef'"),
        &[],
    );
    assert!(!found.concat().contains('\u{1b}'), "{found:#?}");
}
