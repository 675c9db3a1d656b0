//! Secrets in each usual encoding.

use super::*;

fn secrets(secrets: &[&str]) -> Secrets {
    let secrets: Vec<SecretString> =
        secrets.iter().map(|secret| (*secret).to_owned().into()).collect();
    secrets.iter().collect()
}

#[test]
fn h04_a_secret_is_replaced_in_each_usual_encoding() {
    let secrets = secrets(&["p@ss \"wörd%1", "t0ken", "xy"]);
    for (text, expected) in [
        ("p@ss \"wörd%1", "***"),
        ("a p@ss \"wörd%1 b", "a *** b"),
        ("a=p%40ss+%22w%c3%B6rd%251&b", "a=***&b"),
        ("p%40ss%20%22w%F6rd%251", "***"),
        ("p%2540ss%2520%2522w%25C3%25b6rd%25251", "***"),
        (r#"{"pass":"p@ss \"w\u00f6rd%1"}"#, r#"{"pass":"***"}"#),
        (r#"{"a":"\u0070@ss \"wörd\u00251"}"#, r#"{"a":"***"}"#),
        ("<p>p@ss &quot;w&#xF6;rd&#37;1</p>", "<p>***</p>"),
        ("t0kent0ken", "******"),
        ("%740ken", "***"),
        ("7430 74306b656e", "7430 ***"),
        ("x7430 74306B656E", "x7430 ***"),
        // Base64 of `routo:t0ken`, and of `t0ken` behind one or two other bytes.
        ("Basic cm91dG86dDBrZW4= x", "Basic *** x"),
        ("Basic cm91dG86dDBrZW4", "Basic ***"),
        ("YXQwa2Vu", "***"),
        ("YWF0MGtlbg==", "***"),
        ("a=%59WF%30MGtlbg%3D%3D", "***"),
        ("%5Cu0074%5Cu0030ken", "***"),
        ("p=40ss=20=22w=C3=B6rd%1", "***"),
        ("x t\x000\x00k\x00e\x00n\x00", "***"),
        ("xy", "***"),
        ("xyz", "xyz"),
        ("t0ke n", "t0ke n"),
        ("", ""),
        ("%", "%"),
        ("\\", "\\"),
        ("&#;", "&#;"),
    ] {
        let redacted = secrets.redact(text.as_bytes());
        assert_eq!(String::from_utf8_lossy(&redacted), expected, "{text}");
    }
    assert_eq!(secrets.redact(b"p@ss \"w\xF6rd%1"), REDACTED, "Latin-1");
}

#[test]
fn without_secrets_every_text_stays() {
    let none = secrets(&[""]);
    assert_eq!(none.redact(b"a ***"), &b"a ***"[..]);
    assert_eq!(none.redact(b""), &b""[..]);
}
