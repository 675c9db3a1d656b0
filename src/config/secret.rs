//! Secrets, given directly or in a file of their own. Their values go into no problem.

use ::config::ValueKind;
use secrecy::SecretString;

use super::expected::Expected;
use super::origin::Origin;
use super::problem::Problem;
use super::reader::{NOT_SET, Reader};

/// A secret, and where it came from.
pub(super) struct Secret {
    pub(super) text: String,
    pub(super) key: String,
    pub(super) origin: Origin,
}

impl Secret {
    pub(super) fn into_secret(self) -> SecretString {
        self.text.into()
    }
}

impl Reader {
    /// Where a secret is given, directly or in a file.
    pub(super) fn secret_origin(&self, key: &str) -> Option<Origin> {
        self.origin(key).or_else(|| self.origin(&format!("{key}_file")))
    }

    /// A secret, given directly or in a file, that `accept` accepts.
    pub(super) fn secret(
        &mut self,
        key: &str,
        expected: Expected,
        accept: impl FnOnce(&str) -> bool,
    ) -> Option<Secret> {
        let file_key = format!("{key}_file");
        let secret = match (self.value(key).is_some(), self.value(&file_key).is_some()) {
            (false, false) => {
                self.effective(key, NOT_SET, Origin::Default);
                return None;
            }
            (true, true) => {
                let (origin, file_origin) = (self.origin(key)?, self.origin(&file_key)?);
                let key = key.to_owned();
                self.problem(Problem::SecretTwice { key, origin, file_origin });
                return None;
            }
            (true, false) => self.secret_itself(key)?,
            (false, true) => self.secret_from_file(file_key)?,
        };
        let Secret { key: given, origin, .. } = &secret;
        if secret.text.is_empty() {
            self.problem(Problem::Empty { key: given.clone(), origin: origin.clone() });
            return None;
        }
        if !accept(&secret.text) {
            self.problem(Problem::Invalid {
                key: given.clone(),
                origin: origin.clone(),
                value: None,
                expected,
            });
            return None;
        }
        self.effective(key, "[set]", origin.clone());
        Some(secret)
    }

    fn secret_itself(&mut self, key: &str) -> Option<Secret> {
        let value = self.value(key)?;
        let (key, origin) = (key.to_owned(), Origin::from_tag(value.origin()));
        if let ValueKind::String(text) = &value.kind {
            Some(Secret { text: text.clone(), key, origin })
        } else {
            self.problem(Problem::NeedsQuotes { key, origin });
            None
        }
    }

    fn secret_from_file(&mut self, key: String) -> Option<Secret> {
        let value = self.value(&key)?;
        let origin = Origin::from_tag(value.origin());
        let path = value.kind.to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                self.effective(&key, &path, origin.clone());
                Some(Secret { text: without_line_end(text), key, origin })
            }
            Err(source) => {
                self.problem(Problem::SecretFileUnreadable { key, origin, source });
                None
            }
        }
    }
}

fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
