//! The simulator and this program's decoders agree on the text of every message.

use std::collections::BTreeSet;

use routo_receiver::accounts::{EncodingOverrides, Secrets};
use routo_receiver::domain::{
    CallbackKind, Charset, Event, EventKeySource, InboundMessage, Reception, Source, Transport,
};
use routo_receiver::wire::{self, params::Params};
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

/// What the receiver makes of a message with these parameters.
fn received(parameters: &[(&str, &[u8])]) -> InboundMessage {
    let mut form = String::new();
    for (name, value) in parameters {
        form.push_str(name);
        form.push('=');
        form.extend(form_urlencoded::byte_serialize(value));
        form.push('&');
    }
    let kind = CallbackKind::InboundMessage;
    let params = Params::parse(kind, b"", form.as_bytes());
    let source = Source { transport: Transport::HttpPost, remote_addr: [192, 0, 2, 1].into() };
    let key = EventKeySource::system().next();
    let reception = Reception { key, account: "main".parse().unwrap(), source };
    match wire::parse(kind, &params, &EncodingOverrides::default(), &Secrets::default(), reception)
        .unwrap()
    {
        Event::InboundMessage(message) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_meant_is_what_the_receiver_s_rules_make_of_the_bytes() {
    let (mut charsets, mut schemes) = (BTreeSet::new(), BTreeSet::new());
    for torture in [false, true] {
        for Planned { number, expected, .. } in planned(&script(3, torture), 1_000) {
            let ExpectedRow::Message { org, dest, dcs, message, message_raw } = expected.row else {
                continue;
            };
            let dcs_parameter = dcs.as_ref().map(|dcs| ("dcs", dcs.as_bytes()));
            let others: [(&str, &[u8]); 3] =
                [("org", org.as_bytes()), ("dest", dest.as_bytes()), ("message", &message_raw)];
            let parameters: Vec<_> = others.into_iter().chain(dcs_parameter).collect();
            let read = received(&parameters);
            assert_eq!(read.message.as_str(), message, "callback {number}, dcs {dcs:?}");
            assert_eq!((read.org.as_str(), read.dest.as_str()), (&*org, &*dest));
            assert_eq!(read.message_raw, message_raw);
            assert_eq!(read.dcs.map(|dcs| dcs.to_string()), dcs);
            charsets.insert((read.message.charset(), read.message.is_lossy()));
            schemes.insert(dcs);
        }
    }
    for charset in Charset::ALL.into_iter().filter(|charset| *charset != Charset::Utf16LeHex) {
        assert!(charsets.contains(&(charset, false)), "no message in {charset:?}: {charsets:?}");
    }
    assert!(charsets.contains(&(Charset::Utf16Be, true)), "no message that was cut");
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
