//! Records: any event can be written and read again, and any bytes can be read.

use proptest::prelude::*;
use time::macros::datetime;

use super::super::frame::MAX_CONTENT_BYTES;
use super::super::json::line;
use super::super::record::{OtherRecord, Unreadable, read, write_callback};
use super::super::*;
use super::{drained, options, reception, report, reports};
use crate::domain::{
    Charset, DeliveryReport, DeliveryStatus, Extra, InboundMessage, MessageText, PhoneNumber,
};

fn content(event: &Event) -> Vec<u8> {
    let mut content = Vec::new();
    write_callback(&mut content, event);
    content
}

#[test]
fn a_record_of_a_later_version_is_set_aside_and_not_lost() {
    let mut content = content(&report("m"));
    content[0] = 200;
    assert_eq!(read(&content), Err(OtherRecord::Unreadable(Unreadable::UnknownKind(200))));
}

#[test]
fn a_record_with_more_or_less_than_its_fields_is_no_callback() {
    let content = content(&report("m"));
    let longer = [content.as_slice(), b"x"].concat();
    for other in [&content[..content.len() - 1], &longer, &content[..1], b""] {
        assert_eq!(read(other), Err(OtherRecord::Unreadable(Unreadable::NoCallback)));
    }
}

#[test]
fn what_is_too_long_is_an_error_and_never_an_empty_record() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let mut events = reports(0..3);
    events[1] = report(&"x".repeat(MAX_CONTENT_BYTES));
    let error = spool.append(&events).unwrap_err();
    assert!(matches!(error, SpoolError::TooLong { .. }), "{error}");
    assert_eq!(drained(&spool), [], "nothing of its batch is written");
}

#[test]
fn the_largest_body_fits_even_if_none_of_its_bytes_can_be_read() {
    let body = 16 * 1024 * 1024;
    let message = Event::InboundMessage(InboundMessage {
        reception: reception(),
        org: PhoneNumber::new("1"),
        dest: PhoneNumber::new("2"),
        dcs: None,
        message: MessageText::new("\u{FFFD}".repeat(body), Charset::Gsm7, true),
        message_raw: vec![0xFF; body],
        extra: Extra::default(),
    });
    assert!(content(&message).len() < MAX_CONTENT_BYTES);
}

#[test]
fn any_time_is_kept_and_one_that_json_lacks_is_an_error_of_the_export() {
    let mut event = report("m");
    let Event::DeliveryReport(report) = &mut event else { panic!("a report") };
    report.reception.key.received_at = datetime!(-0001-01-01 0:00:00.123456789 UTC);
    assert_eq!(read(&content(&event)), Ok(event.clone()));
    assert!(line(&event).is_err());
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".*", "\\PC*", "[ +0-9()\\-]{0,20}"]
}

proptest! {
    #[test]
    fn any_event_can_be_written_and_read_again(
        texts in prop::array::uniform6(text()),
        raw in prop::collection::vec(any::<u8>(), 0..300),
        dcs in prop::option::of(text()),
        lossy in any::<bool>(),
        charset in 0..3_usize,
    ) {
        let [a, b, c, d, e, f] = texts;
        let extra: Extra = [(e.as_str().into(), f.as_str().into()), (e.as_str().into(), a.as_str().into())]
            .into_iter()
            .collect();
        let report = Event::DeliveryReport(DeliveryReport {
            reception: reception(),
            mess_id: a.as_str().into(),
            number: PhoneNumber::new(&b),
            status: DeliveryStatus::new(c.as_str().into()),
            extra: extra.clone(),
        });
        let charset = [Charset::Gsm7, Charset::Utf16LeHex, Charset::Latin1][charset];
        let message = Event::InboundMessage(InboundMessage {
            reception: reception(),
            org: PhoneNumber::new(&b),
            dest: PhoneNumber::new(&c),
            dcs: dcs.map(Into::into),
            message: MessageText::new(d, charset, lossy),
            message_raw: raw,
            extra,
        });
        let rejected = Event::RejectedCallback(message.clone().into_rejected(a.into()));
        for event in [report, message, rejected] {
            prop_assert_eq!(read(&content(&event)), Ok(event));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 1..6_u8) {
        let _ = read(&bytes);
        bytes.insert(0, kind);
        let _ = read(&bytes);
    }
}
