//! The judge finds every difference, and nothing else.

use std::time::{Duration, Instant};

use super::*;
use crate::delivery::{Delivery, DeliveryAttempt};
use crate::failure::Failure;
use crate::script::{Access, Kinds};

fn script() -> Script {
    Script {
        seed: 1,
        run: "run".to_owned(),
        access: Access::default(),
        kinds: Kinds::Both,
        torture: true,
    }
}

/// Callbacks 0, 1, 2, …, with the outcomes of their attempts.
fn ledger(outcomes: &[&[Result<u16, Failure>]]) -> Ledger {
    let mut ledger = Ledger::default();
    for (callback, outcomes) in (0..).zip(outcomes) {
        let attempts = (1..).zip(*outcomes).map(|(number, outcome)| DeliveryAttempt {
            number,
            started: Instant::now(),
            elapsed: Duration::ZERO,
            outcome: *outcome,
        });
        ledger.note(callback, &Delivery { attempts: attempts.collect(), refusal: None });
    }
    ledger
}

/// 0 and 4: acknowledged at the first attempt; 1: at the third; 2: dropped; 3: never sent.
fn usual() -> Ledger {
    let closed = Err(Failure::Closed);
    let mut ledger = ledger(&[&[Ok(200)], &[closed, Ok(503), Ok(200)], &[closed; 4]]);
    let at_once = DeliveryAttempt {
        number: 1,
        started: Instant::now(),
        elapsed: Duration::ZERO,
        outcome: Ok(200),
    };
    ledger.note(4, &Delivery { attempts: vec![at_once], refusal: None });
    ledger
}

fn stored_row(callback: usize, attempt: u32) -> (ExpectedRow, String) {
    let Expected { row, extra } = script().scene(0)[callback].expected.clone();
    let mut json: Map<String, Value> =
        extra.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json.insert("attempt".to_owned(), attempt.to_string().into());
    (row, Value::Object(json).to_string())
}

fn judged(rows: &[(ExpectedRow, String)]) -> Verdict {
    let (script, ledger) = (script(), usual());
    let mut judge = Judge::new(&script, &ledger, &|_| true);
    for (row, extra) in rows {
        judge.row(row, extra);
    }
    judge.verdict()
}

fn right() -> Vec<(ExpectedRow, String)> {
    vec![stored_row(0, 1), stored_row(1, 3), stored_row(4, 1)]
}

#[test]
fn a_row_for_every_200_and_at_most_one_for_every_other_attempt_is_right() {
    assert_eq!(judged(&right()), Verdict { rows: 3, ..Verdict::default() });
    let not_known = [right(), vec![stored_row(1, 1), stored_row(2, 2), stored_row(2, 4)]].concat();
    assert_eq!(judged(&not_known).differences(), 0);
}

#[test]
fn an_acknowledged_attempt_without_a_row_is_missing_whatever_other_attempts_have() {
    let verdict = judged(&[stored_row(0, 1), stored_row(1, 1)]);
    let missing = |callback, attempt| Difference::Missing { callback, attempt };
    assert_eq!(verdict.described, [missing(1, 3), missing(4, 1)]);
    assert_eq!(verdict.missing, 2);
}

#[test]
fn a_callback_that_the_database_refused_is_not_missing_but_in_another_table() {
    let (script, ledger) = (script(), usual());
    let mut judge = Judge::new(&script, &ledger, &|_| true);
    for (row, extra) in right().iter().skip(1) {
        judge.row(row, extra);
    }
    judge.rejected("mess_id=m&simulate=run-0&attempt=1");
    let verdict = judge.verdict();
    assert_eq!((verdict.missing, verdict.different, verdict.rows), (0, 1, 3), "{verdict:?}");
}

#[test]
fn an_attempt_with_two_rows_is_doubled_and_said_once() {
    let rows =
        [right(), vec![stored_row(0, 1), stored_row(0, 1), stored_row(2, 1), stored_row(2, 1)]]
            .concat();
    let verdict = judged(&rows);
    let doubled = |callback, attempt| Difference::Doubled { callback, attempt };
    assert_eq!(verdict.described, [doubled(0, 1), doubled(2, 1)]);
    assert_eq!((verdict.rows, verdict.doubled, verdict.differences()), (7, 2, 2));
}

