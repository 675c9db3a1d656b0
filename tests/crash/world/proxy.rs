//! A long way between a service and its Postgres: what the server says arrives late.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Passes connections on to a port of this machine; the port to connect to instead.
pub async fn start(to: u16, delay: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, to, delay));
        }
    });
    port
}

async fn pass(client: TcpStream, to: u16, delay: Duration) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let upwards = tokio::spawn(async move {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    });
    // Nothing overtakes, and what is under way does not hold up what follows.
    let (sender, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let downwards = tokio::spawn(async move {
        while let Some((due, bytes)) = under_way.recv().await {
            sleep_until(due).await;
            to_client.write_all(&bytes).await?;
        }
        to_client.shutdown().await
    });
    loop {
        let mut bytes = Vec::with_capacity(16 * 1024);
        if from_server.read_buf(&mut bytes).await? == 0 {
            break;
        }
        if sender.send((Instant::now() + delay, bytes)).is_err() {
            break;
        }
    }
    drop(sender);
    let _ = downwards.await;
    upwards.abort();
    Ok(())
}
