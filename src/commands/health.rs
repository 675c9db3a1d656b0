//! `routo-receiver health`: asks `/readyz` of a running service.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Settings;
use crate::service::reachable;

use super::CommandError;
use super::output::print_line;

/// How long it waits for a response.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes of a response. Another program may listen at this address.
const MAX_RESPONSE: u64 = 16 * 1024;

pub(super) async fn run(settings: &Settings) -> Result<(), CommandError> {
    print_line(readiness(settings).await?)
}

/// What a ready service says; otherwise [`CommandError::NotReady`] or [`CommandError::NotRunning`].
pub(super) async fn readiness(settings: &Settings) -> Result<String, CommandError> {
    let address = reachable(settings.admin.listen);
    let response = timeout(TIMEOUT, request(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| CommandError::NotRunning { address, source })?;
    let response = response.strip_prefix("HTTP/").and_then(|rest| rest.split_once("\r\n\r\n"));
    let Some((head, body)) = response else {
        let source = io::ErrorKind::InvalidData.into();
        return Err(CommandError::NotRunning { address, source });
    };
    let body = body.trim_end().to_owned();
    match head.split(' ').nth(1) {
        Some("200") => Ok(body),
        _ => Err(CommandError::NotReady(body)),
    }
}

async fn request(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut response = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}
