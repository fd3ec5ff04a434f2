//! `[status_page]`

use serde::{Deserialize, Serialize};

const MAX_TITLE: usize = 100;
const MAX_COMPONENTS: usize = 100;

/// `[status_page]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusPageConfig {
    pub enabled: bool,
    pub title: String,
    /// What people outside know by name, in the order of the page.
    pub components: Vec<String>,
    /// The channel by which readers who ask for it get mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
}

impl Default for StatusPageConfig {
    fn default() -> StatusPageConfig {
        StatusPageConfig { enabled: false, title: "Status".into(), components: Vec::new(), mail: None }
    }
}

impl StatusPageConfig {
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let is_line = |text: &str| {
            !text.trim().is_empty() && text.len() <= MAX_TITLE && !text.chars().any(char::is_control)
        };
        let mut problems = Vec::new();
        if !is_line(&self.title) {
            problems.push(("title", format!("a title is one line of 1 to {MAX_TITLE} bytes")));
        }
        let (all, count) = (&self.components, self.components.len());
        if count > MAX_COMPONENTS || !all.iter().all(|name| is_line(name)) {
            let why =
                format!("write at most {MAX_COMPONENTS} names of one line, each 1 to {MAX_TITLE} bytes long");
            problems.push(("components", why));
        }
        if let Some(twice) = all.iter().enumerate().find(|(index, name)| all[..*index].contains(name)) {
            problems.push(("components", format!("`{}` is there twice: take one out", twice.1)));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lines_and_there_once() {
        let check = |title: &str, components: &[&str], keys: &[&str]| {
            let components = components.iter().map(|name| (*name).to_owned()).collect();
            let config = StatusPageConfig { enabled: true, title: title.into(), components, mail: None };
            let found: Vec<&str> = config.problems().into_iter().map(|(key, _)| key).collect();
            assert_eq!(found, keys, "{config:?}");
        };
        check("Status", &["Shop", "API"], &[]);
        check(" ", &["Shop", "Shop"], &["title", "components"]);
        check("a\nb", &[""], &["title", "components"]);
        assert!(StatusPageConfig::default().problems().is_empty());
    }
}
