//! A database URL as the environment that `psql` reads.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tracing::subscriber::{NoSubscriber, with_default};

use super::StoreError;

/// Parameters of the URL that are files, as sqlx spells them, and the variables of libpq.
const FILES: [(&[&str], &str); 3] = [
    (&["sslrootcert", "ssl-root-cert", "ssl-ca"], "PGSSLROOTCERT"),
    (&["sslcert", "ssl-cert"], "PGSSLCERT"),
    (&["sslkey", "ssl-key"], "PGSSLKEY"),
];

/// The variables for this URL. The password is in `PGPASSWORD`: other users of the machine can see a
/// command line, but not an environment.
pub fn psql_environment(
    url: &SecretString,
) -> Result<Vec<(&'static str, SecretString)>, StoreError> {
    let url = url.expose_secret();
    let options: PgConnectOptions = with_default(NoSubscriber::default(), || url.parse())
        .map_err(|_: sqlx::Error| StoreError::Url)?;
    let host = match options.get_socket() {
        Some(socket) => socket.to_string_lossy().into_owned(),
        None => options.get_host().trim_matches(['[', ']']).to_owned(),
    };
    let mut variables = vec![
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGSSLMODE", ssl_mode(options.get_ssl_mode()).to_owned()),
    ];
    variables.extend(options.get_database().map(|name| ("PGDATABASE", name.to_owned())));
    variables.extend(options.get_options().map(|options| ("PGOPTIONS", options.to_owned())));
    let (rest, query) = url.split_once('?').unwrap_or((url, ""));
    variables.extend(password_in(rest).map(|password| ("PGPASSWORD", password)));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let file = FILES.iter().find(|(names, _)| names.contains(&&*name));
        let variable =
            if name == "password" { Some("PGPASSWORD") } else { file.map(|file| file.1) };
        variables.extend(variable.map(|variable| (variable, value.into_owned())));
    }
    Ok(variables.into_iter().map(|(name, value)| (name, value.into())).collect())
}

/// The password between user and host.
fn password_in(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or(rest);
    let (_, password) = authority.rsplit_once('@')?.0.split_once(':')?;
    // In a form, these would not stand for themselves.
    let escaped = password.replace('+', "%2B").replace('&', "%26");
    form_urlencoded::parse(format!("p={escaped}").as_bytes())
        .next()
        .map(|(_, password): (_, Cow<'_, str>)| password.into_owned())
}

fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(url: &str) -> Vec<(&'static str, String)> {
        let variables = psql_environment(&url.into()).unwrap();
        variables.into_iter().map(|(name, value)| (name, value.expose_secret().into())).collect()
    }

    #[test]
    fn every_part_of_a_url_is_a_variable() {
        let url = "postgres://me%40work:a%40b+c&d=1%25@[::1]:7/routo?sslmode=verify-full&ssl-ca=/ca.pem\
                   &options[search_path]=sms";
        let expected = [
            ("PGHOST", "::1"),
            ("PGPORT", "7"),
            ("PGUSER", "me@work"),
            ("PGSSLMODE", "verify-full"),
            ("PGDATABASE", "routo"),
            ("PGOPTIONS", "-c search_path=sms"),
            ("PGPASSWORD", "a@b+c&d=1%"),
            ("PGSSLROOTCERT", "/ca.pem"),
        ];
        assert_eq!(environment(url), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_socket_is_a_host_and_a_password_can_be_a_parameter() {
        let found = environment("postgres:///routo?host=/run/pg&user=me&password=a%2Bb");
        for expected in [("PGHOST", "/run/pg"), ("PGUSER", "me"), ("PGPASSWORD", "a+b")] {
            assert!(found.contains(&(expected.0, expected.1.to_owned())), "{found:?}");
        }
        assert!(!environment("postgres://me@h/d").iter().any(|(name, _)| *name == "PGPASSWORD"));
    }
}
