//! Where a database is, without secrets.

use std::net::IpAddr;

use sqlx::postgres::PgConnectOptions;

/// Host, port and database of a URL: neither user nor password.
///
/// The host is left out where it may be a part of a password: people forget the user, or leave a
/// `/`, `?` or `#` in the password unescaped.
#[must_use]
pub fn location(url: &str, options: &PgConnectOptions) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if after.contains(['@', '#']) {
        return "host and database not shown, as the URL may have a password there".to_owned();
    }
    let database = options.get_database().unwrap_or("(named after the user)");
    if let Some(socket) = options.get_socket() {
        return format!("socket {}, database {database}", socket.display());
    }
    let (host, port) = (options.get_host(), options.get_port());
    let is_host = authority.is_empty()
        || authority.contains('@')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_host {
        format!("host {host}, port {port}, database {database}")
    } else {
        format!("host not shown, as the URL has no user in front of it, database {database}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(url: &str) -> String {
        location(url, &url.parse().unwrap())
    }

    #[test]
    fn host_port_and_database_are_named_and_neither_user_nor_password() {
        for (url, expected) in [
            ("postgres://me:hunter2@db:6432/routo", "host db, port 6432, database routo"),
            (
                "postgres://me@db.example.com/routo",
                "host db.example.com, port 5432, database routo",
            ),
            ("postgres://localhost/routo", "host localhost, port 5432, database routo"),
            ("postgres://127.0.0.1:7/routo", "host 127.0.0.1, port 7, database routo"),
            (
                "postgres:///routo?host=db.example.com",
                "host db.example.com, port 5432, database routo",
            ),
            ("postgres:///routo?host=/run/pg", "socket /run/pg, database routo"),
        ] {
            assert_eq!(located(url), expected);
        }
    }

    #[test]
    fn what_stands_in_the_place_of_a_host_is_not_shown_where_it_may_be_a_password() {
        for url in [
            "postgres://hunter2/routo",
            "postgres://me:1234/routo",
            "postgres://hunter2:1234#56@db/routo",
            "postgres://hunter2:1234?56@db/routo",
            "postgres://hunter2:1234/56@db/routo",
        ] {
            let located = located(url);
            assert!(!located.contains("hunter2") && !located.contains("1234"), "{located}");
            assert!(!located.contains("56"), "{located}");
        }
    }
}
