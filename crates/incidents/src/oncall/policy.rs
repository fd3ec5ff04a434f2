//! `[[escalation_policy]]`: whom to reach, after how long without an acknowledgement whom next, and what is wrong with one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::time::HumanDuration;

use crate::limits::{
    MAX_ONCALL_NAME, MAX_POLICY_STEPS, MAX_REPEATS, MAX_STEP_TARGETS, MAX_STEP_WAIT_SECONDS,
};

/// `[[escalation_policy]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    pub name: String,
    /// How often it begins again when nobody has acknowledged by its end.
    pub repeat: u32,
    /// Acknowledged for so long and still bad: it begins again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_timeout: Option<HumanDuration>,
    pub step: Vec<StepConfig>,
}

/// `[[escalation_policy.step]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepConfig {
    /// `schedule:web`, `person:ana` or `ana`, `team:web`, `channel:chat`.
    pub notify: Vec<String>,
    /// How long it has until the next step runs.
    pub wait: HumanDuration,
    /// One of them all, another one for each incident.
    pub round_robin: bool,
    /// A time period outside of which the step is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_time: Option<String>,
    /// `> 5 in 10m`: left out unless more incidents than that have opened in that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_if: Option<String>,
}

/// Whom a step tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Schedule(Arc<str>),
    Person(Arc<str>),
    Team(Arc<str>),
    Channel(Arc<str>),
}

impl Target {
    pub fn read(text: &str) -> Target {
        let text = text.trim();
        let (kind, name) = text.split_once(':').unwrap_or(("", text));
        let name = Arc::from(name.trim());
        match kind {
            "schedule" => Target::Schedule(name),
            "team" => Target::Team(name),
            "channel" => Target::Channel(name),
            "person" | "" => Target::Person(name),
            // A contact may have a colon in its name.
            _ => Target::Person(Arc::from(text)),
        }
    }

    fn name(&self) -> &str {
        match self {
            Target::Schedule(name) | Target::Person(name) | Target::Team(name) | Target::Channel(name) => {
                name
            }
        }
    }

    pub fn is_channel(&self) -> bool {
        matches!(self, Target::Channel(_))
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Schedule(name) => write!(f, "schedule `{name}`"),
            Target::Person(name) => write!(f, "`{name}`"),
            Target::Team(name) => write!(f, "team `{name}`"),
            Target::Channel(name) => write!(f, "channel `{name}`"),
        }
    }
}

/// More incidents than this in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    pub more_than: usize,
    pub seconds: i64,
}

/// A window that is longer tells of nothing that is going on now.
const LONGEST_BURST_SECONDS: i64 = 86_400;

impl Burst {
    pub fn read(text: &str) -> Result<Burst, String> {
        let wrong = || {
            format!("`{text}` is no condition: write \"> 5 in 10m\", for more than 5 incidents in 10 minutes")
        };
        let (count, time) =
            text.trim().strip_prefix('>').and_then(|rest| rest.split_once(" in ")).ok_or_else(wrong)?;
        let more_than = count.trim().parse().map_err(|_| wrong())?;
        let seconds = seconds(time.trim().parse::<HumanDuration>()?);
        match (1..=LONGEST_BURST_SECONDS).contains(&seconds) {
            true => Ok(Burst { more_than, seconds }),
            false => Err(format!("`{text}`: the time is from a second to a day")),
        }
    }
}

pub(crate) fn seconds(duration: HumanDuration) -> i64 {
    i64::try_from(duration.0.as_secs()).unwrap_or(i64::MAX)
}

impl StepConfig {
    pub fn targets(&self) -> Vec<Target> {
        self.notify.iter().map(|text| Target::read(text)).collect()
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.notify.is_empty() {
            problems
                .push(("notify", "a step tells somebody: name a schedule, a person or a team".to_owned()));
        }
        if self.notify.len() > MAX_STEP_TARGETS {
            problems.push(("notify", format!("a step names {MAX_STEP_TARGETS} at most")));
        }
        if self.targets().iter().any(|target| target.name().is_empty()) {
            problems.push((
                "notify",
                "a name is empty: write \"schedule:web\", \"ana\", \"team:web\" or \"channel:chat\"".into(),
            ));
        }
        if !(1..=MAX_STEP_WAIT_SECONDS).contains(&seconds(self.wait)) {
            problems.push(("wait", "a step waits from \"1s\" to \"24h\" for somebody to acknowledge".into()));
        }
        problems.extend(
            self.only_if.as_deref().and_then(|text| Burst::read(text).err()).map(|why| ("only_if", why)),
        );
        problems
    }
}

impl PolicyConfig {
    /// As (key below the table, what is wrong and how to mend it).
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push(("name".to_owned(), "a policy needs a name, such as \"web\"".to_owned()));
        }
        if self.name.len() > MAX_ONCALL_NAME || self.name.contains(['/', ':', '\n']) {
            problems.push((
                "name".into(),
                format!("a name has {MAX_ONCALL_NAME} bytes at most, and no `/` and `:` in it"),
            ));
        }
        if self.repeat > MAX_REPEATS {
            problems.push(("repeat".into(), format!("it repeats {MAX_REPEATS} times at most")));
        }
        if self.ack_timeout.is_some_and(|timeout| seconds(timeout) < 1) {
            problems.push(("ack_timeout".into(), "it is a second at least; leave it out for none".into()));
        }
        if self.step.is_empty() {
            problems
                .push(("name".into(), "a policy needs a step: write an [[escalation_policy.step]]".into()));
        }
        if self.step.len() > MAX_POLICY_STEPS {
            problems.push(("step".into(), format!("a policy has {MAX_POLICY_STEPS} steps at most")));
        }
        for (index, step) in self.step.iter().enumerate() {
            let found = step.problems().into_iter();
            problems.extend(found.map(|(key, why)| (format!("step.{index}.{key}"), why)));
        }
        let mut targets = self.step.iter().flat_map(StepConfig::targets);
        if !self.step.is_empty() && targets.all(|target| target.is_channel()) {
            let why = "no step tells a person: a room may be empty at night, so name a schedule, a person or a team";
            problems.push(("step.0.notify".into(), why.into()));
        }
        problems
    }

    /// Of what is not there, with the key: schedules, channels and time periods by whether they are known.
    pub fn unknown(
        &self,
        schedule: impl Fn(&str) -> bool,
        channel: impl Fn(&str) -> bool,
        period: impl Fn(&str) -> bool,
    ) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for (index, step) in self.step.iter().enumerate() {
            let known = |target: &Target| match target {
                Target::Schedule(name) => schedule(name),
                Target::Channel(name) => channel(name),
                // People and teams may be those of accounts, which no file knows.
                Target::Person(_) | Target::Team(_) => true,
            };
            let unknown = step.targets().into_iter().filter(|target| !known(target));
            problems.extend(unknown.map(|target| {
                let table = if target.is_channel() { "channel" } else { "schedule" };
                (format!("step.{index}.notify"), format!("there is no {target}: define it as a [[{table}]]"))
            }));
            if let Some(name) = step.if_time.as_deref().filter(|name| !period(name)) {
                let why = format!("there is no time period `{name}`: define it as a [[time_period]]");
                problems.push((format!("step.{index}.if_time"), why));
            }
        }
        problems
    }
}
