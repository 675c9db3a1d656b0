//! The members of a JSON object. A JSON body is not a form, but what it says is kept.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{self, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of the object, in their order: strings as their text, other values as JSON. JSON of
/// another shape is one member without a name. `None` where the bytes are not JSON.
pub(super) fn members(body: &[u8]) -> Option<Vec<(String, String)>> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let whole: &RawValue = serde_json::from_slice(body).ok()?;
    let mut deserializer = serde_json::Deserializer::from_str(whole.get());
    let members = deserializer.deserialize_map(Members).ok();
    Some(members.unwrap_or_else(|| vec![(String::new(), text(whole))]))
}

fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            members.push((name, text(value)));
        }
        Ok(members)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(de::Error::custom("not an object"))
    }
}
