//! Asks the admin listener of a running service.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Settings;
use crate::service::reachable;

use super::CommandError;

/// How long it waits for a response. `/metrics` itself gives the spool's files two seconds.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The most bytes of a response. Another program may listen at this address.
const MAX_RESPONSE: u64 = 1024 * 1024;

pub(super) struct Answer {
    pub(super) is_ok: bool,
    pub(super) body: String,
}

/// What the service answers to `GET path`, or [`CommandError::NotRunning`].
pub(super) async fn get(settings: &Settings, path: &str) -> Result<Answer, CommandError> {
    let address = reachable(settings.admin.listen);
    let response = timeout(TIMEOUT, request(address, path))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| CommandError::NotRunning { address, source })?;
    let response = response.strip_prefix("HTTP/").and_then(|rest| rest.split_once("\r\n\r\n"));
    let Some((head, body)) = response else {
        let source = io::ErrorKind::InvalidData.into();
        return Err(CommandError::NotRunning { address, source });
    };
    Ok(Answer { is_ok: head.split(' ').nth(1) == Some("200"), body: body.trim_end().to_owned() })
}

async fn request(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}
