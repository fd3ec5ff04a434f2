//! `[checks]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

use super::macros::{MOST_ARGUMENTS, MOST_USERS};
use super::nrpe;
use crate::config::{CheckConfig, CheckType};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChecksConfig {
    /// How many run at once. One host has a quarter of them at most.
    pub max_concurrent: usize,
    /// How long a check of a service, and of a host, may take before its process group is killed; Nagios's own.
    pub timeout: HumanDuration,
    pub host_timeout: HumanDuration,
    /// Where programs without a path are looked for, and the `PATH` that they see.
    pub path: String,
    /// Also give the macros as `NAGIOS_…` variables.
    pub environment_macros: bool,
    /// `$USER1$` and so on.
    pub macros: BTreeMap<String, String>,
    /// Run the `event_handler` of checks and hosts.
    pub event_handlers: bool,
    pub event_handler_timeout: HumanDuration,
    /// A named pipe that takes Nagios's external commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_pipe: Option<PathBuf>,
}

impl Default for ChecksConfig {
    fn default() -> Self {
        ChecksConfig {
            max_concurrent: 256,
            timeout: HumanDuration::from_secs(60),
            host_timeout: HumanDuration::from_secs(30),
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/nagios/plugins"
                .into(),
            environment_macros: false,
            macros: BTreeMap::from([("USER1".into(), "/usr/lib/nagios/plugins".into())]),
            event_handlers: false,
            event_handler_timeout: HumanDuration::from_secs(30),
            command_pipe: None,
        }
    }
}

/// A check that takes longer is a job, and has a heartbeat.
const LONGEST_TIMEOUT_SECONDS: u64 = 3_600;
/// Each costs a process, three pipes and some kilobytes; beyond this file descriptors run out first.
const MOST_CONCURRENT: usize = 10_000;

impl ChecksConfig {
    /// What is wrong although each value by itself can be read.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !(1..=MOST_CONCURRENT).contains(&self.max_concurrent) {
            let why = format!(
                "must be between 1 and {MOST_CONCURRENT}; a check with `type = \"passive\"` is never run"
            );
            problems.push(("max_concurrent", why));
        }
        let timeouts = [
            ("timeout", self.timeout),
            ("host_timeout", self.host_timeout),
            ("event_handler_timeout", self.event_handler_timeout),
        ];
        problems
            .extend(timeouts.into_iter().filter_map(|(key, timeout)| Some((key, timeout_problem(timeout)?))));
        if let Some(bad) = self.path.split(':').find(|folder| !folder.starts_with('/')) {
            problems.push(("path", format!("`{bad}` is not an absolute path; checks run in the folder /")));
        }
        if self.command_pipe.as_ref().is_some_and(|path| !path.is_absolute()) {
            let why = "write where the pipe is to be from the root on, such as \"/run/bellwether/command\"";
            problems.push(("command_pipe", why.into()));
        }
        let is_user = |name: &str| {
            let number = name.strip_prefix("USER").and_then(|number| number.parse().ok());
            number.is_some_and(|number: u16| (1..=MOST_USERS).contains(&number))
        };
        if let Some(name) = self.macros.keys().find(|name| !is_user(name)) {
            let why = format!(
                "`{name}` is not one of USER1 to USER256; values of one check go in its `variables`, as `$_SERVICENAME$`"
            );
            problems.push(("macros", why));
        }
        problems
    }
}

/// What is wrong with the keys of a check that this kind knows.
pub fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let timeout = check.timeout.and_then(timeout_problem).map(|why| ("timeout", why));
    let nrpe = if check.kind == CheckType::Nrpe { nrpe::problems(check) } else { Vec::new() };
    let most = check.arguments.len() > MOST_ARGUMENTS;
    let most = most.then(|| ("arguments", format!("there are $ARG1$ to $ARG{MOST_ARGUMENTS}$")));
    timeout.into_iter().chain(nrpe).chain(most).collect()
}

fn timeout_problem(timeout: HumanDuration) -> Option<String> {
    let fits = !timeout.0.is_zero() && timeout.0.as_secs() <= LONGEST_TIMEOUT_SECONDS;
    (!fits).then(|| format!("must be more than 0s and at most {LONGEST_TIMEOUT_SECONDS}s, such as \"10s\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_no_problem_and_bad_values_are_named() {
        assert_eq!(ChecksConfig::default().problems(), []);
        let bad = ChecksConfig {
            max_concurrent: 0,
            timeout: HumanDuration::from_secs(0),
            host_timeout: HumanDuration::from_secs(1_000_000),
            path: "/bin:bin".into(),
            command_pipe: Some("command".into()),
            macros: BTreeMap::from([("USER257".into(), String::new())]),
            ..Default::default()
        };
        let keys: Vec<_> = bad.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["max_concurrent", "timeout", "host_timeout", "path", "command_pipe", "macros"]);
    }
}
