//! Typed values from the merged layers. A problem is noted, and reading goes on.

use std::collections::BTreeMap;
use std::fs;

use ::config::{Value, ValueKind};

use super::kinds::{Form, Kind};
use super::origin::Origin;
use super::problem::Problem;
use super::section::Field;
use super::warning::Warning;

/// Shown in place of the value of a key that is unset.
pub(super) const NOT_SET: &str = "[not set]";

/// The most characters of a wrong value that a problem repeats.
const MAX_SHOWN_CHARS: usize = 60;

/// A key in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    pub key: String,
    /// `[set]` in place of a secret, `[not set]` where there is none.
    pub value: String,
    pub origin: Origin,
}

/// All layers in one.
pub(super) struct Merged {
    /// A section with every known key, each with its origin.
    pub(super) values: Value,
    /// Where each account is mentioned last. Merging keeps no origin of a section.
    pub(super) accounts: BTreeMap<String, Origin>,
}

pub(super) struct Reader {
    merged: Merged,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
    pub(super) effective: Vec<Effective>,
}

impl Reader {
    pub(super) fn new(merged: Merged) -> Self {
        Self { merged, problems: Vec::new(), warnings: Vec::new(), effective: Vec::new() }
    }

    /// The field for a key. `None` only with a problem noted.
    pub(super) fn read<T, F: Field<T>>(&mut self, key: &str, kind: &Kind<T>) -> Option<F> {
        match self.value(key, kind) {
            Ok(Some(value)) => return Some(value.into()),
            Ok(None) if F::UNSET.is_some() => {}
            Ok(None) => self.problems.push(Problem::Missing { key: key.to_owned() }),
            Err(problem) => self.problems.push(problem),
        }
        F::UNSET
    }

    /// The key that sets this one (itself, or its `_file`), and where it is set.
    pub(super) fn set_by(&self, key: &str) -> Option<(String, Origin)> {
        let keys = [key.to_owned(), file_key(key)];
        keys.into_iter().find_map(|key| self.get(&key).map(Origin::of).map(|origin| (key, origin)))
    }

    pub(super) fn is_set(&self, key: &str) -> bool {
        self.set_by(key).is_some()
    }

    /// Where a key is set. An unset key has its default.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.set_by(key).map_or(Origin::Default, |(_, origin)| origin)
    }

    /// The accounts that any layer mentions, and where the strongest does.
    pub(super) fn accounts(&self) -> BTreeMap<String, Origin> {
        self.merged.accounts.clone()
    }

    /// The names in a section, in order.
    pub(super) fn names_in(&self, section: &str) -> Vec<String> {
        let Some(ValueKind::Table(section)) = self.get(section).map(|value| &value.kind) else {
            return Vec::new();
        };
        let mut names: Vec<String> = section.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn get(&self, key: &str) -> Option<&Value> {
        key.split('.').try_fold(&self.merged.values, |value, part| match &value.kind {
            ValueKind::Table(section) => section.get(part),
            _ => None,
        })
    }

    fn value<T>(&mut self, key: &str, kind: &Kind<T>) -> Result<Option<T>, Problem> {
        let Some((set_by, origin, text)) = self.text(key, kind.form)? else {
            self.note_effective(key, NOT_SET, Origin::Default);
            return Ok(None);
        };
        if text.is_empty() && kind.form == Form::Secret {
            return Err(Problem::Empty { key: set_by, origin });
        }
        let Some(value) = (kind.parse)(&text) else {
            let may_be_shown = !matches!(kind.form, Form::Secret | Form::Url);
            return Err(Problem::Invalid {
                key: set_by,
                origin,
                value: may_be_shown.then(|| text.chars().take(MAX_SHOWN_CHARS).collect()),
                expected: kind.expected.clone(),
            });
        };
        self.warnings.extend((kind.warning)(&text, set_by, origin.clone()));
        self.note_effective(key, if kind.form == Form::Secret { "[set]" } else { &text }, origin);
        Ok(Some(value))
    }

    /// The text of a value, or of the file with the secret; and the key that sets it, and where.
    fn text(&mut self, key: &str, form: Form) -> Result<Option<(String, Origin, String)>, Problem> {
        let (key, file_key) = (key.to_owned(), file_key(key));
        let file = self.get(&file_key).filter(|_| form == Form::Secret);
        match (self.get(&key), file) {
            (None, None) => Ok(None),
            (Some(value), Some(file)) => {
                let (origin, file_origin) = (Origin::of(value), Origin::of(file));
                Err(Problem::SecretTwice { key, origin, file_origin })
            }
            (Some(value), None) => {
                let origin = Origin::of(value);
                let is_exact = matches!(value.kind, ValueKind::String(_));
                if !is_exact && matches!(form, Form::Quoted | Form::Secret) {
                    return Err(Problem::NeedsQuotes { key, origin });
                }
                Ok(Some((key, origin, value.kind.to_string())))
            }
            (None, Some(file)) => {
                let (path, origin) = (file.kind.to_string(), Origin::of(file));
                match fs::read_to_string(&path) {
                    Ok(text) => {
                        self.note_effective(&file_key, &path, origin.clone());
                        Ok(Some((file_key, origin, without_line_end(text))))
                    }
                    Err(source) => {
                        Err(Problem::SecretFileUnreadable { key: file_key, origin, source })
                    }
                }
            }
        }
    }

    fn note_effective(&mut self, key: &str, value: &str, origin: Origin) {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.effective.push(Effective { key, value, origin });
    }
}

fn file_key(key: &str) -> String {
    format!("{key}_file")
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
