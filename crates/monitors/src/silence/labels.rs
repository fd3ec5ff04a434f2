//! Matchers of labels, as Alertmanager has them: of instances whose names carry labels, `Down;job=api;severity=critical`.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// What stands before the first `;`, as a label.
pub const ALERT_NAME: &str = "alertname";
/// Bytes of a compiled pattern.
const MAX_PATTERN: usize = 1 << 20;

/// What an instance carries, by name.
pub type Labels = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelMatcher {
    pub name: String,
    pub value: String,
    /// `value` is a regular expression of the whole value.
    #[serde(default)]
    pub is_regex: bool,
    /// False: all that has another value is meant.
    #[serde(default = "is_equal")]
    pub is_equal: bool,
}

fn is_equal() -> bool {
    true
}

/// A matcher, ready to be asked.
#[derive(Clone, Debug)]
pub struct LabelTest {
    name: String,
    wanted: Wanted,
    is_equal: bool,
}

#[derive(Clone, Debug)]
enum Wanted {
    Text(String),
    Pattern(Regex),
}

impl LabelMatcher {
    pub fn test(&self) -> Result<LabelTest, String> {
        if self.name.trim().is_empty() {
            return Err("a matcher of a label has no name: write which label it is about".to_owned());
        }
        let wanted = match self.is_regex {
            false => Wanted::Text(self.value.clone()),
            true => {
                let whole = format!("^(?:{})$", self.value);
                let read =
                    RegexBuilder::new(&whole).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
                Wanted::Pattern(read.map_err(|error| self.wrong(&error))?)
            }
        };
        Ok(LabelTest { name: self.name.clone(), wanted, is_equal: self.is_equal })
    }

    fn wrong(&self, error: &regex::Error) -> String {
        match error {
            regex::Error::CompiledTooBig(_) => format!(
                "`{}` becomes too large: repeat less in it, as a{{100}} is a hundred times as large as a",
                self.value
            ),
            _ => format!("`{}` is no regular expression that is understood here", self.value),
        }
    }
}

impl LabelTest {
    /// A label that is not there is an empty one.
    pub fn fits(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let fits = match &self.wanted {
            Wanted::Text(text) => value == text,
            Wanted::Pattern(pattern) => pattern.is_match(value),
        };
        fits == self.is_equal
    }
}

/// Those that the name of an instance carries.
pub fn labels(instance: &str) -> Labels {
    let mut parts = instance.split(';');
    let alert_name = parts.next().unwrap_or_default();
    let tags = parts.filter_map(|tag| tag.split_once('='));
    let mut labels: Labels = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    if !alert_name.is_empty() {
        labels.insert(ALERT_NAME.to_owned(), alert_name.to_owned());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_not_there_is_an_empty_one() {
        let labels = labels("Down;job=api;path=a=b");
        assert_eq!(labels.get("path").map(String::as_str), Some("a=b"));
        let check = |name: &str, value: &str, is_regex: bool, is_equal: bool, wanted: bool| {
            let matcher = LabelMatcher { name: name.into(), value: value.into(), is_regex, is_equal };
            assert_eq!(matcher.test().unwrap().fits(&labels), wanted, "{matcher:?}");
        };
        check("alertname", "Down", false, true, true);
        check("alertname", "Do", true, true, false);
        check("alertname", "Do.*|Up", true, true, true);
        check("job", "api", false, false, false);
        check("job", "db", false, false, true);
        check("env", "", false, true, true);
        check("env", ".+", true, false, true);
        let bad = LabelMatcher { name: "job".into(), value: "(".into(), is_regex: true, is_equal: true };
        assert!(
            bad.test().is_err() && LabelMatcher { name: " ".into(), is_regex: false, ..bad }.test().is_err()
        );
    }
}
