//! A proxy between the service and its Postgres, which does what such proxies do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// What is done to connections. By default, nothing.
#[derive(Clone, Copy, Default)]
pub struct Proxy {
    /// Everything that the server sends arrives later by this.
    pub delay: Duration,
    /// The first connection goes silent after so many bytes from the server, and stays open.
    pub silent_after: Option<usize>,
    /// Removes the startup parameter `options`, as a pooler that is told to ignore it does.
    pub without_options: bool,
}

impl Proxy {
    /// Passes connections on to a server; the address to connect to instead.
    pub async fn start(self, host: &str, port: u16) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = (host.to_owned(), port);
        tokio::spawn(async move {
            let mut proxy = self;
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(proxy.pass(client, server.clone()));
                proxy.silent_after = None;
            }
        });
        address
    }

    async fn pass(self, client: TcpStream, server: (String, u16)) -> std::io::Result<()> {
        let server = TcpStream::connect(server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let upwards = tokio::spawn(async move {
            if self.without_options {
                let length = from_client.read_u32().await?;
                let mut startup = vec![0; length as usize - 4];
                from_client.read_exact(&mut startup).await?;
                let startup = without_options(&startup);
                to_server.write_u32(u32::try_from(startup.len() + 4).unwrap()).await?;
                to_server.write_all(&startup).await?;
            }
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
        let mut left = self.silent_after.unwrap_or(usize::MAX);
        while left > 0 {
            let mut bytes = Vec::with_capacity(left.min(16 * 1024));
            let read = (&mut from_server).take(left as u64).read_buf(&mut bytes).await?;
            left -= read;
            if read == 0 || sender.send((Instant::now() + self.delay, bytes)).is_err() {
                drop(sender);
                let _ = downwards.await;
                upwards.abort();
                return Ok(());
            }
        }
        std::future::pending().await
    }
}

/// Version, then names and values that each end in NUL, then one more NUL.
fn without_options(startup: &[u8]) -> Vec<u8> {
    let (version, parameters) = startup.split_at(4);
    let words: Vec<&[u8]> = parameters.split(|byte| *byte == 0).collect();
    let mut kept = version.to_vec();
    for pair in words.chunks_exact(2).filter(|pair| !pair[0].is_empty() && pair[0] != b"options") {
        kept.extend([pair[0], &[0], pair[1], &[0]].concat());
    }
    kept.push(0);
    kept
}
