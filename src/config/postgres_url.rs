//! The database URL: whether it can be used, and the part of it that is no secret.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use tracing::subscriber::{NoSubscriber, with_default};

/// The parameters that sqlx knows (its options/parse.rs), besides `options[NAME]`.
pub(super) const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "statement-cache-capacity",
    "user",
];

/// How many parameters of the URL count for nothing.
pub(super) fn unknown_parameters(url: &str) -> usize {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_known = |name: &str| {
        PARAMETERS.contains(&name)
            || name.strip_prefix("options[").is_some_and(|n| n.ends_with(']'))
    };
    form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !is_known(name)).count()
}

/// Whether connections can be made from this URL, as far as its form goes.
pub(super) fn is_usable(url: &str) -> bool {
    options(url).is_some()
}

/// Host, port and database of a usable URL: neither user nor password.
pub(super) fn without_secrets(url: &str) -> Option<String> {
    let options = options(url)?;
    let database = options.get_database().unwrap_or("(the user's own)");
    Some(match options.get_socket() {
        Some(socket) => format!("socket {}, database {database}", socket.display()),
        None => {
            format!("host {}, port {}, database {database}", options.get_host(), options.get_port())
        }
    })
}

fn options(url: &str) -> Option<PgConnectOptions> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return None;
    }
    // sqlx logs the value of a parameter that it does not know, which may be a misspelt password.
    let options = with_default(NoSubscriber::default(), || PgConnectOptions::from_str(url)).ok()?;
    // An unescaped '/' in the password makes the rest of it, and the host, the database's name.
    let is_split = options.get_database().is_some_and(|name| name.contains('@'));
    (!is_split).then_some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_counts_for_something_exactly_when_sqlx_knows_it() {
        let url = |query: &str| format!("postgres://u:p@h/d?{query}");
        for name in PARAMETERS {
            assert_eq!(unknown_parameters(&url(&format!("{name}=1"))), 0, "{name}");
        }
        for (query, unknown) in [
            ("", 0),
            ("options[statement_timeout]=5s&options=-c%20jit%3Doff", 0),
            ("sslmod=verify-full", 1),
            ("SSLMODE=verify-full", 1),
            ("sslmode=require&channel_binding=require&x", 2),
        ] {
            assert_eq!(unknown_parameters(&url(query)), unknown, "{query}");
            assert!(is_usable(&url(query)), "{query}");
        }
        assert_eq!(unknown_parameters("postgres://u:p@h/d"), 0);
    }

    #[test]
    fn sqlx_knows_each_of_these_parameters() {
        // What it does not know it ignores: a value that can't be must be an error, or change the options.
        let plain = options("postgres://u:p@h/d").unwrap();
        let file = "/no/such";
        for name in PARAMETERS {
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
}
