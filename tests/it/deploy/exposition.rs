//! Reads the Prometheus text format: names and labels.

use std::collections::{BTreeMap, BTreeSet};

/// Each sample's name with its labels and their values.
pub(crate) struct Exposition(BTreeMap<String, BTreeSet<(String, String)>>);

impl Exposition {
    pub(crate) fn parse(text: &str) -> Self {
        let mut samples: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let end = line.find(['{', ' ']).unwrap();
            let labels = samples.entry(line[..end].to_owned()).or_default();
            let Some(list) = line[end..].strip_prefix('{') else { continue };
            // No label of ours has a quote or a brace in its value.
            for label in list.split('}').next().unwrap().split_terminator("\",") {
                let (name, value) = label.split_once("=\"").unwrap();
                labels.insert((name.to_owned(), value.trim_end_matches('"').to_owned()));
            }
        }
        Self(samples)
    }

    pub(crate) fn has_metric(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn has_label(&self, metric: &str, label: &str) -> bool {
        self.0.get(metric).is_some_and(|labels| labels.iter().any(|(name, _)| name == label))
    }

    pub(crate) fn has_value(&self, metric: &str, label: &str, value: &str) -> bool {
        let wanted = (label.to_owned(), value.to_owned());
        self.0.get(metric).is_some_and(|labels| labels.contains(&wanted))
    }
}

#[test]
fn names_labels_and_values_are_read() {
    let shown = Exposition::parse(
        "# HELP a A.\n# TYPE a counter\na{b=\"c\",d=\"\"} 1\na{b=\"e\",d=\"f\"} 2\ng 0.5\n",
    );
    assert!(shown.has_metric("a") && shown.has_metric("g") && !shown.has_metric("A."));
    assert!(shown.has_label("a", "b") && shown.has_label("a", "d") && !shown.has_label("g", "b"));
    assert!(shown.has_value("a", "b", "c") && shown.has_value("a", "b", "e"));
    assert!(shown.has_value("a", "d", "") && !shown.has_value("a", "d", "c"));
}