#[test]
fn a_row_that_nobody_sent_is_unexpected() {
    let other_run = (stored_row(0, 1).0, stored_row(0, 1).1.replace("run-0", "nur-0"));
    let no_attempt = (stored_row(0, 1).0, r#"{"simulate":"run-0"}"#.to_owned());
    for unexpected in [
        stored_row(3, 1),
        stored_row(5, 1),
        stored_row(0, 2),
        stored_row(0, 0),
        other_run,
        no_attempt,
    ] {
        let verdict = judged(&[right(), vec![unexpected.clone()]].concat());
        assert_eq!((verdict.unexpected, verdict.differences()), (1, 1), "{unexpected:?}");
    }
}

#[test]
fn a_row_that_says_something_else_is_different_in_the_first_column_that_is() {
    for callback in [0, 4, 1] {
        let attempt = if callback == 1 { 3 } else { 1 };
        let mut rows = right();
        rows.retain(|kept| *kept != stored_row(callback, attempt));
        let (mut row, extra) = stored_row(callback, attempt);
        let column = match &mut row {
            ExpectedRow::Report { number, .. } => {
                number.push('0');
                "number"
            }
            ExpectedRow::Message { message, .. } => {
                message.push('.');
                "message"
            }
        };
        rows.push((row.clone(), extra.clone()));
        let verdict = judged(&rows);
        assert_eq!(verdict.differences(), 1);
        let said = verdict.described[0].to_string();
        assert!(said.starts_with(&format!("callback {callback}: {column} of attempt")), "{said}");
    }
}

#[test]
fn parameters_that_are_lost_or_new_are_a_difference() {
    let (row, extra) = stored_row(0, 1);
    let more = extra.replace('{', r#"{"new":"1","#);
    let verdict = judged(&[(row, more), stored_row(1, 3), stored_row(4, 1)]);
    assert_eq!((verdict.different, verdict.differences()), (1, 1));
    assert!(verdict.described[0].to_string().contains("extra of attempt 1"));
}

#[test]
fn a_text_that_the_service_reads_in_its_own_way_is_not_judged_but_its_bytes_are() {
    let script = Script { kinds: Kinds::Messages, ..script() };
    let ledger = ledger(&[&[Ok(200)]]);
    let Expected { row, extra } = script.scene(0)[0].expected.clone();
    let ExpectedRow::Message { org, dest, dcs, message, mut message_raw } = row else { panic!() };
    let extra: Map<String, Value> =
        extra.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let extra = Value::Object(extra).to_string().replace('{', r#"{"attempt":"1","#);
    let judged = |message: String, message_raw: Vec<u8>, reads: bool| {
        let reads = move |_: Option<&str>| reads;
        let mut judge = Judge::new(&script, &ledger, &reads);
        let (org, dest, dcs) = (org.clone(), dest.clone(), dcs.clone());
        judge.row(&ExpectedRow::Message { org, dest, dcs, message, message_raw }, &extra);
        judge.verdict().different
    };
    assert_eq!(judged("else".to_owned(), message_raw.clone(), true), 1);
    assert_eq!(judged("else".to_owned(), message_raw.clone(), false), 0);
    message_raw.push(0);
    assert_eq!(judged(message, message_raw, false), 1);
}

#[test]
fn a_run_is_judged_whole_however_long_it_is() {
    let script = script();
    let mut ledger = Ledger::default();
    let acknowledged = DeliveryAttempt {
        number: 1,
        started: Instant::now(),
        elapsed: Duration::ZERO,
        outcome: Ok(200),
    };
    let delivery = Delivery { attempts: vec![acknowledged], refusal: None };
    let scenes = SCENES + 10;
    (0..scenes * SCENE).for_each(|callback| ledger.note(callback, &delivery));
    let mut judge = Judge::new(&script, &ledger, &|_| true);
    for planned in (0..scenes).rev().flat_map(|scene| script.scene(scene)) {
        let mut extra: Map<String, Value> =
            planned.expected.extra.into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
        extra.insert("attempt".to_owned(), "1".into());
        judge.row(&planned.expected.row, &Value::Object(extra).to_string());
    }
    assert_eq!(judge.verdict(), Verdict { rows: scenes * SCENE, ..Verdict::default() });
}
