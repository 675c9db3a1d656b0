//! The parameters of the database URL.

use super::super::postgres_url::{PARAMETERS, is_usable, options, unknown_parameters};

#[test]
fn a_parameter_is_known_exactly_when_sqlx_knows_it() {
    let url = |query: &str| format!("postgres://u:p@h/d?{query}");
    for name in PARAMETERS.split(", ") {
        assert_eq!(unknown_parameters(&url(&format!("{name}=1"))).count(), 0, "{name}");
    }
    for (query, unknown) in [
        ("", 0),
        ("options[statement_timeout]=5s&options=-c%20jit%3Doff", 0),
        ("sslmod=verify-full", 1),
        ("SSLMODE=verify-full", 1),
        ("sslmode=require&channel_binding=require&x", 2),
    ] {
        assert_eq!(unknown_parameters(&url(query)).count(), unknown, "{query}");
        assert!(is_usable(&url(query)), "{query}");
    }
    assert_eq!(unknown_parameters("postgres://u:p@h/d").count(), 0);
}

#[test]
fn sqlx_knows_each_of_these_parameters() {
    // What it does not know it ignores: a value that can't be must be an error, or change the options.
    let plain = options("postgres://u:p@h/d").unwrap();
    let file = "/no/such";
    for name in PARAMETERS.split(", ") {
        let value = match name {
            "hostaddr" => "192.0.2.1",
            "port" | "statement-cache-capacity" => "7",
            _ => file,
        };
        let found = options(&format!("postgres://u:p@h/d?{name}={value}"));
        let is_known = found.is_none_or(|found| format!("{found:?}") != format!("{plain:?}"));
        assert!(is_known, "{name}");
    }
}

#[test]
fn a_url_that_a_password_without_escapes_splits_is_not_usable() {
    for url in [
        "postgres://u:12/34@h/d",
        "postgres://u:12?34@h/d",
        "postgres://u:12?a=34@h/d",
        "postgres://u:12#34@h/d",
        "postgres://u:p@h/d#",
    ] {
        assert!(!is_usable(url), "{url}");
    }
    assert!(is_usable("postgres://u:p@h/d?application_name=a@b"));
}
