//! Records: any event can be written and read again, and any bytes can be read.

use proptest::prelude::*;
use time::macros::datetime;

use super::super::record::{MAGIC, RecordError, decode, encode};
use super::super::*;
use super::{drained, options, reception, report, reports};
use crate::domain::{
    Charset, DeliveryReport, DeliveryStatus, Extra, InboundMessage, MessageText, PhoneNumber,
};

#[test]
fn a_record_of_a_later_version_is_set_aside_and_not_lost() {
    let mut frame = encode(&report("m")).unwrap();
    frame[MAGIC.len()] = 2;
    assert_eq!(decode(&frame), Err(RecordError::UnknownVersion(2)));
    frame.pop();
    assert_eq!(decode(&frame), Err(RecordError::Damaged));
}

#[test]
fn what_has_no_representation_is_an_error_and_never_an_empty_record() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let mut events = reports(0..3);
    let Event::DeliveryReport(report) = &mut events[1] else { panic!("a report") };
    report.reception.key.received_at = datetime!(-0001-01-01 0:00 UTC);
    assert!(matches!(encode(&events[1]), Err(EncodeError::Json(_))));
    let error = spool.append(&events).unwrap_err();
    assert!(matches!(error, SpoolError::Encode(_)), "{error}");
    assert_eq!(drained(&spool), [], "nothing of its batch is written");
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
            prop_assert_eq!(decode(&encode(&event).unwrap()), Ok(event));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        bytes.splice(..0, *b"\x8Drouto\n\x01");
        let _ = decode(&bytes);
    }
}
