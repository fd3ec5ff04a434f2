//! `[[service]]`: what the site is made of, ours and theirs.

use serde::{Deserialize, Serialize};

/// Lists of checks, monitors and hosts are names or globs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// Unique.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// Such as `99.9 % over 30d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// Run by others: when it fails, it is not us.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Where it tells of itself, such as a status page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Other services that this one cannot do without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,

    /// Patterns of names that its series begin with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// In trouble, it is down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub availability: Vec<String>,
    /// In trouble, it is too slow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<String>,
    /// In trouble, it does not do all that it should. A monitor that names the service itself is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub function: Vec<String>,
}
