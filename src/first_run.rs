//! What the first run prints: commands to paste that try both callbacks and show the rows.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use secrecy::ExposeSecret;

use crate::config::Account;

/// Printed once, after credentials were generated. The text has them: for a terminal only.
pub struct Welcome<'a> {
    pub account: &'a Account,
    /// The listener for the gateway.
    pub listen: SocketAddr,
    /// The file that keeps the credentials.
    pub credentials: &'a Path,
    /// A command line that opens the embedded database.
    pub psql: &'a str,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, listen, credentials, psql } = self;
        let url = format!("http://{}", reachable(*listen));
        writeln!(
            f,
            "\nThis is the first run: there is a database and an account now. Try them, in another terminal."
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
            "\nThe credentials are kept in {}; this is not shown again.\n",
            credentials.display()
        )
    }
}

/// The address at which this machine reaches a listener.
#[must_use]
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, v6.port()).into()
        }
        other => other,
    }
}
