//! One HTTP/1.1 exchange after another over a connection. Deadlines are the caller's.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answer::{Answer, BodyLength, Head};
use super::destination::Destination;
use super::stream::Stream;

/// What an answer may have in bytes before it counts as none.
const MAX_ANSWER: usize = 1024 * 1024;

/// Why an attempt got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Failure {
    /// No connection could be made.
    #[error("the connection was refused")]
    Refused,
    /// A connection was made, but no TLS: the certificate is not trusted, or there is no TLS at all.
    #[error("TLS could not be agreed on")]
    Tls,
    /// The service ended the connection, in order or not, before the answer was complete.
    #[error("the connection was closed or reset before the answer")]
    Closed,
    /// The same on a connection that had carried an exchange before: the service closed it at the
    /// moment the next request was on its way.
    #[error("a kept connection was closed or reset before the answer")]
    KeptClosed,
    /// No answer within the time-out.
    #[error("no answer in time")]
    TimedOut,
    /// What came back is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
}

impl Failure {
    /// A short name, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::Closed => "closed",
            Self::KeptClosed => "kept-closed",
            Self::TimedOut => "timed-out",
            Self::NotHttp => "not-http",
        }
    }
}

/// A connection to one service, made when it is needed, kept while the service keeps it.
#[derive(Debug)]
pub struct Connection {
    destination: Destination,
    keep_alive: bool,
    /// Invariant: nothing was sent on it that is still to be answered.
    idle: Option<Stream>,
}

impl Connection {
    /// Nothing is connected before the first exchange. Without `keep_alive` each has one of its own.
    #[must_use]
    pub fn new(destination: impl Into<Destination>, keep_alive: bool) -> Self {
        Self { destination: destination.into(), keep_alive, idle: None }
    }

    /// Where it leads.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Sends a request and reads its answer.
    ///
    /// A kept connection that the service has closed meanwhile is replaced before anything is sent;
    /// that is no failure. Dropping the future closes the connection it used.
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
        // A service that refuses a request may answer and close before it has read all of it: the
        // answer counts, not the error.
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

/// The answer, and whether the connection is good for another.
async fn receive(stream: &mut Stream) -> Result<(Answer, bool), Failure> {
    let mut received = Vec::with_capacity(512);
    let head = loop {
        match Head::parse(&received)? {
            // "Continue" and its like announce the answer.
            Some(head) if head.status < 200 => {
                received.drain(..head.length);
            }
            Some(head) => break head,
            None => more(stream, &mut received).await?,
        }
    };
    let told = match head.body {
        BodyLength::Untold => None,
        BodyLength::Bytes(length) => Some(head.length.saturating_add(length)),
    };
    while told.is_some_and(|end| received.len() < end) {
        more(stream, &mut received).await?;
    }
    let reusable = head.keep_alive && told == Some(received.len());
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

/// Whether an idle connection can take a request. The system is asked, not the runtime, which may
/// not have heard of the end yet. Bytes that nobody asked for make it unusable, too.
fn is_open(stream: &Stream) -> bool {
    let mut unasked = [0; 1];
    let peeked = recv(stream.tcp(), &mut unasked, RecvFlags::PEEK | RecvFlags::DONTWAIT);
    peeked.is_err_and(|error| io::Error::from(error).kind() == io::ErrorKind::WouldBlock)
}
