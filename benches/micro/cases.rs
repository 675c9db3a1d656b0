//! What is measured.

use std::hint::black_box;
use std::sync::LazyLock;

use routo_receiver::accounts::{EncodingOverrides, Secrets};
use routo_receiver::domain::{
    CallbackKind, Encoding, Event, EventKeySource, Reception, Source, Transport,
};
use routo_receiver::ingest::internals::take_batch;
use routo_receiver::spool::internals::encode;
use routo_receiver::wire::params::Params;
use routo_receiver::wire::{self, text};

use super::callback;
use super::case::Case;

const REPORT: &[u8] = b"mess_id=20260131120000-0042&status=0&number=447700900123";

const MESSAGE: &[u8] = b"user=gateway&pass=s3cret%2Bword&dcs=0&org=447700900123&dest=447000000000\
    &message=Hello%2C+this+is+a+message+of+the+usual+length%3A+one+that+somebody+has+typed.";

/// As much as a request may have, all of it to be decoded, and all of it to be kept as extra.
const HOSTILE_BYTES: usize = 64 * 1024;

pub fn all() -> Vec<Case> {
    let mut cases = vec![
        case("parameters/report", || report(REPORT)),
        case("parameters/message", || message(MESSAGE)),
    ];
    cases.extend(hostile());
    cases.extend(charsets());
    cases.extend([spooled("report", reports(1)), spooled("message", vec![message(MESSAGE)])]);
    cases.extend([1, 64, 256].map(batch));
    cases.extend(callback::all());
    cases
}

fn case<T>(name: &'static str, mut run: impl FnMut() -> T + 'static) -> Case {
    Case { name, run: Box::new(move || drop(black_box(run()))) }
}

/// Inputs that are made to cost much.
fn hostile() -> [Case; 3] {
    let inputs = [
        ("parameters/64 KiB of escapes", "%E9".repeat(HOSTILE_BYTES / 3)),
        ("parameters/64 KiB of separators", "&=".repeat(HOSTILE_BYTES / 2)),
        ("parameters/64 KiB of question marks", "?a".repeat(HOSTILE_BYTES / 2)),
    ];
    inputs.map(|(name, input)| {
        let input = [REPORT, b"&x=", input.as_bytes()].concat();
        case(name, move || report(&input))
    })
}

/// A message of 160 characters, or as many as fit, in each charset.
fn charsets() -> [Case; 8] {
    let utf16: Vec<u8> =
        "Привет, это сообщение. ".repeat(3).encode_utf16().flat_map(u16::to_be_bytes).collect();
    let digit = |value: u8| b"0123456789ABCDEF"[usize::from(value)];
    let hex: Vec<u8> = utf16.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let latin1: Vec<u8> = b"Gr\xFC\xDFe aus K\xF6ln, ".iter().copied().cycle().take(160).collect();
    let windows: Vec<u8> =
        latin1.iter().map(|byte| if *byte == 0xFC { 0x80 } else { *byte }).collect();
    let gsm7: Vec<u8> =
        b"Price: \x1B\x65 20 \x00 \x1E\x7E ".iter().copied().cycle().take(160).collect();
    [
        ("charset/ascii", Encoding::Auto, b"Hello, this is text. ".repeat(8)),
        ("charset/utf-8", Encoding::Auto, "Grüße aus Köln, ".repeat(10).into_bytes()),
        ("charset/iso-8859-1", Encoding::Auto, latin1),
        ("charset/windows-1252", Encoding::Latin1, windows),
        ("charset/gsm-7", Encoding::Gsm7, gsm7),
        ("charset/utf-16be", Encoding::Utf16, utf16),
        ("charset/utf-16be-hex", Encoding::Utf16, hex),
        ("charset/binary", Encoding::Binary, vec![0xFF; 140]),
    ]
    .map(|(name, encoding, bytes)| case(name, move || text::decode(black_box(&bytes), encoding)))
}

fn spooled(kind: &str, mut events: Vec<Event>) -> Case {
    let name = match kind {
        "report" => "spool record/report",
        _ => "spool record/message",
    };
    let event = events.remove(0);
    case(name, move || encode(black_box(&event)))
}

/// What is taken is given back, so that nothing is made anew: the moving is measured.
fn batch(rows: usize) -> Case {
    let name = match rows {
        1 => "batch/1",
        64 => "batch/64",
        _ => "batch/256",
    };
    let mut gathered: Vec<(Event, usize)> = reports(rows).into_iter().zip(0..).collect();
    case(name, move || {
        let (events, tags) = take_batch(&mut gathered.drain(..));
        gathered.extend(events.into_iter().zip(tags));
        gathered.len()
    })
}

fn reports(count: usize) -> Vec<Event> {
    (0..count).map(|_| report(REPORT)).collect()
}

fn report(query: &[u8]) -> Event {
    event(CallbackKind::DeliveryReport, query, b"")
}

fn message(form: &[u8]) -> Event {
    event(CallbackKind::InboundMessage, b"", form)
}

fn event(kind: CallbackKind, query: &[u8], form: &[u8]) -> Event {
    let params = Params::parse(kind, black_box(query), black_box(form));
    wire::parse(kind, &params, &EncodingOverrides::default(), &Secrets::default(), reception())
        .unwrap()
}

/// The same each time: what it costs to make one is not measured here.
fn reception() -> Reception {
    static RECEPTION: LazyLock<Reception> = LazyLock::new(|| Reception {
        key: EventKeySource::system().next(),
        account: "main".parse().unwrap(),
        source: Source { transport: Transport::HttpGet, remote_addr: [192, 0, 2, 1].into() },
    });
    RECEPTION.clone()
}
