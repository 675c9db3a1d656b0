//! The database URL: whether it can be used, and the part of it that is no secret.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use tracing::subscriber::{NoSubscriber, with_default};

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
