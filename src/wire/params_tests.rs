//! Parameters from query and form: percent-decoding, repeats, credentials, bounds.

use proptest::prelude::*;

use super::*;
use crate::accounts::Secrets;
use crate::domain::RejectedContent;

const KIND: CallbackKind = CallbackKind::DeliveryReport;

fn pairs(query: &str, form: &str) -> Vec<(String, String)> {
    let lossy = |bytes: &Cow<[u8]>| String::from_utf8_lossy(bytes).into_owned();
    Params::parse(KIND, query.as_bytes(), form.as_bytes())
        .pairs
        .iter()
        .map(|(name, value)| (lossy(name), lossy(value)))
        .collect()
}

#[test]
fn query_and_form_are_one_list_however_they_are_written() {
    let cases: [(&str, &str, &[(&str, &str)]); 16] = [
        ("", "", &[]),
        ("a=1&b=2", "", &[("a", "1"), ("b", "2")]),
        ("", "a=1&b=2", &[("a", "1"), ("b", "2")]),
        ("a=1", "b=2\r\n", &[("a", "1"), ("b", "2")]),
        ("&&a=1&", "&b=2", &[("a", "1"), ("b", "2")]),
        ("a", "=x", &[("a", ""), ("", "x")]),
        ("a=b=c", "", &[("a", "b=c")]),
        ("a=a+b%2Bc%20d", "", &[("a", "a b+c d")]),
        ("a=100%25%20off", "", &[("a", "100% off")]),
        ("a=100% off", "", &[("a", "100% off")]),
        ("a=%4&b=%", "c=%zz%G1%1", &[("a", "%4"), ("b", "%"), ("c", "%zz%G1%1")]),
        ("a%5Fb=%e4", "", &[("a_b", "\u{FFFD}")]),
        ("?mess_id=1", "", &[("mess_id", "1")]),
        ("x=1?mess_id=2&status=0", "", &[("x", "1"), ("mess_id", "2"), ("status", "0")]),
        ("x=1??status=0", "", &[("x", "1"), ("status", "0")]),
        ("a=who?&b=why?c=3", "d=?status=1", &[("a", "who?"), ("b", "why?c=3"), ("d", "?status=1")]),
    ];
    for (query, form, expected) in cases {
        let found = pairs(query, form);
        let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(found, expected, "{query:?} + {form:?}");
    }
}

#[test]
fn the_first_value_wins_and_the_rest_is_extra_without_credentials() {
    let query =
        b"status=0&status=1&user=u&PASS=p&pass=q& pass=r&amp;pass=s&user+=t&x=%E9&mess_id=m&x=2";
    let params = Params::parse(KIND, query, b"number=4&status=2");
    assert_eq!(params.first("status"), Some(b"0".as_slice()));
    assert_eq!(params.first("number"), Some(b"4".as_slice()));
    assert_eq!(params.first("nothing"), None);
    assert_eq!(
        params.extra(&Secrets::default(), []).as_json(),
        r#"{"status":["1","2"],"x":["é","2"]}"#
    );
}

#[test]
fn rejected_content_has_every_parameter_but_credentials() {
    let params = Params::parse(KIND, b"User=u&pass=p&status=0&status=%E9", b"");
    let kept = RejectedContent::Parameters("status=0&status=%E9".to_owned());
    assert_eq!(params.to_rejected_content(&Secrets::default()), kept);
}

#[test]
fn past_the_bound_the_rest_is_one_value_as_it_arrived() {
    let many = "a=1&".repeat(MAX_PARAMETERS - 1);
    let exactly = pairs(&format!("{many}x=1"), "");
    assert_eq!(exactly.len(), MAX_PARAMETERS);
    assert_eq!(exactly.last().unwrap(), &("&".into(), "x=1".into()));

    let found = pairs(&format!("{many}x=%31&&y"), "z=a+b&c");
    assert_eq!(found.len(), MAX_PARAMETERS);
    assert_eq!(found[MAX_PARAMETERS - 2], ("a".into(), "1".into()));
    assert_eq!(found[MAX_PARAMETERS - 1], ("&".into(), "x=%31&y&z=a+b&c".into()));
}

#[test]
fn credentials_are_not_in_the_rest_either() {
    let many = "a=1&".repeat(MAX_PARAMETERS);
    let query = format!("{many}user=u&x=2&p%61ss=secret&amp;pass=secret");
    let params = Params::parse(KIND, query.as_bytes(), b"PASS=secret&+user=u");
    assert_eq!(params.pairs.last().unwrap().1.as_ref(), b"a=1&x=2");
    assert!(!params.extra(&Secrets::default(), []).as_json().contains("secret"));
}

#[test]
fn many_separators_do_not_make_more_parameters_than_the_bound() {
    let found = pairs(&"a?status=1".repeat(MAX_PARAMETERS * 2), "");
    assert_eq!(found.len(), MAX_PARAMETERS);
}

/// Linear takes microseconds, quadratic minutes.
#[test]
fn any_number_of_question_marks_is_read_in_linear_time() {
    let marks = "a".to_owned() + &"?".repeat(2_000_000);
    let started = std::time::Instant::now();
    assert_eq!(pairs(&marks, "").len(), 1);
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn past_the_bound_a_question_mark_does_not_separate() {
    let found = pairs(&"?status=1".repeat(MAX_PARAMETERS * 4), "b=2");
    assert!(found.len() <= MAX_PARAMETERS, "{} parameters", found.len());
    let last = &found[found.len() - 1].1;
    assert!(last.ends_with("status=1&status=1&b=2"), "nothing is dropped: {last}");
}

proptest! {
    #[test]
    fn any_bytes_are_parameters_and_none_panics(query: Vec<u8>, form: Vec<u8>) {
        let params = Params::parse(KIND, &query, &form);
        prop_assert!(params.pairs.len() <= MAX_PARAMETERS);
        let _ = params.extra(&Secrets::default(), []);
    }

    #[test]
    fn encoded_bytes_come_back_exactly(value: Vec<u8>) {
        let encoded: String = form_urlencoded::byte_serialize(&value).collect();
        prop_assert_eq!(percent_decode(encoded.as_bytes()).into_owned(), value.clone());
        let form = format!("message={encoded}");
        let params = Params::parse(CallbackKind::InboundMessage, b"", form.as_bytes());
        prop_assert_eq!(params.first("message"), Some(value.as_slice()));
    }
}
