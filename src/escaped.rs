//! Text from outside, made safe for a terminal and for a line of the log.

use std::fmt::{self, Write};

/// Displays a text with every character escaped that could control a terminal, change the order in which
/// text is shown, or end the line. Escapes are those of JSON, so JSON keeps its meaning.
pub struct Escaped<T>(pub T);

/// The text escaped line by line: its line breaks stay.
#[must_use]
pub fn escaped_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| Escaped(line).to_string()).collect();
    lines.join("\n")
}

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if !is_dangerous(character) {
                self.0.write_char(character)?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// Control characters (C0, DEL, C1), those that format text without being seen, but for the joiners that
/// scripts and emoji need, and line and paragraph separators.
fn is_dangerous(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_control_a_terminal_is_escaped_and_what_people_write_is_not() {
        let cases = [
            (r#"violates "c": it's \ café 你好 😀"#, r#"violates "c": it's \ café 你好 😀"#),
            ("हिन्दी ภาษาไทย cafe\u{301} 👩\u{200d}👩", "हिन्दी ภาษาไทย cafe\u{301} 👩\u{200d}👩"),
            ("\u{1b}[2J\u{9b}", r"\u001b[2J\u009b"),
            ("\u{202e}a\r\nb\t\0", r"\u202ea\u000d\u000ab\u0009\u0000"),
        ];
        for (text, shown) in cases {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn every_character_that_is_known_to_be_dangerous_is_escaped() {
        let ranges = [
            '\0'..='\u{1f}',
            '\u{7f}'..='\u{9f}',
            '\u{61c}'..='\u{61c}',
            '\u{200e}'..='\u{200f}',
            '\u{2028}'..='\u{202e}',
            '\u{2066}'..='\u{2069}',
        ];
        for character in ranges.into_iter().flatten() {
            let shown = Escaped(character).to_string();
            assert_eq!(shown, format!("\\u{:04x}", u32::from(character)));
        }
    }

    #[test]
    fn line_breaks_of_a_text_with_lines_stay() {
        assert_eq!(escaped_lines("a\tb\n\n\u{1b}c\n"), "a\\u0009b\n\n\\u001bc\n");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let json = serde_json::json!({ "a\u{202e}": ["\u{1b}\"\\\u{9b}", "café 😀", "\u{e0001}"] });
        let shown = Escaped(&json).to_string();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), json);
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{e0001}']), "{shown}");
    }
}
