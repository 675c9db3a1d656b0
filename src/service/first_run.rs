//! What a first run prints: lines to paste that try both callbacks and show the rows.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use secrecy::ExposeSecret;

use crate::config::Account;

/// A service that has generated its credentials, and nobody has seen them yet.
///
/// Its text holds the credentials: print it once, and to a terminal only.
pub struct FirstRun {
    pub(super) account: Account,
    pub(super) http_address: SocketAddr,
    /// The file that keeps the credentials.
    pub(super) credentials: PathBuf,
    /// A command line that opens the embedded database.
    pub(super) psql: String,
}

impl fmt::Display for FirstRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, http_address, credentials, psql } = self;
        let url = format!("http://{}", reachable(*http_address));
        writeln!(
            f,
            "\nFirst run: a database and an account were created. Try them in another terminal."
        )?;
        if let Some(token) = &account.report_token {
            writeln!(f, "\n  A delivery report:\n")?;
            writeln!(
                f,
                "    curl '{url}/delivery-reports/{}?mess_id=hello-1&status=0&number=441234567890'",
                token.expose_secret()
            )?;
        }
        if let Some(login) = &account.login {
            writeln!(f, "\n  A message sent to your long number:\n")?;
            writeln!(
                f,
                "    curl -d 'user={}&pass={}&dcs=0&org=441234567890&dest=447000000000&message=Hello' {url}/inbound-messages",
                login.user,
                login.password.expose_secret()
            )?;
        }
        writeln!(f, "\n  The rows:\n")?;
        writeln!(
            f,
            "    {psql} -c 'select mess_id, number, status, description, outcome from message_status' -c 'select received_at, org, dest, message from inbox'"
        )?;
        writeln!(
            f,
            "\nThe credentials are kept in {}; this is not shown again.",
            credentials.display()
        )
    }
}

/// The address at which this machine reaches a listener.
#[must_use]
pub(crate) fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}
