//! Parameters that no document names, kept as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Text;

/// A JSON object for a `jsonb` column. A parameter that came once is a string; one that came several
/// times is an array of strings. There is no NUL in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra(Cow<'static, str>);

/// The object, read.
type Object = BTreeMap<String, Values>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl Values {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value],
            Self::Several(values) => values,
        }
    }
}

impl Extra {
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The inverse of [`as_json`](Self::as_json). `None` where the text is not an object of strings and
    /// arrays of strings.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        if json == "{}" {
            return Some(Self::default());
        }
        let object = serde_json::from_str(json).ok()?;
        Some(pairs(object).map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The parameters in the order of their names.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, String)> {
        pairs(self.object()).collect()
    }

    fn object(&self) -> Object {
        serde_json::from_str(&self.0)
            .expect("`Extra` is an object of strings and arrays of strings")
    }
}

fn pairs(object: Object) -> impl Iterator<Item = (String, String)> {
    object.into_iter().flat_map(|(name, values)| {
        values.into_vec().into_iter().map(move |value| (name.clone(), value))
    })
}

impl Default for Extra {
    fn default() -> Self {
        Self(Cow::Borrowed("{}"))
    }
}

impl FromIterator<(Text, Text)> for Extra {
    fn from_iter<I: IntoIterator<Item = (Text, Text)>>(parameters: I) -> Self {
        let mut object: Map<String, Value> = Map::new();
        for (name, value) in parameters {
            let value = Value::from(value.as_str());
            match object.get_mut(name.as_str()) {
                None => {
                    object.insert(name.as_str().to_owned(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        if object.is_empty() {
            Self::default()
        } else {
            Self(Cow::Owned(Value::Object(object).to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extra(pairs: &[(&str, &str)]) -> Extra {
        pairs.iter().map(|(name, value)| (Text::from(*name), Text::from(*value))).collect()
    }

    #[test]
    fn one_value_is_a_string_and_several_are_an_array() {
        assert_eq!(extra(&[]).as_json(), "{}");
        assert_eq!(extra(&[("a", "1")]).as_json(), r#"{"a":"1"}"#);
        let several = extra(&[("a", "1"), ("b", "\""), ("a", "2"), ("a", "3")]);
        assert_eq!(several.as_json(), r#"{"a":["1","2","3"],"b":"\""}"#);
    }

    #[test]
    fn nul_never_reaches_the_json() {
        assert_eq!(extra(&[("a\0", "\0")]).as_json(), "{\"a\u{FFFD}\":\"\u{FFFD}\"}");
    }

    #[test]
    fn the_parameters_come_back_in_the_order_of_their_names() {
        let extra = extra(&[("b", "x"), ("a", "1"), ("a", "2")]);
        let expected = [("a", "1"), ("a", "2"), ("b", "x")];
        let found = extra.parameters();
        assert!(found.iter().map(|(n, v)| (n.as_str(), v.as_str())).eq(expected));
    }

    #[test]
    fn only_an_object_of_strings_and_arrays_of_strings_is_read() {
        for json in [r#"{"a":"1"}"#, r#"{"a":["1","2"],"b":""}"#, "{}"] {
            assert_eq!(Extra::from_json(json).unwrap().as_json(), json);
        }
        for json in ["", "[]", "{", r#"{"a":1}"#, r#"{"a":[1]}"#, r#"{"a":null}"#] {
            assert_eq!(Extra::from_json(json), None, "{json}");
        }
        assert_eq!(Extra::from_json(r#"{"a":"\u0000"}"#), Some(extra(&[("a", "\0")])));
    }
}
