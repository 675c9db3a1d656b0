//! The kinds of values that keys take: the form of each, its bounds, and the words for a problem.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::domain::{Encoding, Networks};

use super::origin::Origin;
use super::postgres_url;
use super::warning::Warning;

const DAY: Duration = Duration::from_hours(24);
const MAX_TOKEN_BYTES: usize = 128;
const MIN_SAFE_TOKEN_BYTES: usize = 16;
const MIN_SAFE_PASSWORD_CHARS: usize = 8;

/// How a value is written, and what of it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// Never repeated in a problem: people put passwords into URLs.
    Url,
    /// Exact text, which a file has in quotes: `0042` is not `42`.
    Quoted,
    /// An array of texts in a file, separated by commas in the environment.
    List,
    /// Exact text that is never shown. The file that `<key>_file` names can hold it.
    Secret,
}

/// What a key takes.
pub(super) struct Kind<T> {
    pub(super) form: Form,
    /// Completes "expected …".
    pub(super) expected: String,
    pub(super) parse: Box<dyn Fn(&str) -> Option<T>>,
    /// For a value that is valid but should be changed, with its key and origin.
    pub(super) warning: fn(&str, String, Origin) -> Option<Warning>,
}

impl<T> Kind<T> {
    fn new(
        form: Form,
        expected: impl Into<String>,
        parse: impl Fn(&str) -> Option<T> + 'static,
    ) -> Self {
        let warning = |_: &str, _, _| None;
        Self { form, expected: expected.into(), parse: Box::new(parse), warning }
    }

    fn warns(self, warning: fn(&str, String, Origin) -> Option<Warning>) -> Self {
        Self { warning, ..self }
    }
}

pub(super) fn address() -> Kind<SocketAddr> {
    let expected = "an IP address and a port, such as 0.0.0.0:8080";
    Kind::new(Form::Plain, expected, |text| text.parse().ok())
}

pub(super) fn number<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> Kind<T> {
    let expected = format!("a whole number from {} to {}", range.start(), range.end());
    Kind::new(Form::Plain, expected, move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number))?;
        number.try_into().ok()
    })
}

pub(super) fn duration(range: RangeInclusive<Duration>) -> Kind<Duration> {
    let [min, max] = [range.start(), range.end()].map(|bound| humantime::format_duration(*bound));
    let example = if *range.start() < DAY { "10s" } else { "90days" };
    let expected = format!("a duration from {min} to {max}, with its unit, such as \"{example}\"");
    Kind::new(Form::Plain, expected, move |text| {
        humantime::parse_duration(text).ok().filter(|duration| range.contains(duration))
    })
}

pub(super) fn boolean() -> Kind<bool> {
    Kind::new(Form::Plain, "true or false", |text| match text {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    })
}

/// One of these words. `expected` lists them.
pub(super) fn one_of<T: Copy + 'static>(
    expected: &str,
    words: &'static [(&'static str, T)],
) -> Kind<T> {
    Kind::new(Form::Plain, expected, |text| {
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    })
}

pub(super) fn directory() -> Kind<PathBuf> {
    Kind::new(Form::Plain, "the path of a directory", |text| {
        (!text.is_empty()).then(|| text.into())
    })
}

pub(super) fn file() -> Kind<PathBuf> {
    Kind::new(Form::Plain, "the path of a file", |text| (!text.is_empty()).then(|| text.into()))
}

pub(super) fn networks() -> Kind<Networks> {
    let expected = "one or more IP addresses and networks, such as 203.0.113.7, 10.0.0.0/8, \
                    2001:db8::/32";
    Kind::new(Form::List, expected, |text| text.parse().ok())
}

/// Without a `/` at the end.
pub(super) fn base_url() -> Kind<String> {
    let expected = "the service's own URL without user, query or fragment, such as \
                    https://sms.example.com";
    Kind::new(Form::Url, expected, |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let has_host = !rest.is_empty() && !rest.starts_with(['/', ':']);
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"@?#\"<>\\".contains(&byte);
        (has_host && text.bytes().all(is_plain)).then(|| text.trim_end_matches('/').to_owned())
    })
}

pub(super) fn encoding() -> Kind<Encoding> {
    let names = Encoding::ALL.map(Encoding::as_str).join(", ");
    Kind::new(Form::Plain, format!("one of: {names}"), |text| text.parse().ok())
}

/// Every part of the filter has a level: `Targets` takes a misspelt level for the name of a target,
/// and then logs nothing else.
pub(super) fn log_level() -> Kind<Targets> {
    let expected = "off, error, warn, info, debug or trace, or a list such as \
                    info,routo_receiver=debug";
    Kind::new(Form::Plain, expected, |text| {
        let has_level = |part: &str| {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            !level.is_empty() && LevelFilter::from_str(level).is_ok()
        };
        text.split(',').all(has_level).then(|| text.parse().ok()).flatten()
    })
}

/// A text that can be typed.
pub(super) fn text(max_chars: usize) -> Kind<String> {
    let expected = format!("1 to {max_chars} characters without control characters");
    Kind::new(Form::Quoted, expected, move |text| {
        let fits = (1..=max_chars).contains(&text.chars().count());
        (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
    })
}

pub(super) fn login_password(max_chars: usize) -> Kind<SecretString> {
    let Kind { expected, parse, .. } = text(max_chars);
    let kind = Kind::new(Form::Secret, expected, move |text| parse(text).map(SecretString::from));
    kind.warns(|text, key, origin| {
        let is_short = text.chars().count() < MIN_SAFE_PASSWORD_CHARS;
        is_short.then_some(Warning::ShortPassword { key, origin })
    })
}

/// Unreserved URL characters, as it is the last part of a URL.
pub(super) fn url_token() -> Kind<SecretString> {
    let expected = format!(
        "1 to {MAX_TOKEN_BYTES} letters, digits, '-', '.', '_' or '~', for example from: \
         openssl rand -hex 16"
    );
    let kind = Kind::new(Form::Secret, expected, |text| {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let fits = text.len() <= MAX_TOKEN_BYTES && text.bytes().all(unreserved);
        // Clients resolve a path that ends in one of these to another path.
        (fits && ![".", ".."].contains(&text)).then(|| text.into())
    });
    kind.warns(|text, key, origin| {
        let is_short = text.len() < MIN_SAFE_TOKEN_BYTES;
        is_short.then_some(Warning::ShortReportToken { key, origin })
    })
}

pub(super) fn postgres_url() -> Kind<SecretString> {
    let expected = "a Postgres URL such as postgres://user:password@host:5432/database, with '/', \
                    '@', ':', '?' and '#' in the password percent-encoded";
    let kind = Kind::new(Form::Secret, expected, |text| {
        postgres_url::is_usable(text).then(|| text.into())
    });
    kind.warns(|text, key, origin| {
        let unknown = postgres_url::unknown_parameters(text).count();
        (unknown > 0).then_some(Warning::UnknownUrlParameters { key, origin, unknown })
    })
}
