//! Keep-alive connections that send requests in a closed or open loop.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::{Request, Throughput};

/// Numbers of requests, each used once in this process.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Longer than any answer may take.
const NO_ANSWER: Duration = Duration::from_secs(10);

/// Every answer that is as it should be begins and ends so.
const HEAD: &[u8] = b"HTTP/1.1 200";
const END: &[u8] = b"\r\n\r\nOK";

pub struct Clients {
    poll: Poll,
    events: Events,
    all: Vec<Client>,
}

struct Client {
    stream: TcpStream,
    request: Request,
    /// When the request that is under way was sent, or should have been.
    since: Instant,
    answer: Box<[u8; 4096]>,
    filled: usize,
}

impl Clients {
    pub fn connect(to: SocketAddr, request: &Request, connections: usize) -> Self {
        let poll = Poll::new().unwrap();
        let clients = (0..connections)
            .map(|index| {
                // Connected before it becomes non-blocking, so that it can be written to at once.
                let stream = std::net::TcpStream::connect(to).unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_nonblocking(true).unwrap();
                let mut stream = TcpStream::from_std(stream);
                poll.registry().register(&mut stream, Token(index), Interest::READABLE).unwrap();
                Client {
                    stream,
                    request: request.clone(),
                    since: Instant::now(),
                    answer: Box::new([0; 4096]),
                    filled: 0,
                }
            })
            .collect();
        Self { poll, events: Events::with_capacity(1024), all: clients }
    }

    /// Every connection sends its next request when its last was answered.
    pub fn closed_loop(&mut self, duration: Duration) -> Throughput {
        let mut outcome = Throughput::new();
        let began = Instant::now();
        for client in &mut self.all {
            client.send(Instant::now());
        }
        let mut under_way = self.all.len();
        while under_way > 0 {
            self.wait(NO_ANSWER);
            assert!(!self.events.is_empty(), "no answer within {NO_ANSWER:?}");
            for event in &self.events {
                let client = &mut self.all[event.token().0];
                if let Some(answered) = client.receive() {
                    let now = Instant::now();
                    outcome.record(answered, now - client.since);
                    if now - began < duration {
                        client.send(now);
                    } else {
                        under_way -= 1;
                    }
                }
            }
        }
        outcome.elapsed = began.elapsed();
        outcome
    }

    /// Requests at a rate that does not ask how fast they are answered. Latency counts from the time
    /// a request was due, also when all connections were busy then: an answer that is late makes
    /// those behind it late. The generator itself wakes up to 1 ms late, and that counts, too.
    pub fn open_loop(&mut self, rate: f64, duration: Duration) -> Throughput {
        let mut outcome = Throughput::new();
        let began = Instant::now();
        let due = |index: u32| began + Duration::from_secs_f64(f64::from(index) / rate);
        let mut idle: Vec<usize> = (0..self.all.len()).collect();
        let mut next = 0;
        loop {
            let now = Instant::now();
            let is_over = due(next) - began >= duration;
            while !is_over && due(next) <= now {
                let Some(index) = idle.pop() else { break };
                self.all[index].send(due(next));
                next += 1;
            }
            if is_over && idle.len() == self.all.len() {
                outcome.elapsed = began.elapsed();
                return outcome;
            }
            let can_send = !is_over && !idle.is_empty();
            self.wait(if can_send { due(next).saturating_duration_since(now) } else { NO_ANSWER });
            assert!(can_send || !self.events.is_empty(), "no answer within {NO_ANSWER:?}");
            for event in &self.events {
                let index = event.token().0;
                let client = &mut self.all[index];
                if let Some(answered) = client.receive() {
                    outcome.record(answered, client.since.elapsed());
                    idle.push(index);
                }
            }
        }
    }

    fn wait(&mut self, at_most: Duration) {
        match self.poll.poll(&mut self.events, Some(at_most)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => other.unwrap(),
        }
    }
}

impl Client {
    fn send(&mut self, since: Instant) {
        self.since = since;
        let request = self.request.with(SERIAL.fetch_add(1, Ordering::Relaxed));
        let written = self.stream.write(request).unwrap();
        assert_eq!(written, request.len(), "a request fits into an empty socket buffer");
    }

    /// Whether the answer is 200, once it is there.
    fn receive(&mut self) -> Option<bool> {
        // Less than there is room for, so all that there is: the next event comes with more.
        match self.stream.read(&mut self.answer[self.filled..]) {
            Ok(0) => panic!("closed after {:?}", self.said()),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("{error} after {:?}", self.said()),
        }
        let answer = &self.answer[..self.filled];
        let answered = answer.starts_with(HEAD) && answer.trim_ascii_end().ends_with(END);
        (answered || is_complete(answer)).then(|| {
            self.filled = 0;
            answered
        })
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.answer[..self.filled]).into_owned()
    }
}

/// By its `Content-Length`: for answers that are not as they should be.
fn is_complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    head.lines().any(|line| {
        line.split_once(": ").is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("content-length")
                && value.trim().parse().is_ok_and(|length: usize| length <= body.len())
        })
    })
}
