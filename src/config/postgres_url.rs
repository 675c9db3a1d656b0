//! The database URL: whether it can be used, and the parts of it that are no secret.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use tracing::subscriber::{NoSubscriber, with_default};

/// The parameters that sqlx knows (its options/parse.rs), besides `options[NAME]`.
pub(super) const PARAMETERS: &str = "sslmode, ssl-mode, sslrootcert, ssl-root-cert, ssl-ca, \
    sslcert, ssl-cert, sslkey, ssl-key, application_name, dbname, host, hostaddr, options, \
    password, port, statement-cache-capacity, user";

/// How many parameters of the URL sqlx ignores.
pub(super) fn unknown_parameters(url: &str) -> usize {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_known = |name: &str| {
        PARAMETERS.split(", ").any(|known| known == name)
            || name.strip_prefix("options[").is_some_and(|n| n.ends_with(']'))
    };
    form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !is_known(name)).count()
}

/// Whether sqlx takes the URL. It may still lead nowhere.
pub(super) fn is_usable(url: &str) -> bool {
    options(url).is_some()
}

/// Host, port and database of a usable URL: neither user nor password.
pub(super) fn without_secrets(url: &str) -> Option<String> {
    let options = options(url)?;
    let database = options.get_database().unwrap_or("(named after the user)");
    Some(match options.get_socket() {
        Some(socket) => format!("socket {}, database {database}", socket.display()),
        None => {
            format!("host {}, port {}, database {database}", options.get_host(), options.get_port())
        }
    })
}

pub(super) fn options(url: &str) -> Option<PgConnectOptions> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return None;
    }
    // sqlx logs the value of a parameter that it does not know, which may be a misspelt password.
    let options = with_default(NoSubscriber::default(), || PgConnectOptions::from_str(url)).ok()?;
    // With an unescaped '/' in the password, the database's name is the rest of it and the host.
    let is_split = options.get_database().is_some_and(|name| name.contains('@'));
    (!is_split).then_some(options)
}
