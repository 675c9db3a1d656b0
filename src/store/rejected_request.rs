//! The column `rejected_callbacks.request`: a rejected callback's content as JSON.
//!
//! A callback that came over HTTP has `method`, `path` and `parameters`.

use serde_json::{Value, json};

use crate::domain::{CallbackKind, RejectedCallback, RejectedContent, Transport};

const METHODS: [&str; 2] = ["GET", "POST"];

/// The JSON for the column.
#[must_use]
pub fn to_json(rejected: &RejectedCallback) -> String {
    let method = match rejected.reception.source.transport {
        Transport::HttpGet => "GET",
        Transport::HttpPost => "POST",
    };
    let RejectedContent::Parameters(parameters) = &rejected.content;
    let path = path_of(rejected.kind);
    json!({ "method": method, "path": path, "parameters": parameters }).to_string()
}

/// The inverse of [`to_json`]; `None` where the column holds something else.
#[must_use]
pub fn from_json(json: &str) -> Option<RejectedContent> {
    let object: Value = serde_json::from_str(json).ok()?;
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let is_known = METHODS.contains(&text("method")?)
        && CallbackKind::ALL.map(path_of).contains(&text("path")?);
    is_known.then_some(RejectedContent::Parameters(text("parameters")?.to_owned()))
}

fn path_of(kind: CallbackKind) -> &'static str {
    match kind {
        CallbackKind::DeliveryReport => "/delivery-reports",
        CallbackKind::InboundMessage => "/inbound-messages",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventKeySource, Reception, Source};

    #[test]
    fn content_is_written_with_method_and_path_and_read_again() {
        let table = [
            (
                Transport::HttpPost,
                CallbackKind::DeliveryReport,
                r#"{"method":"POST","parameters":"mess_id=a+b%00%26%E9&x=","path":"/delivery-reports"}"#,
            ),
            (
                Transport::HttpGet,
                CallbackKind::InboundMessage,
                r#"{"method":"GET","parameters":"mess_id=a+b%00%26%E9&x=","path":"/inbound-messages"}"#,
            ),
        ];
        for (transport, kind, json) in table {
            let rejected = RejectedCallback {
                reception: Reception {
                    key: EventKeySource::system().next(),
                    account: "main".parse().unwrap(),
                    source: Source { transport, remote_addr: [192, 0, 2, 1].into() },
                },
                kind,
                reason: "a reason".into(),
                content: RejectedContent::Parameters("mess_id=a+b%00%26%E9&x=".to_owned()),
            };
            assert_eq!(to_json(&rejected), json);
            assert_eq!(from_json(json), Some(rejected.content));
        }
    }

    #[test]
    fn what_this_program_does_not_write_is_not_read() {
        for json in [
            "",
            "[]",
            r#"{"method":"GET","path":"/delivery-reports"}"#,
            r#"{"method":"PUT","path":"/delivery-reports","parameters":""}"#,
            r#"{"method":"GET","path":"/","parameters":""}"#,
            r#"{"method":"GET","path":"/delivery-reports","parameters":1}"#,
        ] {
            assert_eq!(from_json(json), None, "{json}");
        }
    }
}
