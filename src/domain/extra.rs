//! Parameters that no document names, kept as JSON.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Text;

/// A JSON object of text values, as it goes into a `jsonb` column: a parameter that came once has a
/// string, one that came several times an array of strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra(Cow<'static, str>);

impl Extra {
    /// The object as JSON text, without NUL anywhere.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The object of this [JSON text](Self::as_json); `None` where it is no object.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        if json == "{}" {
            return Some(Self::default());
        }
        let _: Map<String, Value> = serde_json::from_str(json).ok()?;
        Some(Self(Cow::Owned(json.to_owned())))
    }

    /// The parameters again, in the order of their names.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, String)> {
        let object: Map<String, Value> = serde_json::from_str(&self.0).unwrap_or_default();
        let mut parameters = Vec::new();
        for (name, value) in object {
            let values = match value {
                Value::Array(values) => values,
                single => vec![single],
            };
            for value in values {
                if let Value::String(text) = value {
                    parameters.push((name.clone(), text));
                }
            }
        }
        parameters
    }
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
    fn the_parameters_can_be_had_back() {
        let extra = extra(&[("b", "x"), ("a", "1"), ("a", "2")]);
        let expected = [("a", "1"), ("a", "2"), ("b", "x")];
        let found = extra.parameters();
        assert!(found.iter().map(|(n, v)| (n.as_str(), v.as_str())).eq(expected));
    }
}
