//! Checks and hosts tried on their past: what was kept here and what archives hold, by the rules as they are or as they
//! would be. `monitor_test` asks for it where no monitor is called so.

use std::collections::BTreeSet;

use monitors::config::Definitions;
use monitors::machine::ObjectName;
use monitors::replay::checks::{self, Question, ReplayedChecks};
use monitors::replay::{self, Comparison};
use serde::Serialize;
use vocabulary::Timestamp;
use vocabulary::ports::QueryLimits;

use crate::answer::{Answer, Problem};
use crate::services::Services;

/// As a monitor's answer, with the notices, and beside them what was really sent.
#[derive(Serialize)]
pub struct CheckTestAnswer {
    rule: String,
    now: i64,
    milliseconds: f64,
    sentence: String,
    #[serde(flatten)]
    replay: ReplayedChecks,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<ReplayedChecks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_sentence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
}

pub struct Asked {
    /// A check, a host, or a pattern with `*`; without one, what `definitions` defines.
    pub name: Option<String>,
    /// Tables in the place of those of the same name.
    pub definitions: Option<serde_json::Value>,
    /// Others, to be compared.
    pub compare: Option<serde_json::Value>,
    pub from: Timestamp,
    pub until: Timestamp,
}

pub fn answer(
    services: &Services,
    limits: &QueryLimits,
    current: &Definitions,
    asked: &Asked,
    now: Timestamp,
) -> Answer<CheckTestAnswer> {
    let started = std::time::Instant::now();
    let of = |key: &str, by: &Option<serde_json::Value>| {
        by.as_ref().map(|by| changed(current, by, key)).transpose()
    };
    let own = of("definitions", &asked.definitions)?;
    let other = of("compare", &asked.compare)?;
    let (rule, names) = names(current, asked, own.as_ref())?;
    let run = |definitions: &Definitions| {
        let question = Question { definitions, names: &names, from: asked.from, until: asked.until };
        let go_on = || limits.over().is_none();
        checks::replay(&question, &services.state, &services.monitors, &services.zone, &go_on)
            .map_err(|why| limits.over().map_or_else(|| Problem::bad_request(why), Problem::from))
    };
    let replay = run(own.as_ref().map_or(current, |(all, _)| all))?;
    let other = other.map(|(all, _)| run(&all)).transpose()?;
    Ok(CheckTestAnswer {
        rule,
        now: now.0,
        sentence: replay.sentence(),
        other_sentence: other.as_ref().map(ReplayedChecks::sentence),
        comparison: other.as_ref().map(|other| replay::compare(&replay.replay, &other.replay)),
        milliseconds: started.elapsed().as_secs_f64() * 1000.0,
        replay,
        other,
    })
}

/// The definitions with these in their place, and the names of these.
type Changed = (Definitions, BTreeSet<ObjectName>);

fn changed(current: &Definitions, by: &serde_json::Value, key: &str) -> Answer<Changed> {
    let by: Definitions = serde_json::from_value(by.clone())
        .map_err(|error| Problem::bad_request(format!("`{key}` is no set of definitions: {error}")))?;
    let names = by.checks.iter().map(|check| ObjectName::Check(check.name.clone()));
    let names = names.chain(by.hosts.iter().map(|host| ObjectName::Host(host.name.clone()))).collect();
    let all = checks::changed(current, by);
    let problems = all.problems();
    if problems.is_empty() {
        return Ok((all, names));
    }
    let lines: Vec<String> = problems.iter().map(|(place, why)| format!("{place}: {why}")).collect();
    Err(Problem::bad_request(lines.join("\n")))
}

fn names(
    current: &Definitions,
    asked: &Asked,
    own: Option<&Changed>,
) -> Answer<(String, BTreeSet<ObjectName>)> {
    let (rule, names) = match (&asked.name, own) {
        (Some(name), own) => (name.clone(), checks::named(own.map_or(current, |(all, _)| all), name)),
        (None, Some((_, names))) => {
            let first = names.iter().next().map(|name| match name {
                ObjectName::Check(name) | ObjectName::Host(name) | ObjectName::Instance(name, _) => {
                    name.clone()
                }
            });
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            (first.unwrap_or_default() + &more, names.clone())
        }
        (None, None) => return Err(Problem::bad_request("write `name`, `monitor` or `definitions`")),
    };
    if names.is_empty() {
        return Err(Problem::not_found(format!("there is no monitor, check or host `{rule}`"))
            .hint("name one that is defined (`*` stands for any text), or send a rule's keys as `monitor`, checks as `definitions`"));
    }
    Ok((rule, names))
}
