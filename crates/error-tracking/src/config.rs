//! `[errors]`.

use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

/// `[errors]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorsConfig {
    /// What one project may send; clients are told to wait beyond it. 0: no limit.
    pub max_events_per_project_per_5m: u64,
    /// How long bodies of events are kept, where a project says nothing else. Counts are kept for ever.
    pub retention: HumanDuration,
}

impl Default for ErrorsConfig {
    fn default() -> ErrorsConfig {
        ErrorsConfig { max_events_per_project_per_5m: 0, retention: HumanDuration::from_secs(90 * 86_400) }
    }
}

impl ErrorsConfig {
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        match self.retention.0.as_secs() {
            0..86_400 => vec![("retention", "it is a day at least: write \"1d\" or more".into())],
            _ => Vec::new(),
        }
    }
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
}
