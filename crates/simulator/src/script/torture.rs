//! Callbacks with the oddities of old gateways, and what they mean nonetheless.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Expected, ExpectedRow, Planned, Script, texts};
use crate::callback::{Callback, Method};
use crate::oddity::Oddity;

/// An oddity, most of the time.
pub(super) fn choose(random: &mut StdRng) -> Option<Oddity> {
    Oddity::ALL.get(random.random_range(0..Oddity::ALL.len() + 2)).copied()
}

/// The callback with an oddity for a row. The row is adapted where the oddity needs a certain text.
pub(super) fn planned(
    script: &Script,
    number: u64,
    mark: (&'static str, String),
    mut row: ExpectedRow,
    oddity: Oddity,
) -> Planned {
    adapt(&mut row, oddity, number);
    let mut callback = script.access.callback(&row, false).with(mark.0, mark.1.clone());
    let mut extra = vec![mark];
    callback = match (oddity, &row) {
        (
            Oddity::SecondQuestionMark
            | Oddity::DoubledQuestionMark
            | Oddity::RawBytes
            | Oddity::NoContentLength,
            ExpectedRow::Message { .. },
        )
        | (Oddity::NoContentLength, ExpectedRow::Report { .. }) => callback.by(Method::Post),
        (
            Oddity::NoContentType
            | Oddity::CharsetInContentType
            | Oddity::LineEnd
            | Oddity::UncountedLineEnd
            | Oddity::QueryAndForm,
            _,
        ) => callback.by(Method::PostForm),
        _ => callback,
    };
    add(&mut callback, &mut extra, &row, oddity);
    Planned { number, callback: callback.oddly(oddity), expected: Expected { row, extra } }
}

fn adapt(row: &mut ExpectedRow, oddity: Oddity, number: u64) {
    match (oddity, row) {
        (Oddity::BareEscapes, ExpectedRow::Report { mess_id, .. }) => mess_id.push_str(" 5%"),
        (Oddity::RawBytes, ExpectedRow::Report { mess_id, .. }) => mess_id.push_str(" é#"),
        (Oddity::BareEscapes, ExpectedRow::Message { dcs, message, message_raw, .. }) => {
            let text = texts::percent(&mut StdRng::seed_from_u64(number));
            *dcs = text.dcs.map(str::to_owned);
            *message = text.message;
            *message_raw = text.bytes;
        }
        _ => {}
    }
}

fn add(
    callback: &mut Callback,
    extra: &mut Vec<(&'static str, String)>,
    row: &ExpectedRow,
    oddity: Oddity,
) {
    let parameters = &mut callback.parameters;
    match oddity {
        Oddity::SecondQuestionMark => {
            parameters.insert(0, ("via", b"registered URL".to_vec()));
            extra.push(("via", "registered URL".to_owned()));
        }
        Oddity::ExtraParameters => {
            for (name, value) in [
                ("smsc", "7"),
                ("time", "2026-11-24 09:30:00"),
                ("operator", "Téléphone"),
                ("x", ""),
            ] {
                let place = parameters.len() / 2;
                parameters.insert(place, (name, value.as_bytes().to_vec()));
                extra.push((name, value.to_owned()));
            }
        }
        Oddity::RepeatedParameter => {
            let (name, value) = match row {
                ExpectedRow::Report { .. } => ("status", "255"),
                ExpectedRow::Message { .. } => ("message", "not this one"),
            };
            parameters.push((name, value.as_bytes().to_vec()));
            extra.push((name, value.to_owned()));
        }
        Oddity::OtherOrder => parameters.reverse(),
        Oddity::PlusInNumbers => {
            // An unescaped `+` is decoded as a blank.
            let numbers = ["number", "org", "dest"];
            for (_, value) in parameters.iter_mut().filter(|(name, _)| numbers.contains(name)) {
                value.insert(0, b' ');
            }
        }
        Oddity::OldHttp
        | Oddity::DoubledQuestionMark
        | Oddity::BareEscapes
        | Oddity::RawBytes
        | Oddity::LowerCaseEscapes
        | Oddity::NoContentType
        | Oddity::CharsetInContentType
        | Oddity::LineEnd
        | Oddity::UncountedLineEnd
        | Oddity::NoContentLength
        | Oddity::QueryAndForm => {}
    }
}
