//! `[incidents]` and `[[environment]]`.

use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

use crate::limits::{MAX_GROUP_SECONDS, MAX_REOPEN_SECONDS, MAX_TOLD_BEFORE_SECONDS};
use crate::night::Night;

/// `[incidents]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IncidentsConfig {
    /// Who is told of what names no contacts.
    pub contacts: Vec<String>,
    /// By which policy goes what names neither a policy nor contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_policy: Option<String>,
    /// WARNING and UNKNOWN page too, not only CRITICAL and DOWN.
    pub page_warnings: bool,
    /// What is not production pages too.
    pub page_non_production: bool,
    /// The hours in which people sleep, by their own clocks: `22:00-07:00`, or `off`.
    pub night: String,
    /// What rings at night.
    pub night_pages: NightPages,
    /// What has no owner or no playbook waits for the morning, however bad it is.
    pub require_owner_and_playbook_at_night: bool,
    /// So long before a turn begins, whoever's it is hears of it. Zero: nobody does.
    pub told_before: HumanDuration,
    /// What is bad again so soon after the end of its incident opens that one again. Zero: never.
    pub reopen_within: HumanDuration,
    /// What goes bad within so long of what it belongs to is of the same incident. Zero: one reason is one incident.
    pub group_window: HumanDuration,
}

/// What rings at night; the rest waits for the morning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NightPages {
    /// CRITICAL and DOWN of production.
    #[default]
    Critical,
    /// All that pages by day.
    All,
}

impl Default for IncidentsConfig {
    fn default() -> IncidentsConfig {
        IncidentsConfig {
            escalation_policy: None,
            contacts: Vec::new(),
            page_warnings: false,
            page_non_production: false,
            night: "22:00-07:00".to_owned(),
            night_pages: NightPages::Critical,
            require_owner_and_playbook_at_night: false,
            told_before: HumanDuration(Duration::from_secs(86_400)),
            reopen_within: HumanDuration(Duration::from_secs(600)),
            group_window: HumanDuration(Duration::from_secs(120)),
        }
    }
}

impl IncidentsConfig {
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        problems.extend(Night::read(&self.night).err().map(|why| ("night", why)));
        if self.told_before.0.as_secs() > MAX_TOLD_BEFORE_SECONDS.unsigned_abs() {
            problems.push(("told_before", "it is two weeks at most: who hears earlier forgets it".into()));
        }
        if self.reopen_within.0.as_secs() > MAX_REOPEN_SECONDS.unsigned_abs() {
            problems.push((
                "reopen_within",
                "it is an hour at most: what comes later is another incident".into(),
            ));
        }
        if self.group_window.0.as_secs() > MAX_GROUP_SECONDS.unsigned_abs() {
            problems.push(("group_window", "it is an hour at most, and a minute or two is usual".into()));
        }
        problems
    }
}

/// `[[environment]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentConfig {
    pub name: String,
    /// Sought in the names of monitors and instances. A tag `env` or `environment` goes before it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pattern: String,
    pub production: bool,
}

impl EnvironmentConfig {
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.name.is_empty() {
            problems.push(("name", "an environment needs a name, such as \"staging\"".into()));
        }
        if let Err(error) = Regex::new(&self.pattern) {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim();
            problems.push(("pattern", format!("`{}` is not a regular expression: {why}", self.pattern)));
        }
        problems
    }
}

/// Names of environments that serve users, unless a table says otherwise.
const PRODUCTION_NAMES: [&str; 3] = ["production", "prod", "live"];

/// Tells what is production.
#[derive(Clone, Debug, Default)]
pub struct Environments(Vec<(String, Option<Regex>, bool)>);

impl Environments {
    pub fn new(configs: &[EnvironmentConfig]) -> Environments {
        let read = |config: &EnvironmentConfig| {
            // What is no pattern has been refused by `problems`.
            let pattern = (!config.pattern.is_empty()).then(|| Regex::new(&config.pattern).ok()).flatten();
            (config.name.clone(), pattern, config.production)
        };
        Environments(configs.iter().map(read).collect())
    }

    pub fn is_production(&self, monitor: &str, instance: &str) -> bool {
        self.of(monitor, instance).1
    }

    /// The environment's name, if one is known, and whether it is production. By the tag of the series first, then by
    /// the first pattern that is found in either name; what nothing is said of is production.
    pub fn of<'n>(&'n self, monitor: &str, instance: &'n str) -> (Option<&'n str>, bool) {
        if let Some(tag) = tag(instance) {
            let named = self.0.iter().find(|(name, ..)| name.eq_ignore_ascii_case(tag));
            let production = named.map_or_else(
                || PRODUCTION_NAMES.iter().any(|name| name.eq_ignore_ascii_case(tag)),
                |(_, _, production)| *production,
            );
            return (Some(tag), production);
        }
        let by_pattern = self.0.iter().find(|(_, pattern, _)| {
            pattern.as_ref().is_some_and(|pattern| pattern.is_match(instance) || pattern.is_match(monitor))
        });
        by_pattern.map_or((None, true), |(name, _, production)| (Some(name.as_str()), *production))
    }
}

fn tag(series: &str) -> Option<&str> {
    let tags = series.split(';').skip(1).filter_map(|tag| tag.split_once('='));
    tags.filter(|(key, _)| matches!(*key, "env" | "environment")).map(|(_, value)| value).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_goes_before_a_pattern_and_the_rest_is_production() {
        let table = |name: &str, pattern: &str, production| EnvironmentConfig {
            name: name.into(),
            pattern: pattern.into(),
            production,
        };
        let tables = [table("staging", "^stage\\.|-stage$", false), table("canary", "canary", true)];
        let environments = Environments::new(&tables);
        let check = |monitor: &str, instance: &str, production: bool| {
            assert_eq!(environments.is_production(monitor, instance), production, "{monitor} {instance}");
        };
        check("m", "stage.web.cpu", false);
        check("web-stage", "", false);
        check("m", "web.cpu", true);
        check("m", "stage.web.cpu;env=prod", true);
        check("m", "web.cpu;environment=Production", true);
        check("m", "web.cpu;env=test", false);
        check("m", "web.cpu;env=canary", true);
        check("canary-stage", "x", false);
        assert!(Environments::default().is_production("stage", "x"));
        assert_eq!(table("", "(", false).problems().len(), 2);
        assert!(tables.iter().all(|table| table.problems().is_empty()));
    }
}
