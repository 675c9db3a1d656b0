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

pub(super) async fn run(settings: &Settings) -> Result<(), CommandError> {
    let address = reachable(settings.admin.listen);
    let response = timeout(TIMEOUT, request(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| CommandError::NotRunning { address, source })?;
    let Some((head, body)) = response.split_once("\r\n\r\n") else {
        let source = io::ErrorKind::InvalidData.into();
        return Err(CommandError::NotRunning { address, source });
    };
    match head.split(' ').nth(1) {
        Some("200") => print_line(body.trim_end()),
        _ => Err(CommandError::NotReady(body.trim_end().to_owned())),
    }
}

async fn request(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}
