//! What checks belong to and who is told: `[[host]]`, `[[contact]]`, `[[time_period]]`, `[[escalation]]`,
//! `[[dependency]]`, `[[downtime]]`.

use std::collections::BTreeMap;

use outbound::Secret;
use serde::{Deserialize, Serialize};
use vocabulary::reach::ReachRule;
use vocabulary::time::HumanDuration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PassiveResults {
    Soft,
    /// As Nagios does.
    #[default]
    Hard,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// The check of the host itself; without one its results are passive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// Macros `$_HOSTNAME$`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_interval: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_check_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_period: Option<String>,
    pub passive_results: PassiveResults,
    /// Parents that are not up turn a passive DOWN into UNREACHABLE, as they do with an active one. Nagios's
    /// `translate_passive_host_checks`, which is off there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translate_passive_results: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_interval: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_notification_delay: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_period: Option<String>,
    /// `["d", "u", "r", "f", "s"]`, or `["n"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_options: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flap_detection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_flap_threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_flap_threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flap_detection_options: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness_threshold: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_status: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_handler: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_policy: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactConfig {
    pub name: String,
    /// Names of `[[channel]]`; `log` always exists and sends nothing.
    pub channels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_notification_options: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_notification_options: Option<Vec<String>>,
    /// Of checks and hosts, unless the next says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_notification_period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where this person lives: what is night to them. Default: the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// In the form of +491701234567.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The number of a chat with the bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telegram: Option<String>,
    /// The contact's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushover: Option<String>,
    /// A topic that the contact's telephone listens to: whoever knows it reads along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ntfy: Option<Secret>,
    /// Who this is in Slack: `U…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack_user: Option<String>,
    /// Where this person's absences stand: the address of a calendar (iCalendar), or a file with its whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Secret>,
    /// By which channel first, by which when there is no answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<ReachRule>,
}

/// `24x7` is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimePeriodConfig {
    pub name: String,
    /// Nagios's own lines, such as `monday 09:00-17:00`; none of them: never.
    pub ranges: Vec<String>,
    /// Other periods that are taken out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The zone that the lines are in; default: the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// Nagios's kind: while it applies, its contacts stand in the place of the check's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EscalationConfig {
    /// Of a check, or of a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    pub first_notification: u32,
    /// 0: no end.
    pub last_notification: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_interval: Option<HumanDuration>,
    pub contacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// Of a check on a check, or of a host on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DependencyConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependent_check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependent_host: Option<String>,
    /// States of the master (`o w u c p`, `o d u p`) in which the dependent's notices are held back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notification_failure: Vec<String>,
    /// … in which the dependent is not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub execution_failure: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inherits_parent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// Planned time that comes again and again; a single one is made through the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DowntimeConfig {
    pub name: String,
    /// Names or globs of checks, hosts (with their checks) and monitors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub monitors: Vec<String>,
    /// As in a time period, such as `sunday 02:00-04:00`.
    pub ranges: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    pub comment: String,
}
