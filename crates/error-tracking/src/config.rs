//! `[errors]`.

use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

use crate::project::Settings;

/// 100 a second: no program that people watch has so many, and the key that sends them can be read in every page that has it.
const MAX_EVENTS_PER_5M: u64 = 30_000;

/// `[errors]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorsConfig {
    /// What one project may send; clients are told to wait beyond it. 0: no limit.
    pub max_events_per_project_per_5m: u64,
    /// The same of transactions, and of items of sessions: they cost no disk.
    pub max_transactions_per_project_per_5m: u64,
    pub max_sessions_per_project_per_5m: u64,
    /// How long bodies of events are kept, where a project says nothing else. Counts are kept for ever.
    pub retention: HumanDuration,
    /// The URL of Sentry's client for browsers, as one script: what the loader script brings to pages.
    pub browser_client: Option<String>,
}

impl Default for ErrorsConfig {
    fn default() -> ErrorsConfig {
        ErrorsConfig {
            max_events_per_project_per_5m: MAX_EVENTS_PER_5M,
            max_transactions_per_project_per_5m: 0,
            max_sessions_per_project_per_5m: 0,
            retention: HumanDuration::from_secs(90 * 86_400),
            browser_client: None,
        }
    }
}

impl ErrorsConfig {
    /// What one project may send in five minutes; 0 for no limit. Its own setting goes before ours.
    pub fn most_events(&self, settings: &Settings) -> u64 {
        settings.max_events_per_5m.unwrap_or(self.max_events_per_project_per_5m)
    }

    /// The same of transactions.
    pub fn most_transactions(&self, settings: &Settings) -> u64 {
        settings.max_transactions_per_5m.unwrap_or(self.max_transactions_per_project_per_5m)
    }

    /// The same of items of sessions.
    pub fn most_sessions(&self, settings: &Settings) -> u64 {
        settings.max_sessions_per_5m.unwrap_or(self.max_sessions_per_project_per_5m)
    }

    /// How long a project's bodies are kept.
    pub fn retention_seconds(&self, settings: &Settings) -> i64 {
        let own = settings.retention_days.map(|days| i64::from(days) * 86_400);
        own.unwrap_or_else(|| i64::try_from(self.retention.0.as_secs()).unwrap_or(i64::MAX))
    }

    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.retention.0.as_secs() < 86_400 {
            problems.push(("retention", "it is a day at least: write \"1d\" or more".into()));
        }
        if let Some(client) = self.browser_client.as_deref().filter(|client| !is_url(client)) {
            let why = format!(
                "`{client}` is not a URL that pages can load: write one such as \"https://shop.example/sentry.min.js\""
            );
            problems.push(("browser_client", why));
        }
        problems
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(|letter: char| letter.is_whitespace())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_kept_for_a_day_at_least() {
        assert!(ErrorsConfig::default().problems().is_empty());
        let short = ErrorsConfig { retention: HumanDuration::from_secs(3_600), ..ErrorsConfig::default() };
        assert_eq!(short.problems()[0].0, "retention");
    }

    #[test]
    fn pages_load_the_client_from_a_url() {
        let check = |client: &str, is_right: bool| {
            let config = ErrorsConfig { browser_client: Some(client.into()), ..ErrorsConfig::default() };
            let problems = config.problems();
            assert_eq!(problems.is_empty(), is_right, "{client}: {problems:?}");
            assert!(problems.iter().all(|(key, why)| *key == "browser_client" && why.contains(client)));
        };
        check("https://shop.example/static/sentry.min.js", true);
        check("http://127.0.0.1:8000/sentry.js", true);
        check("/static/sentry.min.js", false);
        check("https://", false);
        check("https:///sentry.js", false);
        check("https://shop.example/a b.js", false);
        check("", false);
    }

    #[test]
    fn whoever_has_the_key_sends_so_much_and_no_more() {
        let config = ErrorsConfig::default();
        assert_eq!(config.most_events(&Settings::default()), 30_000);
        let own = Settings { max_events_per_5m: Some(0), ..Settings::default() };
        assert_eq!(config.most_events(&own), 0, "unless somebody says so");
    }

    #[test]
    fn what_a_project_says_goes_before_what_the_configuration_says() {
        let config = ErrorsConfig { max_events_per_project_per_5m: 100, ..ErrorsConfig::default() };
        let own = Settings { max_events_per_5m: Some(0), retention_days: Some(7), ..Settings::default() };
        assert_eq!((config.most_events(&Settings::default()), config.most_events(&own)), (100, 0));
        let own_others = Settings {
            max_transactions_per_5m: Some(7),
            max_sessions_per_5m: Some(8),
            ..Settings::default()
        };
        assert_eq!((config.most_transactions(&own_others), config.most_sessions(&own_others)), (7, 8));
        assert_eq!((config.most_transactions(&own), config.most_sessions(&own)), (0, 0));
        assert_eq!(config.retention_seconds(&own), 7 * 86_400);
        assert_eq!(config.retention_seconds(&Settings::default()), 90 * 86_400);
    }
}
