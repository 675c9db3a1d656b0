//! What a key can have, in words for a problem.

use std::fmt;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// What a key can have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // each is said by its text below
pub enum Expected {
    Address,
    Number { min: u64, max: u64 },
    Duration { min: Duration, max: Duration },
    PartitionWidth,
    Boolean,
    Directory,
    PublicUrl,
    PostgresUrl,
    Text { max_chars: usize },
    ReportToken,
    Networks,
    Encoding,
    LogLevel,
    LogFormat,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("an IP address and a port, such as 0.0.0.0:8080"),
            Self::Number { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Duration { min, max } => {
                let example = if *min < DAY { "10s" } else { "90days" };
                let (min, max) =
                    (humantime::format_duration(*min), humantime::format_duration(*max));
                write!(f, "a duration from {min} to {max}, with its unit, such as \"{example}\"")
            }
            Self::PartitionWidth => f.write_str("month or day"),
            Self::Boolean => f.write_str("true or false"),
            Self::Directory => f.write_str("the path of a directory"),
            Self::PublicUrl => f.write_str(
                "the service's own URL without user, query or fragment, such as \
                 https://sms.example.com",
            ),
            Self::PostgresUrl => {
                f.write_str("a Postgres URL such as postgres://user:password@host:5432/database")
            }
            Self::Text { max_chars } => {
                write!(f, "1 to {max_chars} characters without control characters")
            }
            Self::ReportToken => f.write_str(
                "1 to 128 letters, digits, '-', '.', '_' or '~', for example from: \
                 openssl rand -hex 16",
            ),
            Self::Networks => f.write_str(
                "one or more IP addresses and networks, such as 203.0.113.7, 10.0.0.0/8, \
                 2001:db8::/32",
            ),
            Self::Encoding => f.write_str("one of: auto, gsm-7, iso-8859-1, utf-8, utf-16, binary"),
            Self::LogLevel => f.write_str(
                "off, error, warn, info, debug or trace, or a list such as \
                 info,routo_receiver=debug",
            ),
            Self::LogFormat => f.write_str("auto, pretty or json"),
        }
    }
}
