//! `[[check]]`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

/// Where the results of a check come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckType {
    #[default]
    Plugin,
    Passive,
    Nrpe,
    Http,
    Tcp,
}

/// A knob that is not set has Nagios's default, which its reader applies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckConfig {
    /// Unique; imports name checks `host/service`.
    pub name: String,
    pub host: String,
    /// Default: the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(rename = "type")]
    pub kind: CheckType,
    /// The program and its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Macros `$ARG1$` and so on of the command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// Macros `$_SERVICENAME$`.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volatile: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_interval: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_notification_delay: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_period: Option<String>,
    /// `["w", "u", "c", "r", "f", "s"]`, or `["n"]` for none.
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
    /// The state of a result that did not come in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_status: Option<u8>,
    /// One command, run when the state changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_handler: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Evaluated and recorded, tells nobody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,

    // nrpe, tcp, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nrpe_version: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
}
