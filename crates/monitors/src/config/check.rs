//! `[[check]]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use outbound::Secret;
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
    Tls,
    Dns,
    Icmp,
    Ssh,
    Smtp,
    Process,
    Systemd,
    File,
    Sql,
    Redis,
    Resque,
    Mongodb,
    Sqs,
    Graphite,
    Job,
}

/// When a value is bad: `> 300`, or a range as plugins write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThresholdConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<String>,
}

/// One request of a `job`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepConfig {
    pub name: String,
    /// May hold `{variable}`, as headers and body may.
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<String>,
    /// Variables for the steps that follow, from the answer: name to JSON path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keep: BTreeMap<String, String>,
    /// Asks what makes the activity, not what is watched: when it fails, nothing is known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub generator: bool,
    /// Asks again until it is as it should be, for at most so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<HumanDuration>,
}

/// A knob that is not set has Nagios's default, which its reader applies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckConfig {
    /// Unique; imports name checks `host/service`.
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
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

    // Of built-in checks; `kinds/probe` says which type takes which.
    /// Of the main value of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<String>,
    /// Of other values, by their labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, ThresholdConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A file whose first line is the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Whom to trust instead of whom the machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Of certificates; default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<bool>,
    /// The name that a certificate has to be for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_name: Option<String>,
    /// Instead of where the URL says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Expected: `200`, `200-299`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// All of these have to be in what comes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_contains: Vec<String>,
    /// Regular expressions, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// Conditions such as `$.queue.length < 100`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<String>,
    /// Numbers in a JSON body that become values: label to path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Read the body as a report of sub-checks; default: when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirects: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
    /// The name server that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls: Option<bool>,
    /// The name of a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// A regular expression, searched in the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pidfile: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// A file, or a pattern of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_ok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Keys whose lengths are values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<HumanDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reduce: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepConfig>,
}

impl CheckConfig {
    /// One look can see several things: the sub-checks of a health report, the members of a replica set, the alerts
    /// that Grafana sends.
    pub fn sees_parts(&self) -> bool {
        match self.kind {
            CheckType::Http => self.health != Some(false),
            CheckType::Mongodb | CheckType::Passive => true,
            _ => false,
        }
    }
}
