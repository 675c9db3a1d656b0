//! The layers, from the weakest to the strongest: read, freed of unknown keys, and merged.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ::config::{FileFormat, Format, Map, Source, Value, ValueKind};

use super::environment;
use super::keys::{self, Node};
use super::kinds::Form;
use super::origin::Origin;
use super::problem::Problem;
use super::reader::Merged;

/// The name of the file that is read from the working directory.
pub const FILE_NAME: &str = "routo-receiver.toml";

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Where the configuration is read from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file given with `--config`. It must exist.
    pub file: Option<PathBuf>,
    /// Where [`FILE_NAME`] is read from, if it exists and no file is given.
    pub directory: PathBuf,
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

/// Every layer. What is unreadable or unknown is left out and noted.
pub(super) fn merge(sources: &Sources, problems: &mut Vec<Problem>) -> Merged {
    let defaults = parse(DEFAULTS, &Origin::Default, problems);
    let file = match &sources.file {
        Some(path) => read(path, true, problems),
        None => read(&sources.directory.join(FILE_NAME), false, problems),
    };
    let environment = Layer(environment::layer(&sources.environment, problems));
    merged([Some(defaults), file, Some(environment)])
}

/// One file alone, without the defaults.
pub(super) fn one_file(path: &Path, problems: &mut Vec<Problem>) -> Merged {
    merged([read(path, true, problems)])
}

/// Known keys with their values.
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

fn merged(layers: impl IntoIterator<Item = Option<Layer>>) -> Merged {
    let mut accounts = BTreeMap::new();
    let mut builder = ::config::Config::builder();
    for layer in layers.into_iter().flatten() {
        if let Some(ValueKind::Table(section)) = layer.0.get("accounts").map(|value| &value.kind) {
            accounts
                .extend(section.iter().map(|(name, account)| (name.clone(), Origin::of(account))));
        }
        builder = builder.add_source(layer);
    }
    let values = builder.build().expect("collecting a layer cannot fail").cache;
    Merged { values, accounts }
}

fn read(path: &Path, must_exist: bool, problems: &mut Vec<Problem>) -> Option<Layer> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(parse(&text, &Origin::File(path.to_owned()), problems)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => None,
        Err(source) => {
            problems.push(Problem::FileUnreadable { path: path.to_owned(), source });
            None
        }
    }
}

fn parse(text: &str, origin: &Origin, problems: &mut Vec<Problem>) -> Layer {
    match FileFormat::Toml.parse(origin.to_tag().as_ref(), text) {
        Ok(values) => Layer(known(values, &mut Vec::new(), origin, problems)),
        Err(error) => {
            // The error also has the line itself, which may hold a secret.
            let toml = error.downcast_ref::<toml::de::Error>();
            let start = toml.and_then(toml::de::Error::span).map(|span| span.start);
            let line = |start| Some(1 + text.get(..start)?.matches('\n').count());
            problems.push(Problem::Syntax {
                origin: origin.clone(),
                line: start.and_then(line),
                message: toml
                    .map_or("a number is too large", toml::de::Error::message)
                    .replace('\n', " "),
            });
            Layer(Map::new())
        }
    }
}

/// The known keys of a section.
fn known(
    section: Map<String, Value>,
    path: &mut Vec<String>,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Map<String, Value> {
    let mut kept = Map::new();
    // Sorted, so that problems have an order.
    for (name, value) in section.into_iter().collect::<BTreeMap<_, _>>() {
        path.push(name.clone());
        let (key, at) = (path.join("."), origin.clone());
        let known = match (keys::node(path), value.kind) {
            (Node::Unknown, ValueKind::Table(inner)) if !inner.is_empty() => {
                known(inner, path, origin, problems);
                Ok(None)
            }
            (Node::Unknown, _) => Err(Problem::unknown_key(path, at)),
            (Node::Section, ValueKind::Table(inner)) => {
                Ok(Some(known(inner, path, origin, problems).into()))
            }
            (Node::Section, _) => Err(Problem::not_a_section(path, at)),
            (Node::Key(Form::List), ValueKind::Array(values)) => {
                list(values).map(Some).ok_or(Problem::NotAList { key, origin: at })
            }
            (Node::Key(Form::List), ValueKind::Table(_)) => {
                Err(Problem::NotAList { key, origin: at })
            }
            (Node::Key(_), ValueKind::Table(_) | ValueKind::Array(_)) => {
                Err(Problem::NotAValue { key, origin: at })
            }
            (Node::Key(_), kind) => Ok(Some(kind)),
        };
        path.pop();
        match known {
            Ok(Some(kind)) => {
                kept.insert(name, Value::new(origin.to_tag().as_ref(), kind));
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    kept
}

/// An array of texts as the environment has it: separated by commas.
fn list(values: Vec<Value>) -> Option<ValueKind> {
    let text = |value: Value| match value.kind {
        ValueKind::String(text) => Some(text),
        _ => None,
    };
    let texts: Vec<String> = values.into_iter().map(text).collect::<Option<_>>()?;
    Some(texts.join(", ").into())
}
