//! The layers, from the weakest to the strongest, freed of what is no key, and merged.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ::config::{FileFormat, Format, Map, Source, Value, ValueKind};

use super::environment;
use super::keys::{self, Place};
use super::origin::Origin;
use super::problem::Problem;

/// The name of the file that is read from the working directory when no other is given.
pub const FILE_NAME: &str = "routo-receiver.toml";

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Where the configuration is to be read from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file given with `--config`. It must exist.
    pub file: Option<PathBuf>,
    /// Where [`FILE_NAME`] is looked for when no file is given. It need not be there.
    pub directory: PathBuf,
    /// The environment variables.
    pub environment: BTreeMap<OsString, OsString>,
}

impl Sources {
    /// The working directory and environment of this process, and the file given to it.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self { file, directory: PathBuf::new(), environment: std::env::vars_os().collect() }
    }
}

impl fmt::Debug for Sources {
    /// Without the environment, which has secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// All layers in one: each value with its origin, and where each account is mentioned last.
pub(super) struct Merged {
    pub(super) values: Map<String, Value>,
    pub(super) accounts: BTreeMap<String, Origin>,
}

/// Merges every layer. What cannot be read, or is no key, is left out and reported.
pub(super) fn merge(sources: &Sources, problems: &mut Vec<Problem>) -> Merged {
    let mut layers = vec![parsed(DEFAULTS, &Origin::Default, problems)];
    let found = match &sources.file {
        Some(path) => read(path, true, problems),
        None => read(&sources.directory.join(FILE_NAME), false, problems),
    };
    layers.extend(found);
    layers.push(Layer(environment::layer(&sources.environment, problems)));
    merged(layers)
}

/// One file alone, without the defaults.
pub(super) fn one_file(path: &Path, problems: &mut Vec<Problem>) -> Merged {
    merged(read(path, true, problems).into_iter().collect())
}

/// Values of one place, known keys only.
#[derive(Clone)]
struct Layer(Map<String, Value>);

impl fmt::Debug for Layer {
    /// Without the values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").finish_non_exhaustive()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}

fn merged(layers: Vec<Layer>) -> Merged {
    let mut accounts = BTreeMap::new();
    for layer in &layers {
        note_accounts(&layer.0, &mut accounts);
    }
    let merged = layers
        .into_iter()
        .fold(
            ::config::Config::builder(),
            ::config::ConfigBuilder::<::config::builder::DefaultState>::add_source,
        )
        .build();
    // A layer cannot fail to be collected. If it could, nothing would be set, and the reader would
    // report every key that has to be.
    let values = match merged.map(|config| config.cache.kind) {
        Ok(ValueKind::Table(values)) => values,
        _ => Map::new(),
    };
    Merged { values, accounts }
}

fn read(path: &Path, required: bool, problems: &mut Vec<Problem>) -> Option<Layer> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(parsed(&text, &Origin::file(path), problems)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => None,
        Err(source) => {
            problems.push(Problem::FileUnreadable { path: path.to_owned(), source });
            None
        }
    }
}

fn parsed(text: &str, origin: &Origin, problems: &mut Vec<Problem>) -> Layer {
    match FileFormat::Toml.parse(origin.to_tag().as_ref(), text) {
        Ok(values) => Layer(known(values, &mut Vec::new(), origin, problems)),
        Err(error) => {
            // Only what and where: the line itself, which the error also has, may hold a secret.
            let toml = error.downcast_ref::<toml::de::Error>();
            let start = toml.and_then(toml::de::Error::span).map(|span| span.start);
            problems.push(Problem::Syntax {
                origin: origin.clone(),
                line: start.and_then(|start| text.get(..start)).map(line_number),
                what: toml
                    .map_or("a number is too large", toml::de::Error::message)
                    .replace('\n', " "),
            });
            Layer(Map::new())
        }
    }
}

fn line_number(before: &str) -> usize {
    1 + before.matches('\n').count()
}

/// What is left of a section without that which is no key.
fn known(
    section: Map<String, Value>,
    path: &mut Vec<String>,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Map<String, Value> {
    // The layering crate's map has no order; problems should have one.
    let sorted: BTreeMap<String, Value> = section.into_iter().collect();
    let mut kept = Map::new();
    for (name, value) in sorted {
        path.push(name.clone());
        let tag = value.origin().map(str::to_owned);
        match (keys::place(path), value.kind) {
            (Place::Unknown, ValueKind::Table(inner)) if !inner.is_empty() => {
                known(inner, path, origin, problems);
            }
            (Place::Unknown, _) => problems.push(Problem::unknown_key(path, origin.clone())),
            (Place::Section, ValueKind::Table(inner)) => {
                let inner = known(inner, path, origin, problems);
                kept.insert(name, Value::new(origin.to_tag().as_ref(), inner));
            }
            (Place::Section, _) => problems.push(Problem::not_a_section(path, origin.clone())),
            (Place::List, ValueKind::Array(values)) => match list(values) {
                Some(list) => {
                    kept.insert(name, Value::new(tag.as_ref(), list));
                }
                None => problems.push(Problem::not_a_list(path, origin.clone())),
            },
            (Place::List, ValueKind::Table(_)) => {
                problems.push(Problem::not_a_list(path, origin.clone()));
            }
            (Place::Key, ValueKind::Table(_) | ValueKind::Array(_)) => {
                problems.push(Problem::NotAValue { key: path.join("."), origin: origin.clone() });
            }
            (Place::Key | Place::List, kind) => {
                kept.insert(name, Value::new(tag.as_ref(), kind));
            }
        }
        path.pop();
    }
    kept
}

/// The texts of an array as the environment would have them; `None` where something else is in it.
fn list(values: Vec<Value>) -> Option<String> {
    let text = |value: Value| match value.kind {
        ValueKind::String(text) => Some(text),
        _ => None,
    };
    let texts: Option<Vec<String>> = values.into_iter().map(text).collect();
    Some(texts?.join(", "))
}

fn note_accounts(values: &Map<String, Value>, accounts: &mut BTreeMap<String, Origin>) {
    let Some(ValueKind::Table(section)) = values.get("accounts").map(|value| &value.kind) else {
        return;
    };
    for (name, account) in section {
        let origin = first_origin(account);
        accounts.insert(name.clone(), Origin::from_tag(origin));
    }
}

/// The origin of a section, or of a value in it: in the environment, sections have none.
fn first_origin(value: &Value) -> Option<&str> {
    value.origin().or_else(|| match &value.kind {
        ValueKind::Table(section) => section
            .iter()
            .min_by_key(|(name, _)| name.as_str())
            .and_then(|(_, inner)| first_origin(inner)),
        _ => None,
    })
}
