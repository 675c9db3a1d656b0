//! Phone numbers as the gateway writes them.

use super::Text;

/// A number in the gateway's notation: international, digits only, without `+`.
///
/// Blanks, one leading `+` (which arrives as a blank where it is unescaped) and the usual punctuation
/// are removed. Any other text, such as the alphanumeric originator `Routo`, stays as it is, without
/// surrounding blanks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PhoneNumber(Text);

impl PhoneNumber {
    /// Normalises the text that arrived.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let trimmed = text.trim();
        let unsigned = trimmed.strip_prefix('+').unwrap_or(trimmed);
        let punctuation = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
        let is_number = unsigned.contains(|c: char| c.is_ascii_digit())
            && unsigned.chars().all(|c| c.is_ascii_digit() || punctuation(c));
        if !is_number {
            return Self(trimmed.into());
        }
        let mut digits = unsigned.to_owned();
        digits.retain(|c| c.is_ascii_digit());
        Self(digits.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_digits_and_names_stay_as_they_are() {
        let cases = [
            ("441234567890", "441234567890"),
            ("+441234567890", "441234567890"),
            (" 441234567890", "441234567890"),
            ("+44 (1234) 567-890", "441234567890"),
            ("80123", "80123"),
            ("Routo", "Routo"),
            (" My Shop 24 ", "My Shop 24"),
            ("44+12", "44+12"),
            ("+", "+"),
            ("", ""),
            ("\0", "\u{FFFD}"),
        ];
        for (arrives, stored) in cases {
            assert_eq!(PhoneNumber::new(arrives).as_str(), stored, "{arrives:?}");
        }
    }
}
