//! The environment as a layer: which variable sets which key.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use ::config::{Map, Value, ValueKind};

use super::keys::{self, Node};
use super::origin::{Origin, PREFIX};
use super::problem::Problem;

/// Variables that other programs use too, the key of each, and the keys of ours that win over it.
const SHARED: [(&str, &str, &[&str]); 3] = [
    ("DATABASE_URL", "database.url", &["database.url", "database.url_file"]),
    ("DATABASE_URL_FILE", "database.url_file", &["database.url", "database.url_file"]),
    ("PG_BIN_DIR", "database.bin_dir", &["database.bin_dir"]),
];

/// The values that the environment sets. An empty variable counts as unset.
pub(super) fn layer(
    environment: &BTreeMap<OsString, OsString>,
    problems: &mut Vec<Problem>,
) -> Map<String, Value> {
    let mut tree = Map::new();
    let mut set_keys = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else {
            if name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
                let variable = name.to_string_lossy().escape_debug().to_string();
                problems.push(Problem::NotUtf8 { variable });
            }
            continue;
        };
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| !is_service_link(rest, value))
        else {
            continue;
        };
        let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
        let origin = Origin::Environment(name.to_owned());
        match keys::node(&path) {
            Node::Key(_) if value.is_empty() => {}
            Node::Key(_) => {
                set_keys.push(path.join("."));
                insert(&mut tree, &path, value, name, problems);
            }
            Node::Section => problems.push(Problem::not_a_section(&path, origin)),
            Node::Unknown => problems.push(Problem::unknown_key(&path, origin)),
        }
    }
    for (name, key, winners) in SHARED {
        let yields = set_keys.iter().any(|key| winners.contains(&key.as_str()));
        match environment.get(OsStr::new(name)) {
            Some(value) if !value.is_empty() && !yields => {
                let path: Vec<String> = key.split('.').map(str::to_owned).collect();
                insert(&mut tree, &path, value, name, problems);
            }
            _ => {}
        }
    }
    tree
}

fn insert(
    mut tree: &mut Map<String, Value>,
    path: &[String],
    value: &OsStr,
    variable: &str,
    problems: &mut Vec<Problem>,
) {
    let Some(text) = value.to_str() else {
        problems.push(Problem::NotUtf8 { variable: variable.to_owned() });
        return;
    };
    let tag = Origin::Environment(variable.to_owned()).to_tag();
    let (key, sections) = path.split_last().expect("a key has a name");
    for section in sections {
        let section = tree
            .entry(section.clone())
            .or_insert_with(|| Value::new(tag.as_ref(), Map::<String, Value>::new()));
        let ValueKind::Table(inner) = &mut section.kind else {
            unreachable!("no key is in another key");
        };
        tree = inner;
    }
    tree.insert(key.clone(), Value::new(tag.as_ref(), text));
}

/// Whether Kubernetes (or Docker links) set this variable. They describe a service called `routo-…`
/// to its neighbours, in `ROUTO_RECEIVER_SERVICE_HOST`, `ROUTO_RECEIVER_PORT_8080_TCP_ADDR` and such.
fn is_service_link(rest: &str, value: &OsStr) -> bool {
    let rest = format!("_{rest}");
    let is_protocol = |text: &str| ["TCP", "UDP", "SCTP"].contains(&text);
    let scheme = value.to_str().and_then(|value| value.split_once("://")).map(|(scheme, _)| scheme);
    let is_port_url = scheme.is_some_and(|scheme| is_protocol(&scheme.to_ascii_uppercase()));
    let has_numbered_port = rest.split_once("_PORT_").is_some_and(|(_, port)| {
        let mut parts = port.split('_');
        parts.next().is_some_and(|number| number.parse::<u16>().is_ok())
            && parts.next().is_some_and(is_protocol)
    });
    !rest.contains("__")
        && (rest.ends_with("_SERVICE_HOST")
            || rest.contains("_SERVICE_PORT")
            || (rest.ends_with("_PORT") && is_port_url)
            || has_numbered_port)
}
