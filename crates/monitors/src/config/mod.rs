//! What can be defined in files, as written there.
//!
//! Each kind of table is a struct; what belongs to one type of check or monitor only is optional in it, and
//! `problems` tells where it stands with another.

mod check;
mod estate;
mod monitor;
mod service;

pub use check::{CheckConfig, CheckType};
pub use estate::{
    ContactConfig, DependencyConfig, DowntimeConfig, EscalationConfig, HostConfig, PassiveResults,
    TimePeriodConfig,
};
pub use monitor::{MonitorConfig, MonitorKind};
pub use service::ServiceConfig;

/// All that is defined, from files and from the state database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    pub monitors: Vec<MonitorConfig>,
    pub checks: Vec<CheckConfig>,
    pub hosts: Vec<HostConfig>,
    pub contacts: Vec<ContactConfig>,
    pub time_periods: Vec<TimePeriodConfig>,
    pub escalations: Vec<EscalationConfig>,
    pub dependencies: Vec<DependencyConfig>,
    pub downtimes: Vec<DowntimeConfig>,
    pub services: Vec<ServiceConfig>,
}
