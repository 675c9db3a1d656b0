//! The alert rules, read from their file.

use super::text;

/// A rule.
#[derive(Debug)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) summary: String,
    pub(crate) runbook: String,
}

/// All rules. promtool checks that the file is valid, so reading it line by line is enough.
pub(crate) fn alerts() -> Vec<Alert> {
    let rules = text("deploy/prometheus/alerts.yml");
    rules.split("- alert: ").skip(1).map(alert).collect()
}

fn alert(rule: &str) -> Alert {
    let value = |key: &str| {
        let line = rule.lines().find_map(|line| line.trim().strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in {rule}")).trim().trim_matches('"').to_owned()
    };
    let expression = match value("expr:").as_str() {
        "|" => {
            let lines = rule.lines().skip_while(|line| line.trim() != "expr: |").skip(1);
            // The block is indented deeper than its key.
            lines.take_while(|line| line.starts_with("          ")).collect::<Vec<_>>().join("\n")
        }
        line => line.to_owned(),
    };
    assert!(!expression.is_empty(), "no expression in {rule}");
    Alert {
        name: rule.lines().next().unwrap().to_owned(),
        expression,
        summary: value("summary:"),
        runbook: value("runbook:"),
    }
}

#[test]
fn every_alert_fires_in_a_test_of_the_rules() {
    let tests = text("deploy/prometheus/alerts.test.yml");
    for Alert { name, .. } in alerts() {
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} fires in no test");
    }
}

#[test]
fn every_alert_has_its_entry_in_the_runbook_and_every_entry_its_alert() {
    let page = text("docs/runbook.md");
    let entries: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("### RoutoReceiver")).collect();
    let mut names = Vec::new();
    for Alert { name, runbook, summary, .. } in alerts() {
        assert_eq!(runbook, format!("docs/runbook.md#{}", name.to_lowercase()));
        assert!(summary.contains(": ") || summary.contains(", "), "{name}: what is to be done?");
        names.push(name.strip_prefix("RoutoReceiver").unwrap().to_owned());
    }
    assert_eq!(entries, names, "in the order of the rules");
}
