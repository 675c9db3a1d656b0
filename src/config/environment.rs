//! The environment as a layer: which variable sets which key.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use ::config::{Map, Value, ValueKind};

use super::keys::{self, Place};
use super::origin::Origin;
use super::problem::Problem;

const PREFIX: &str = "ROUTO_";

/// Variables that other programs use too, each with the keys it yields to when they are set by a
/// variable of our own.
const SHARED: [(&str, &str, &[&str]); 3] = [
    ("DATABASE_URL", "database.url", &["database.url", "database.url_file"]),
    ("DATABASE_URL_FILE", "database.url_file", &["database.url", "database.url_file"]),
    ("PG_BIN_DIR", "database.bin_dir", &["database.bin_dir"]),
];

/// The variable that sets the key with these parts.
pub(super) fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("__").to_ascii_uppercase())
}

/// The variable that sets this key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// The values that the environment sets, as a tree. A variable that is empty counts as not set.
pub(super) fn layer(
    environment: &BTreeMap<OsString, OsString>,
    problems: &mut Vec<Problem>,
) -> Map<String, Value> {
    let mut tree = Map::new();
    let mut own = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if is_service_link(rest, value) {
            continue;
        }
        let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
        let origin = Origin::Environment(name.to_owned());
        match keys::place(&path) {
            Place::Key | Place::List => {
                if set(&mut tree, &path, value, name, problems) {
                    own.push(path.join("."));
                }
            }
            Place::Section => problems.push(Problem::not_a_section(&path, origin)),
            Place::Unknown => problems.push(Problem::unknown_key(&path, origin)),
        }
    }
    for (name, key, yields_to) in SHARED {
        let yields = own.iter().any(|own| yields_to.contains(&own.as_str()));
        if let Some(value) = environment.get(OsStr::new(name)).filter(|_| !yields) {
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            set(&mut tree, &path, value, name, problems);
        }
    }
    tree
}

/// Sets a value, and says whether there was one to set.
fn set(
    tree: &mut Map<String, Value>,
    path: &[String],
    value: &OsStr,
    name: &str,
    problems: &mut Vec<Problem>,
) -> bool {
    if value.is_empty() {
        return false;
    }
    if let Some(text) = value.to_str() {
        let tag = Origin::Environment(name.to_owned()).to_tag();
        insert(tree, path, Value::new(tag.as_ref(), text));
    } else {
        problems.push(Problem::NotUtf8 { variable: name.to_owned() });
    }
    true
}

fn insert(tree: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            tree.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let section = tree
                .entry(first.clone())
                .or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
            // Known keys never lead through one another, so this is always a section.
            if let ValueKind::Table(section) = &mut section.kind {
                insert(section, rest, value);
            }
        }
    }
}

/// Whether a variable comes from Kubernetes (or Docker links), which describe a service called
/// `routo-…` to its neighbours in variables such as `ROUTO_RECEIVER_SERVICE_HOST` and
/// `ROUTO_RECEIVER_PORT_8080_TCP_ADDR`. They are not meant for us.
fn is_service_link(rest: &str, value: &OsStr) -> bool {
    let rest = format!("_{rest}");
    let url = value.to_str().and_then(|value| value.split_once("://"));
    let is_protocol = |text: &str| ["TCP", "UDP", "SCTP"].contains(&text);
    let port_url = url.is_some_and(|(scheme, _)| is_protocol(&scheme.to_ascii_uppercase()));
    let numbered_port = rest.split_once("_PORT_").is_some_and(|(_, port)| {
        let mut parts = port.split('_');
        parts.next().is_some_and(|number| number.parse::<u16>().is_ok())
            && parts.next().is_some_and(is_protocol)
    });
    !rest.contains("__")
        && (rest.ends_with("_SERVICE_HOST")
            || rest.contains("_SERVICE_PORT")
            || (rest.ends_with("_PORT") && port_url)
            || numbered_port)
}
