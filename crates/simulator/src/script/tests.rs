//! The same seed generates the same callbacks, and every kind of callback occurs.

use std::collections::{BTreeMap, BTreeSet};

use crate::callback::Method;
use crate::oddity::Oddity;

use super::*;

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
fn a_seed_gives_the_same_callbacks_again_in_whatever_order_scenes_are_made() {
    for torture in [false, true] {
        let there: Vec<_> = (0..50).map(|scene| script(7, torture).scene(scene)).collect();
        let back: Vec<_> = (0..50).rev().map(|scene| script(7, torture).scene(scene)).collect();
        assert!(there.iter().eq(back.iter().rev()));
        assert_ne!(there[0], script(8, torture).scene(0));
        assert_ne!(there[0], there[1]);
    }
}

#[test]
fn callbacks_are_numbered_through_and_each_has_a_mark_of_its_own() {
    let planned = planned(&script(1, true), 100);
    assert!(planned.iter().map(|planned| planned.number).eq(0..100 * SCENE));
    for Planned { number, expected, .. } in &planned {
        assert!(expected.extra.contains(&(MARK, format!("0a1b2c3d-{number}"))));
    }
}

#[test]
fn only_the_kinds_asked_for_are_sent() {
    let both = planned(&script(1, false), 50);
    let reports = |planned: &[Planned]| {
        planned
            .iter()
            .filter(|planned| matches!(planned.expected.row, ExpectedRow::Report { .. }))
            .count()
    };
    assert!((200..700).contains(&reports(&both)), "{}", reports(&both));
    let only = |kinds| reports(&planned(&Script { kinds, ..script(1, false) }, 50));
    assert_eq!((only(Kinds::Reports), only(Kinds::Messages)), (800, 0));
}

#[test]
fn messages_live_as_the_gateway_s_document_says() {
    let mut lives: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut numbers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for planned in planned(&script(1, false), 200) {
        if let ExpectedRow::Report { mess_id, number, status } = planned.expected.row {
            assert!(mess_id.len() <= 32, "{mess_id}");
            numbers.entry(mess_id.clone()).or_default().insert(number.clone());
            lives.entry((mess_id, number)).or_default().push(status);
        }
    }
    let count = |is_it: fn(&[&str]) -> bool| {
        let lives = lives.values().map(|life| life.iter().map(String::as_str).collect::<Vec<_>>());
        lives.filter(|life| is_it(life)).count()
    };
    assert!(count(|life| matches!(life, ["250", "0"])) > 50, "accepted, then delivered");
    assert!(count(|life| matches!(life, ["250", other] if *other != "0" && *other != "250")) > 5);
    assert!(count(|life| matches!(life, ["0"])) > 20, "one report only");
    assert!(count(|life| matches!(life, ["0", "250"])) > 5, "out of order");
    assert!(count(|life| matches!(life, ["0", "0"])) > 10, "repeated");
    let segments = |life: &[&str]| matches!(life, ["250", "250", .., last] if *last != "250");
    assert!(count(segments) > 10, "each segment by itself");
    assert!(numbers.values().filter(|numbers| numbers.len() > 1).count() > 10, "bulk");
}

#[test]
fn no_character_is_replaced_on_its_way_into_a_charset() {
    let mut random = StdRng::seed_from_u64(1);
    for manner in texts::MANNERS {
        for _ in 0..500 {
            let text = manner(&mut random);
            let question_marks = |bytes: &[u8]| memchr::memchr_iter(b'?', bytes).count();
            if !["8", "24", "25", "224"].contains(&text.dcs.unwrap_or_default())
                && !text.message.is_empty()
            {
                let expected = question_marks(text.message.as_bytes());
                assert_eq!(question_marks(&text.bytes), expected, "{text:?}");
            }
        }
    }
}

#[test]
fn long_messages_come_whole_and_in_parts() {
    let messages: Vec<String> = planned(&script(1, false), 500)
        .into_iter()
        .filter_map(|planned| match planned.expected.row {
            ExpectedRow::Message { message, .. } => Some(message),
            ExpectedRow::Report { .. } => None,
        })
        .collect();
    assert!(messages.iter().any(|message| message.chars().count() > 1_000));
    assert!(messages.iter().any(|message| message.ends_with('\u{FFFD}')));
    assert!(messages.iter().any(|message| message.starts_with('\u{FFFD}')));
}

#[test]
fn torture_has_every_oddity_with_both_kinds_and_callbacks_without_one() {
    let mut found = BTreeSet::new();
    for Planned { callback, expected, .. } in planned(&script(1, true), 200) {
        found.insert((callback.oddity, matches!(expected.row, ExpectedRow::Report { .. })));
        let odd_form = matches!(
            callback.oddity,
            Some(
                Oddity::NoContentType
                    | Oddity::CharsetInContentType
                    | Oddity::LineEnd
                    | Oddity::UncountedLineEnd
                    | Oddity::QueryAndForm
            )
        );
        assert!(!odd_form || callback.method == Method::PostForm, "{callback:?}");
    }
    for oddity in Oddity::ALL.map(Some).into_iter().chain([None]) {
        assert!(found.contains(&(oddity, true)) && found.contains(&(oddity, false)), "{oddity:?}");
    }
    assert!(
        planned(&script(1, false), 200).iter().all(|planned| planned.callback.oddity.is_none())
    );
}

#[test]
fn callbacks_carry_what_authenticates_them_and_hidden_ones_do_not() {
    let request = |access: Access, kinds| {
        let script = Script { access, kinds, ..script(1, false) };
        String::from_utf8(script.scene(0)[0].callback.request("h", true, None)).unwrap()
    };
    let access = script(1, false).access;
    let report = request(access.clone(), Kinds::Reports);
    assert!(report.starts_with("GET /sms/delivery-reports/token?mess_id="), "{report}");
    let without_token = Access { report_token: None, ..access.clone() };
    let report = request(without_token, Kinds::Reports);
    assert!(report.starts_with("GET /sms/delivery-reports?user=user&pass=p%26w&mess_id="));
    let message = request(access.clone(), Kinds::Messages);
    assert!(message.starts_with("POST /sms/inbound-messages"), "{message}");
    assert!(message.contains("user=user&pass=p%26w&"), "{message}");
    let hidden = request(access.hidden(), Kinds::Messages);
    assert!(hidden.contains("user=***&pass=***&"), "{hidden}");
    let hidden = request(access.hidden(), Kinds::Reports);
    assert!(hidden.starts_with("GET /sms/delivery-reports/***?"), "{hidden}");
}
