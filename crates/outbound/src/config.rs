//! `[egress]`

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What may be reached by checks and webhooks, beside the built-in rules ([`crate::rules`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgressConfig {
    /// Networks that may be called though the built-in rules or a wider `deny` forbid it.
    pub allow: Vec<IpNet>,
    /// Networks that are never called, unless a smaller one in `allow` holds the address.
    pub deny: Vec<IpNet>,
}
