//! The links in the pages lead to existing files and headings.

use std::fs;
use std::path::{Path, PathBuf};

use super::{file, text};

/// Every page for people.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(file).to_vec();
    let docs = fs::read_dir(file("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    pages
}

/// The targets of `[…](…)` outside of code.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut is_code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if !is_code {
            let text: String = line.split('`').step_by(2).collect();
            let targets = text.split("](").skip(1).map(|link| link.split(')').next().unwrap());
            links.extend(targets.map(str::to_owned));
        }
    }
    links
}

/// The anchor of a heading in rendered Markdown: lower case, hyphens for blanks, no other punctuation.
fn anchors(page: &str) -> Vec<String> {
    let mut is_code = false;
    let headings = page.lines().filter(|line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#')
    });
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(anchor).collect()
}

/// What is wrong with a link in the page at this path.
fn broken(page: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_owned() } else { page.with_file_name(path) };
    if !target.exists() {
        return Some(format!("{}: there is no {link}", page.display()));
    }
    let has_anchor = || anchors(&fs::read_to_string(&target).unwrap()).iter().any(|a| a == anchor);
    (!anchor.is_empty() && !has_anchor())
        .then(|| format!("{}: no heading for {link}", page.display()))
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let mut count = 0;
    let mut all = Vec::new();
    for page in pages() {
        let links = links(&fs::read_to_string(&page).unwrap());
        count += links.len();
        all.extend(links.iter().filter_map(|link| broken(&page, link)));
    }
    assert_eq!(all, [""; 0]);
    assert!(count > 20, "only {count} links were found");
}

#[test]
fn a_link_to_what_is_not_there_is_found() {
    let page = file("docs/runbook.md");
    assert_eq!(broken(&page, "../README.md"), None);
    assert_eq!(broken(&page, "../README.md#first-use"), None);
    assert_eq!(broken(&page, "https://example.com/none"), None);
    assert!(broken(&page, "nothing.md").is_some());
    assert!(broken(&page, "../README.md#last-use").is_some());
    assert!(broken(&page, "#nothing").is_some());
    let found = links("[a](b.md), `[c](d)` and [e](f.md#g)\n```\n[h](i)\n```\n[j](k)");
    assert_eq!(found, ["b.md", "f.md#g", "k"]);
    assert_eq!(anchors("# A b, c?\n```\n# no\n```\n## `d_e`"), ["a-b-c", "d_e"]);
}

#[test]
fn every_page_can_be_found_from_the_readme() {
    let readme = text("README.md");
    let operations = text("docs/operations.md");
    for page in pages() {
        let name = page.file_name().unwrap().to_str().unwrap();
        let is_named = readme.contains(name) || operations.contains(name);
        assert!(is_named || name == "README.md" || name == "CHANGELOG.md", "{name}");
    }
}
