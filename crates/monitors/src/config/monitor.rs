//! `[[monitor]]`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MonitorKind {
    #[default]
    Metric,
    Heartbeat,
    Errors,
}

/// What the state of a metric becomes when no points come any more. Never OK: a series that vanished resolves
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// It stays what it was.
    #[default]
    Keep,
    /// What was OK becomes UNKNOWN.
    Unknown,
    Warning,
    Critical,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorConfig {
    pub name: String,
    pub kind: MonitorKind,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,

    // metric
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Such as `> 300`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<String>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<HumanDuration>,
    /// Further targets, by the names that conditions call them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<String, String>,
    /// What must hold for a warning to end; default: that its condition does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_recover: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical_recover: Option<String>,
    /// How long it must have been over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recover_for: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_after: Option<HumanDuration>,
    /// How long late points are waited for; default: as long as they are seen to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<HumanDuration>,
    /// Counters of job queues, such as `stats.counters.jobs.**`: each queue is an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funnel: Option<String>,
    /// Such as `99.9%`, of the series `good` or `bad`, and `total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// What the budget of the objective is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective_period: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_events: Option<f64>,

    // heartbeat
    /// A cron expression, or one of systemd's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace: Option<HumanDuration>,
    /// Of the schedule; default: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The last part of `/ping/<key>/<slug>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The last part of `/ping/<uuid>`; default: one is made and kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,

    // errors
    /// The name of a project, with `*` for anything, as below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Such as `new` or `events > 100 in 5m`; each is told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Such as `browser=Firefox*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

pub(crate) fn keys_of_metrics(monitor: &MonitorConfig) -> [(&'static str, bool); 15] {
    [
        ("target", monitor.target.is_some()),
        ("warning", monitor.warning.is_some()),
        ("critical", monitor.critical.is_some()),
        ("for", monitor.lasting.is_some()),
        ("series", !monitor.series.is_empty()),
        ("warning_recover", monitor.warning_recover.is_some()),
        ("critical_recover", monitor.critical_recover.is_some()),
        ("recover_for", monitor.recover_for.is_some()),
        ("missing", monitor.missing.is_some()),
        ("missing_after", monitor.missing_after.is_some()),
        ("lag", monitor.lag.is_some()),
        ("funnel", monitor.funnel.is_some()),
        ("objective", monitor.objective.is_some()),
        ("objective_period", monitor.objective_period.is_some()),
        ("minimum_events", monitor.minimum_events.is_some()),
    ]
}

/// Those that are set belong to another kind.
pub(crate) fn misplaced(keys: &[(&'static str, bool)], kind: &str) -> Vec<(&'static str, String)> {
    let told = |key| (key, format!("this is of kind = \"{kind}\" only: leave it out"));
    keys.iter().filter(|(_, set)| *set).map(|(key, _)| told(*key)).collect()
}
