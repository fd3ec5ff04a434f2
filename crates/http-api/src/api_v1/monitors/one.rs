//! One monitor with its instances.

use ::monitors::history::Run;
use ::monitors::kinds::metric::doubts;
use ::monitors::look::Found;
use ::monitors::machine::{Kind, ObjectName};
use ::monitors::made::Definition;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::state::{StateType, Withheld};

use super::{MonitorRow, counted, give_playbooks, lacking, pages, policies, row, shown_to};
use crate::accounts::Caller;
use crate::answer::{Answer, Problem};
use crate::api_v1::watched::{self, Stretch, Window, word};
use crate::services::Services;

/// Instances of one answer; the worst first.
const MAX_INSTANCES: usize = 2_000;
/// Ribbons are read from the disk one by one.
const MAX_RIBBONS: usize = 50;

#[derive(Serialize, ToSchema)]
pub struct Monitor {
    now: i64,
    #[serde(flatten)]
    row: MonitorRow,
    /// As it would be written in a file, under the name of its table. Of a rule that is theirs in part only, they are told
    /// neither this nor `toml`: targets name others' series.
    #[schema(value_type = Object)]
    definition: Value,
    toml: String,
    /// Of what is made in the UI.
    version: Option<i64>,
    /// The worst first.
    instances_list: Vec<Instance>,
    more: bool,
    next_check: Option<f64>,
    /// What of it leads nowhere, such as a playbook that is not written or lacks the section that is named.
    problems: Vec<String>,
}

/// One of the things that a monitor watches.
#[derive(Serialize, ToSchema)]
struct Instance {
    /// Empty where there is only one.
    instance: String,
    state: &'static str,
    #[schema(value_type = String)]
    state_type: StateType,
    attempt: u32,
    since: Option<i64>,
    value: Option<f64>,
    text: String,
    last_check: Option<i64>,
    in_downtime: bool,
    acknowledged: bool,
    flapping: bool,
    #[schema(value_type = Option<String>)]
    withheld: Option<Withheld>,
    /// As a tag or `[[environment]]` says.
    environment: Option<String>,
    /// Trouble in it is told to people.
    pages_people: bool,
    /// Of the window; of the first instances only.
    ribbon: Option<Vec<Stretch>>,
}

pub fn one(services: &Services, caller: &Caller, name: &str, window: &Window) -> Answer<Monitor> {
    let scope = &caller.scope;
    let now = services.clock.now();
    let summary = services.monitors.summary_in(scope, name, now);
    let mut summary = summary.ok_or_else(|| Problem::not_found(format!("there is no monitor `{name}`")))?;
    give_playbooks(services, std::slice::from_mut(&mut summary));
    let is_check = summary.host.is_some() || matches!(summary.kind, "check" | "passive");
    let mut found = services.monitors.instances(name, now);
    found.retain(|one| scope.sees_watched(name, &one.status.id.instance));
    found.sort_by_key(|one| std::cmp::Reverse(one.status.state.map_or(0, vocabulary::state::State::badness)));
    let more = found.len() > MAX_INSTANCES;
    let (from, until) = window.bounds(now)?;
    let instances = found.into_iter().take(MAX_INSTANCES).enumerate();
    let instances = instances.map(|(index, found)| {
        let of = match found.status.kind {
            Kind::Instance => ObjectName::Instance(name.to_owned(), found.status.id.instance.to_string()),
            _ => ObjectName::Check(name.to_owned()),
        };
        let runs =
            (index < MAX_RIBBONS).then(|| services.monitors.history(&of, from, until, None)).transpose()?;
        let (environment, pages_people) = services.desk.environment(false, name, &found.status.id.instance);
        let runs = runs.map(|(runs, _)| runs);
        let one = instance(found, runs, from, until.min(now.0));
        Ok(Instance { environment, pages_people, ..one })
    });
    let instances_list = instances.collect::<Answer<Vec<Instance>>>()?;
    let (definition, toml) = match scope.sees(name) {
        true => written(shown_to(caller, definition(services, name)?))?,
        false => (Value::Object(Default::default()), String::new()),
    };
    Ok(Monitor {
        now: now.0,
        row: counted(
            row(summary, &lacking(services), &policies(services, &caller.scope)),
            &pages(services, now)?,
        ),
        toml,
        definition,
        version: services.monitors.made(name).map(|made| made.version),
        instances_list,
        more,
        next_check: is_check
            .then(|| services.control.next_check(&ObjectName::Check(name.to_owned())))
            .flatten(),
        // They quote the definition.
        problems: if scope.sees(name) { problems(services, name, now) } else { Vec::new() },
    })
}

/// What its definition names and nobody has made, and what is hardly meant.
pub fn problems(services: &Services, name: &str, now: Timestamp) -> Vec<String> {
    let of_telling = services.desk.problems_of_telling(name, now);
    let all = services.monitors.definitions();
    let doubts = all.monitors.iter().find(|monitor| monitor.name == name).map(doubts).unwrap_or_default();
    let doubts = doubts.into_iter().map(|(key, why)| format!("`{key}`: {why}"));
    services.desk.playbook_problem(false, name).into_iter().chain(of_telling).chain(doubts).collect()
}

fn instance(found: Found, runs: Option<Vec<Run>>, from: i64, until: i64) -> Instance {
    let status = found.status;
    Instance {
        instance: status.id.instance.to_string(),
        state: word(status.state),
        state_type: status.state_type,
        attempt: status.attempt,
        since: status.last_state_change.map(|at| at.0),
        value: status.value.filter(|value| value.is_finite()),
        text: status.output.to_string(),
        last_check: status.last_check.map(|at| at.0),
        in_downtime: status.downtime_depth > 0,
        acknowledged: status.acknowledgement.is_some(),
        flapping: status.flapping,
        withheld: found.withheld,
        environment: None,
        pages_people: true,
        ribbon: runs.map(|runs| watched::stretches(&runs, from, until)),
    }
}

fn definition(services: &Services, name: &str) -> Answer<Definition> {
    let all = services.monitors.definitions();
    let monitor = all.monitors.iter().find(|monitor| monitor.name == name);
    let check = all.checks.iter().find(|check| check.name == name);
    let monitor = monitor.map(|monitor| Definition::Monitor(Box::new(monitor.clone())));
    monitor
        .or_else(|| check.map(|check| Definition::Check(Box::new(check.clone()))))
        .ok_or_else(|| Problem::not_found(format!("there is no monitor `{name}`")))
}

fn written(definition: Definition) -> Answer<(Value, String)> {
    Ok((serde_json::to_value(&definition).map_err(Problem::internal)?, toml_of(&definition)?))
}

fn toml_of(definition: &Definition) -> Answer<String> {
    let mut all = ::monitors::Definitions::default();
    match definition.clone() {
        Definition::Monitor(monitor) => all.monitors.push(*monitor),
        Definition::Check(check) => all.checks.push(*check),
    }
    toml::to_string(&all).map_err(Problem::internal)
}
