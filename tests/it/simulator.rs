//! The simulator and this program's decoders agree on the text of every message.

use std::collections::BTreeSet;

use routo_receiver::domain::{Charset, EncodingOverrides, PhoneNumber};
use routo_receiver::wire::{inbound_message, text};
use simulator::{Access, ExpectedRow, Kinds, Planned, Script};

fn script(seed: u64, torture: bool) -> Script {
    let access = Access {
        prefix: "/sms".to_owned(),
        login: Some(("user".to_owned(), "p&w".into())),
        report_token: Some("token".into()),
    };
    Script { seed, run: "0a1b2c3d".to_owned(), access, kinds: Kinds::Both, torture }
}

fn planned(script: &Script, scenes: u64) -> Vec<Planned> {
    (0..scenes).flat_map(|scene| script.scene(scene)).collect()
}

#[test]
fn what_is_meant_is_what_the_receiver_s_rules_make_of_the_bytes() {
    let (mut charsets, mut schemes) = (BTreeSet::new(), BTreeSet::new());
    let overrides = EncodingOverrides::default();
    for torture in [false, true] {
        for Planned { number, expected, .. } in planned(&script(3, torture), 1_000) {
            let ExpectedRow::Message { org, dcs, message, message_raw, .. } = expected.row else {
                continue;
            };
            let read =
                text::decode(&message_raw, inbound_message::encoding(dcs.as_deref(), &overrides));
            assert_eq!(read.as_str(), message, "callback {number}, dcs {dcs:?}");
            assert_eq!(PhoneNumber::new(&org).as_str(), org);
            charsets.insert(read.charset_label());
            schemes.insert(dcs);
        }
    }
    let whole = Charset::labels().filter(|label| !label.ends_with("-failed"));
    for label in whole.filter(|label| *label != "utf-16le-hex") {
        assert!(charsets.contains(label), "no message in {label}: {charsets:?}");
    }
    assert!(charsets.contains("utf-16be-failed"), "no message that was cut");
    for scheme in [
        None,
        Some(""),
        Some("0"),
        Some("1"),
        Some("3"),
        Some("4"),
        Some("8"),
        Some("16"),
        Some("245"),
        Some("abc"),
    ] {
        assert!(schemes.contains(&scheme.map(str::to_owned)), "no message with dcs {scheme:?}");
    }
}
