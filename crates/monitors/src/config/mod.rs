//! What can be defined in files, as written there.
//!
//! Each kind of table is a struct; what belongs to one type of check or monitor only is optional in it, and
//! `problems` tells where it stands with another.

mod check;
mod estate;
mod hidden;
mod monitor;
mod problems;
mod service;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

pub use check::{CheckConfig, CheckType, StepConfig, ThresholdConfig};
pub use estate::{
    ContactConfig, DependencyConfig, DowntimeConfig, EscalationConfig, HostConfig, PassiveResults,
    TimePeriodConfig,
};
pub use monitor::{Missing, MonitorConfig, MonitorKind};
pub(crate) use monitor::{keys_of_metrics, misplaced};
pub use problems::{ALWAYS, MAX_NAME_BYTES, NO_CALENDAR, is_calendar};
pub use service::ServiceConfig;

/// `[monitors]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorsConfig {
    /// Results, notices, and what was imported of the past.
    pub keep_history: HumanDuration,
}

impl Default for MonitorsConfig {
    /// A year, and what one looks back at from its end.
    fn default() -> Self {
        MonitorsConfig { keep_history: HumanDuration::from_secs(400 * DAY_SECONDS) }
    }
}

impl MonitorsConfig {
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let days = self.keep_history.0.as_secs() / DAY_SECONDS;
        let fits = (1..=MOST_DAYS_KEPT).contains(&days);
        let why = || format!("must be from 1d to {MOST_DAYS_KEPT}d");
        (!fits).then(|| ("keep_history", why())).into_iter().collect()
    }
}

const DAY_SECONDS: u64 = 86_400;
/// A century: what is meant for ever.
const MOST_DAYS_KEPT: u64 = 36_500;

/// All that is defined, from files and from the state database. Read and written under the names of PRODUCT.md.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Definitions {
    #[serde(rename = "monitor", skip_serializing_if = "Vec::is_empty")]
    pub monitors: Vec<MonitorConfig>,
    #[serde(rename = "check", skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckConfig>,
    #[serde(rename = "host", skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostConfig>,
    #[serde(rename = "contact", skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ContactConfig>,
    #[serde(rename = "time_period", skip_serializing_if = "Vec::is_empty")]
    pub time_periods: Vec<TimePeriodConfig>,
    #[serde(rename = "escalation", skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<EscalationConfig>,
    #[serde(rename = "dependency", skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<DependencyConfig>,
    #[serde(rename = "downtime", skip_serializing_if = "Vec::is_empty")]
    pub downtimes: Vec<DowntimeConfig>,
    #[serde(rename = "service", skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceConfig>,
}

impl Definitions {
    /// Everything wrong with them, as (key, what is wrong and how to mend it); `check.3.host` is the key `host` of
    /// the fourth check.
    pub fn problems(&self) -> Vec<(String, String)> {
        problems::problems(self)
    }

    /// What can be read and is hardly meant, alike.
    pub fn doubts(&self) -> Vec<(String, String)> {
        let of_monitor = |(index, monitor): (usize, &MonitorConfig)| {
            let doubts = crate::kinds::metric::doubts(monitor).into_iter();
            doubts.map(move |(key, why)| (format!("monitor.{index}.{key}"), why))
        };
        let mut doubts: Vec<_> = self.monitors.iter().enumerate().flat_map(of_monitor).collect();
        doubts.extend(self.contacts_elsewhere());
        doubts.extend(self.contacts_without_time());
        doubts.extend(self.checks_that_tell_nobody());
        doubts
    }

    /// Whose time never begins, which some write for whoever is to be told of nothing.
    fn contacts_without_time(&self) -> impl Iterator<Item = (String, String)> {
        self.contacts.iter().enumerate().filter_map(|(index, contact)| {
            let period = contact.notification_period.as_deref().filter(|name| self.is_never(name))?;
            let why = format!(
                "`{period}` has no times, so `{}` is told of nothing: those of [incidents] contacts are, where nobody else is named",
                contact.name
            );
            Some((format!("contact.{index}.notification_period"), why))
        })
    }

    fn is_never(&self, period: &str) -> bool {
        self.time_periods.iter().any(|one| one.name == period && one.ranges.is_empty())
    }

    /// Checks tell by their own rules, as Nagios's do: where these leave out all whom they name, nobody stands in.
    fn checks_that_tell_nobody(&self) -> impl Iterator<Item = (String, String)> {
        let is_deaf = |contact: &&ContactConfig| {
            let options = contact.check_notification_options.as_ref();
            contact.notifications_enabled == Some(false)
                || options.is_some_and(|options| !options.iter().any(|option| option == "c"))
                || contact.notification_period.as_deref().is_some_and(|name| self.is_never(name))
        };
        let deaf: HashSet<&str> =
            self.contacts.iter().filter(is_deaf).map(|contact| contact.name.as_str()).collect();
        self.checks.iter().enumerate().filter_map(move |(index, check)| {
            let contacts = check.contacts.as_ref().filter(|contacts| !contacts.is_empty())?;
            let why = format!(
                "all of `{}` leave out CRITICAL, or are never told: of `{}` nobody is told, as in Nagios",
                contacts.join("`, `"),
                check.name
            );
            let is_deaf = contacts.iter().all(|name| deaf.contains(name.as_str()));
            is_deaf.then(|| (format!("check.{index}.contacts"), why))
        })
    }

    /// Whom monitors name and no file defines: people of the pages, perhaps.
    fn contacts_elsewhere(&self) -> impl Iterator<Item = (String, String)> {
        let defined: HashSet<&str> = self.contacts.iter().map(|contact| contact.name.as_str()).collect();
        let named = self.monitors.iter().enumerate().flat_map(|(index, monitor)| {
            let named = monitor.contacts.iter().flatten().enumerate();
            named.map(move |(position, name)| (format!("monitor.{index}.contacts.{position}"), name))
        });
        named.filter(move |(_, name)| !defined.contains(name.as_str())).map(|(key, name)| {
            let why = format!(
                "there is no [[contact]] `{name}`: unless somebody of that name signs in and has ways of their own, those of [incidents] contacts are told where nobody else is named"
            );
            (key, why)
        })
    }
}
