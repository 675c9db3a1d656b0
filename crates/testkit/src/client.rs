//! An HTTP client that sends the bytes it is given, as an old gateway would.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// An answer, read to the end of the connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    /// Without the line end of its last line.
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends the bytes over a connection of their own and reads what comes back.
pub async fn send(to: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    exchange(TcpStream::connect(to).await.unwrap(), request).await
}

/// The same, for a server that may refuse or close the connection: `None` then.
pub async fn try_send(to: SocketAddr, request: impl AsRef<[u8]>) -> Option<Answer> {
    let stream = TcpStream::connect(to).await.ok()?;
    try_parse(&received(stream, request).await)
}

/// The same from another address of this machine: all of 127.0.0.0/8 are.
pub async fn send_from(source: [u8; 4], to: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    exchange(socket.connect(to).await.unwrap(), request).await
}

/// The answer as it arrives.
pub async fn send_raw(to: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn exchange(stream: TcpStream, request: impl AsRef<[u8]>) -> Answer {
    parse(&received(stream, request).await)
}

async fn received(mut stream: TcpStream, request: impl AsRef<[u8]>) -> Vec<u8> {
    // A server that refuses a request may close before it has read all of it.
    let _ = stream.write_all(request.as_ref()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

pub fn parse(answer: &[u8]) -> Answer {
    try_parse(answer).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(answer)))
}

fn try_parse(answer: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = body.strip_suffix('\n').unwrap_or(body);
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// A `GET` as most clients send it.
pub fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

/// A `POST` with a form body.
pub fn post(target: &str, form: &[u8]) -> Vec<u8> {
    request("POST", target, &["Content-Type: application/x-www-form-urlencoded"], form)
}

pub fn request(method: &str, target: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}
