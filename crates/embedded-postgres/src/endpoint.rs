//! Where the server listens, and how programs and people connect to it.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

/// Below the ephemeral ports of Linux and macOS, which outgoing connections would occupy.
const PORTS: Range<u16> = 15_000..30_000;

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) url: SecretString,
    pub(super) psql_command_line: String,
}

impl Endpoint {
    pub(super) fn new(port: u16, password: &SecretString, pgpass: &Path, psql: &Path) -> Self {
        Self {
            url: url(port, password),
            psql_command_line: format!(
                "PGPASSFILE={} {} -h 127.0.0.1 -p {port} -U routo routo",
                shell_word(pgpass),
                shell_word(psql),
            ),
        }
    }
}

pub(super) fn url(port: u16, password: &SecretString) -> SecretString {
    let password = password.expose_secret(); // hexadecimal: nothing to escape
    format!("postgres://routo:{password}@127.0.0.1:{port}/routo").into()
}

pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// If none of many is free, the server fails to start, and another attempt follows.
pub(super) fn free_port() -> u16 {
    let mut port = rand::random_range(PORTS);
    for _ in 0..100 {
        if is_free(port) {
            break;
        }
        port = rand::random_range(PORTS);
    }
    port
}

/// Quotes a path for a shell if necessary.
fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+".contains(c);
    if text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
