//! The metrics, labels and label values in a `PromQL` expression. It reads the subset that our rules and
//! panels use; promtool checks that an expression is valid.

use std::collections::{BTreeMap, BTreeSet};

/// Keywords before a list of labels.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Words between expressions.
const OPERATORS: [&str; 7] = ["and", "or", "unless", "offset", "bool", "atan2", "start"];

/// The names in an expression.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Names {
    /// Each metric with the labels its selectors name, and their values where those are whole words.
    pub(crate) metrics: BTreeMap<String, BTreeSet<(String, Option<String>)>>,
    /// Labels used for grouping or matching.
    pub(crate) groupings: BTreeSet<String>,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// Reads an expression.
pub(crate) fn names(expression: &str) -> Names {
    let tokens = tokens(expression);
    let mut names = Names::default();
    let mut place = 0;
    while place < tokens.len() {
        let Token::Word(word) = &tokens[place] else {
            place += 1;
            continue;
        };
        place += 1;
        let next = tokens.get(place);
        if GROUPINGS.contains(&word.as_str()) {
            let length = until(&tokens[place..], ')');
            names.groupings.extend(tokens[place..place + length].iter().filter_map(|token| {
                if let Token::Word(label) = token { Some(label.clone()) } else { None }
            }));
            place += length;
        } else if OPERATORS.contains(&word.as_str()) || next.is_some_and(makes_a_function) {
            // No metric.
        } else {
            let labels = names.metrics.entry(word.clone()).or_default();
            if next == Some(&Token::Sign('{')) {
                let length = until(&tokens[place..], '}');
                labels.extend(matchers(&tokens[place + 1..place + length]));
                place += length;
            }
        }
    }
    names
}

/// Whether the word before this token is a function or an aggregation.
fn makes_a_function(next: &Token) -> bool {
    match next {
        Token::Sign(sign) => *sign == '(',
        Token::Word(word) => word == "by" || word == "without",
        Token::Text(_) => false,
    }
}

fn until(tokens: &[Token], end: char) -> usize {
    tokens.iter().position(|token| *token == Token::Sign(end)).expect("a closing bracket")
}

/// The labels between the braces of a selector. Each alternative word is a value; of any other pattern,
/// and of negations, only the label is used.
fn matchers(tokens: &[Token]) -> BTreeSet<(String, Option<String>)> {
    let mut found = BTreeSet::new();
    for matcher in tokens.split(|token| *token == Token::Sign(',')) {
        let [Token::Word(label), operator @ .., Token::Text(value)] = matcher else {
            panic!("no matcher: {matcher:?}");
        };
        let is_word = |value: &str| value.chars().all(|c| c.is_alphanumeric() || c == '_');
        let values: Vec<&str> = value.split('|').collect();
        if operator.first() == Some(&Token::Sign('!')) || !values.iter().all(|value| is_word(value))
        {
            found.insert((label.clone(), None));
        } else {
            found.extend(values.iter().map(|value| (label.clone(), Some((*value).to_owned()))));
        }
    }
    found
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => {
                let end = rest[1..].find('"').expect("a closing quote");
                tokens.push(Token::Text(rest[1..=end].to_owned()));
                end + 2
            }
            // A range, as [5m] or [$__rate_interval].
            '[' => rest.find(']').expect("a closing bracket") + 1,
            _ if first.is_ascii_digit() => length_of(rest, |c| c.is_alphanumeric() || c == '.'),
            _ if is_of_word(first) => {
                let length = length_of(rest, is_of_word);
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(Token::Sign(first));
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn length_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

#[test]
fn metrics_labels_and_values_are_told_from_functions_and_words() {
    let label = |label: &str, value: Option<&str>| (label.to_owned(), value.map(str::to_owned));
    let found = names(
        r#"sum by (job, kind) (rate(a_total{answer="503", reason=~"x|y", to!="z"}[$__rate_interval] offset 1d))
           / on (job) group_left (version) b > 1e3 unless (c{job=~"$job"} == 0 or vector(0)) and time() - d > 4 * 3600"#,
    );
    let a = [
        label("answer", Some("503")),
        label("reason", Some("x")),
        label("reason", Some("y")),
        label("to", None),
    ];
    let expected = [
        ("a_total", a.into()),
        ("b", BTreeSet::new()),
        ("c", [label("job", None)].into()),
        ("d", BTreeSet::new()),
    ];
    assert_eq!(found.metrics, expected.map(|(name, labels)| (name.to_owned(), labels)).into());
    assert_eq!(found.groupings, ["job", "kind", "version"].map(str::to_owned).into());
}
