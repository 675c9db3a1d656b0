//! Text of strangers, fit for somebody's terminal.

use std::fmt::{self, Write};

/// Displays a text with every character escaped that could do something to a terminal.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\'' | '"' | '\\' => self.0.write_char(character)?,
                other => write!(self.0, "{}", other.escape_debug())?,
            }
        }
        Ok(())
    }
}

/// Displays JSON that stays JSON: the serializer has escaped the ASCII control characters, and the
/// other characters that could do something are escaped as JSON escapes them.
pub(super) struct EscapedJson(pub(super) serde_json::Value);

impl fmt::Display for EscapedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.to_string().chars() {
            if matches!(character, ' '..='~') || character.escape_debug().len() == 1 {
                f.write_char(character)?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(f, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_do_something_is_escaped_and_what_people_write_is_not() {
        let cases = [
            (r#"violates "c": it's \ café 你好 😀"#, r#"violates "c": it's \ café 你好 😀"#),
            ("\u{1b}[2J\u{9b}", r"\u{1b}[2J\u{9b}"),
            ("\u{202e}a\r\nb\t\0", r"\u{202e}a\r\nb\t\0"),
        ];
        for (text, shown) in cases {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }
}
