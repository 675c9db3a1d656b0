//! HTTP/1.1 exchanges over one connection, one after another. The caller sets deadlines.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answer::{Answer, BodyLength, Head};
use super::destination::Destination;
use super::failure::Failure;
use super::stream::Stream;

/// The most bytes of a response; a longer one is not HTTP.
const MAX_ANSWER: usize = 1024 * 1024;

/// A connection to one service, opened on demand and reused while the service keeps it open.
#[derive(Debug)]
pub struct Connection {
    destination: Destination,
    keep_alive: bool,
    /// Invariant: no request on it is unanswered.
    idle: Option<Stream>,
}

impl Connection {
    /// Connects at the first exchange. Without `keep_alive`, each exchange has its own connection.
    #[must_use]
    pub fn new(destination: impl Into<Destination>, keep_alive: bool) -> Self {
        Self { destination: destination.into(), keep_alive, idle: None }
    }

    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Sends a request and reads the response.
    ///
    /// An idle connection that the service has closed is replaced before anything is sent; that is not
    /// a failure. Dropping the future closes the connection.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        if let Some(kept) = self.idle.take().filter(is_open) {
            let exchanged = self.exchange_on(kept, request).await;
            return exchanged.map_err(|failure| match failure {
                Failure::Closed => Failure::KeptClosed,
                other => other,
            });
        }
        let fresh = self.destination.connect().await?;
        self.exchange_on(fresh, request).await
    }

    async fn exchange_on(&mut self, mut stream: Stream, request: &[u8]) -> Result<Answer, Failure> {
        // A service that refuses a request may respond and close before it has read all of it: the
        // response counts, not the write error.
        let sent = match stream.write_all(request).await {
            Ok(()) => stream.flush().await,
            refused => refused,
        };
        let (answer, reusable) = receive(&mut stream).await?;
        if reusable && self.keep_alive && sent.is_ok() {
            self.idle = Some(stream);
        }
        Ok(answer)
    }
}

/// The response, and whether the connection can be reused.
async fn receive(stream: &mut Stream) -> Result<(Answer, bool), Failure> {
    let mut received = Vec::with_capacity(512);
    let head = loop {
        match Head::parse(&received)? {
            // An interim response such as "100 Continue".
            Some(head) if head.status < 200 => {
                received.drain(..head.length);
            }
            Some(head) => break head,
            None => more(stream, &mut received).await?,
        }
    };
    let end = match head.body {
        BodyLength::Unknown => None,
        BodyLength::Bytes(length) => Some(head.length.saturating_add(length)),
    };
    while end.is_some_and(|end| received.len() < end) {
        more(stream, &mut received).await?;
    }
    let reusable = head.keep_alive && end == Some(received.len());
    let body = received.split_off(head.length);
    Ok((Answer { status: head.status, head: received, body }, reusable))
}

async fn more(stream: &mut Stream, received: &mut Vec<u8>) -> Result<(), Failure> {
    if received.len() > MAX_ANSWER {
        return Err(Failure::NotHttp);
    }
    match stream.read_buf(received).await {
        Ok(0) | Err(_) => Err(Failure::Closed),
        Ok(_) => Ok(()),
    }
}

/// Whether an idle connection can carry a request. Asks the system, because the runtime may not know
/// of the end yet. Unsolicited bytes make it unusable, too.
fn is_open(stream: &Stream) -> bool {
    let mut unsolicited = [0; 1];
    let peeked = recv(stream.tcp(), &mut unsolicited, RecvFlags::PEEK | RecvFlags::DONTWAIT);
    peeked.is_err_and(|error| io::Error::from(error).kind() == io::ErrorKind::WouldBlock)
}
