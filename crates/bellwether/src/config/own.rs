//! `[self]`: what this server keeps of itself, and who outside hears that it is alive.

use outbound::{Secret, Url};
use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

/// More often is no news; more seldom, and whoever waits for it hears of our end too late.
const HEARTBEAT_INTERVAL_MIN: HumanDuration = HumanDuration::from_secs(1);
const HEARTBEAT_INTERVAL_MAX: HumanDuration = HumanDuration::from_secs(3_600);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelfConfig {
    /// Own numbers under `bellwether.`
    pub series: bool,
    /// Own parts that are in trouble open incidents.
    pub monitors: bool,
    /// Called for as long as the pager works. The address is the only key to it, so it is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_url: Option<Secret>,
    pub heartbeat_interval: HumanDuration,
}

impl Default for SelfConfig {
    fn default() -> Self {
        SelfConfig {
            series: true,
            monitors: true,
            heartbeat_url: None,
            heartbeat_interval: HumanDuration::from_secs(60),
        }
    }
}

impl SelfConfig {
    /// Everything wrong, as (key, what and how to mend it).
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if let Some(url) = &self.heartbeat_url
            && Url::parse(&url.0).is_err()
        {
            // It is not repeated: it may hold a secret.
            let cure = "this is not an address to call: write it as \"https://example.org/ping/UUID\"";
            problems.push(("heartbeat_url", cure.to_owned()));
        }
        if !(HEARTBEAT_INTERVAL_MIN..=HEARTBEAT_INTERVAL_MAX).contains(&self.heartbeat_interval) {
            problems.push((
                "heartbeat_interval",
                format!("{} is not between 1 s and 1 h: write \"1min\"", self.heartbeat_interval),
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_called_is_told_without_repeating_it() {
        let bad = SelfConfig {
            heartbeat_url: Some(Secret("ftp://u:geheim@x".into())),
            heartbeat_interval: HumanDuration::from_millis(20),
            ..SelfConfig::default()
        };
        let problems = bad.problems();
        assert_eq!(
            problems.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
            ["heartbeat_url", "heartbeat_interval"]
        );
        assert!(problems.iter().all(|(_, why)| !why.contains("geheim")), "{problems:?}");
        assert!(!format!("{bad:?}").contains("geheim"));
        let good = Some(Secret("http://127.0.0.1:8080/ping/2f1b7a4e".into()));
        assert_eq!(SelfConfig { heartbeat_url: good, ..SelfConfig::default() }.problems(), []);
    }
}
