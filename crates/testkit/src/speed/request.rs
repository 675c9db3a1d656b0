//! The bytes of requests of one kind, which differ only in numbers that are written into place.

use simulator::Callback;

use crate::configuration::{PASSWORD, TOKEN};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// The service's own sign of life, which touches no database.
    Livez,
    Reports,
    /// Reports whose ids and numbers come in no order, as those of many senders do.
    ScatteredReports,
    Messages,
}

/// A request, and where in it digits differ from one request to the next.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
    digits: Vec<std::ops::Range<usize>>,
    scattered: bool,
}

/// Stands for a digit that differs from request to request.
const DIGIT: u8 = b'X';

impl Request {
    pub fn of(requests: Requests) -> Self {
        let reports = format!("/delivery-reports/{TOKEN}");
        let host = "127.0.0.1:80";
        let bytes = match requests {
            Requests::Livez => b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec(),
            Requests::Reports => {
                Callback::report(&reports, "bench-XXXXXXXXXXXX", 0, "44XXXXXXXXXX")
                    .request(host, true, None)
            }
            Requests::ScatteredReports => {
                Callback::report(&reports, "XXXXXXXXXXXXXXXXXXXX", 0, "44XXXXXXXXXX")
                    .request(host, true, None)
            }
            Requests::Messages => Callback::message(
                "/inbound-messages",
                ("gateway", PASSWORD),
                ("44XXXXXXXXXX", "447000000000"),
                "0",
                "Hello number XXXXXXXXXXXX",
            )
            .request(host, true, None),
        };
        Self { digits: digits(&bytes), bytes, scattered: requests == Requests::ScatteredReports }
    }

    /// The request with this number in it.
    pub fn with(&mut self, serial: u64) -> &[u8] {
        // Fibonacci hashing: each serial number once, far from its neighbours.
        let number =
            if self.scattered { serial.wrapping_mul(0x9E37_79B9_7F4A_7C15) } else { serial };
        for range in &self.digits {
            let mut left = number;
            for digit in self.bytes[range.clone()].iter_mut().rev() {
                *digit = b'0' + (left % 10) as u8;
                left /= 10;
            }
        }
        &self.bytes
    }
}

/// Every run of two or more digits to be filled in.
fn digits(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut at = 0;
    for run in bytes.chunk_by(|a, b| (*a == DIGIT) == (*b == DIGIT)) {
        if run.len() > 1 && run[0] == DIGIT {
            runs.push(at..at + run.len());
        }
        at += run.len();
    }
    runs
}
