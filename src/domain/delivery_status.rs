//! A delivery status as it arrived. The table `delivery_statuses` has its meaning.

use super::Text;

/// The `status` of a delivery report: its text, and its code where the text is a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    text: Text,
    code: Option<i32>,
}

impl DeliveryStatus {
    /// Any text is valid: the gateway's table has gaps, and codes outside of it are observed.
    #[must_use]
    pub fn new(text: Text) -> Self {
        let code = text.as_str().trim().parse().ok();
        Self { text, code }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The code; `None` where the text is not a 32-bit integer. 0 means delivered.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_a_code_exactly_when_it_is_a_32_bit_integer() {
        let cases = [
            ("0", Some(0)),
            ("250", Some(250)),
            ("-1", Some(-1)),
            ("2147483647", Some(i32::MAX)),
            ("2147483648", None),
            ("DELIVRD", None),
            ("", None),
            ("0.0", None),
        ];
        for (text, code) in cases {
            assert_eq!(DeliveryStatus::new(text.into()).code(), code, "{text:?}");
        }
    }
}
