//! What stands between a service and its Postgres, and does what such things do.

use std::net::SocketAddr;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Passes connections on to a server, without the startup parameter `options`, as a pooler that was
/// told to ignore it does. The first connection goes silent after so many bytes from the server,
/// and stays open.
pub async fn start(server: &PgConnectOptions, silent_after: Option<usize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = (server.get_host().to_owned(), server.get_port());
    tokio::spawn(async move {
        let mut limit = silent_after;
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, target.clone(), limit.take()));
        }
    });
    address
}

async fn pass(
    client: TcpStream,
    target: (String, u16),
    limit: Option<usize>,
) -> std::io::Result<()> {
    let server = TcpStream::connect(target).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let upwards = tokio::spawn(async move {
        let length = from_client.read_u32().await?;
        let mut startup = vec![0; length as usize - 4];
        from_client.read_exact(&mut startup).await?;
        let startup = without_options(&startup);
        to_server.write_u32(u32::try_from(startup.len() + 4).unwrap()).await?;
        to_server.write_all(&startup).await?;
        tokio::io::copy(&mut from_client, &mut to_server).await
    });
    if let Some(limit) = limit {
        tokio::io::copy(&mut (&mut from_server).take(limit as u64), &mut to_client).await?;
        std::future::pending::<()>().await;
    }
    tokio::io::copy(&mut from_server, &mut to_client).await?;
    upwards.abort();
    Ok(())
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
