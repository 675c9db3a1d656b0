//! The configuration of a service under test, as environment variables.

use std::sync::atomic::{AtomicU16, Ordering};

use crate::scratch;

pub const TOKEN: &str = "main-token-0123456789abcdef";
pub const OTHER_TOKEN: &str = "other-token-0123456789abcdef";
/// User and password of the account `main`, as parameters.
pub const LOGIN: &str = "user=gateway&pass=main-p%40ss+word";
pub const PASSWORD: &str = "main-p@ss word";
pub const OTHER_PASSWORD: &str = "other-password";

/// Two accounts, ports of the system's choice, and a data directory of its own.
pub fn environment(database_url: &str) -> Vec<(String, String)> {
    let data_dir = scratch("data");
    [
        ("ROUTO_DATA_DIR", data_dir.to_str().unwrap()),
        ("DATABASE_URL", database_url),
        // A slow machine must not send to the spool what a test expects in Postgres at once.
        ("ROUTO_INGEST__COMMIT_DEADLINE", "9s"),
        ("ROUTO_HTTP__LISTEN", "127.0.0.1:0"),
        ("ROUTO_ADMIN__LISTEN", "127.0.0.1:0"),
        ("ROUTO_ACCOUNTS__MAIN__USER", "gateway"),
        ("ROUTO_ACCOUNTS__MAIN__PASSWORD", PASSWORD),
        ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", TOKEN),
        ("ROUTO_ACCOUNTS__OTHER__USER", "other"),
        ("ROUTO_ACCOUNTS__OTHER__PASSWORD", OTHER_PASSWORD),
        ("ROUTO_ACCOUNTS__OTHER__REPORT_TOKEN", OTHER_TOKEN),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Adds variables; the last value of a name counts.
pub fn with(
    mut environment: Vec<(String, String)>,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    environment
}

/// A port that is free and stays the proof's own while nobody listens on it: below those that the
/// system gives to outgoing connections, which could otherwise connect to themselves.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = u16::try_from(std::process::id() % 150).unwrap() * 100;
        let port = 16_000 + (start + nth) % 15_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
