//! Monitors: everything that is watched in one list, one with its instances, and what is made in the UI.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::monitors::history::Run;
use ::monitors::look::{Found, Origin, Summary};
use ::monitors::machine::{Kind, ObjectName};
use ::monitors::made::{Definition, Version};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::{StateType, Withheld};

use super::status::off_thread;
use super::watched::{self, Stretch, Window, word};
use crate::accounts::{Caller, Role, Via};
use crate::answer::{Answer, Body, Params, Problem, check_name};
use crate::control::SettingDifference;
use crate::guard::require;
use crate::services::Services;

/// Instances of one answer; the worst first.
const MAX_INSTANCES: usize = 2_000;
/// As long as the record of states.
const PAGES_OF_SECONDS: i64 = 30 * 86_400;
/// Ribbons are read from the disk one by one.
const MAX_RIBBONS: usize = 50;

#[derive(Serialize, ToSchema)]
pub struct MonitorList {
    now: i64,
    monitors: Vec<MonitorRow>,
}

#[derive(Serialize, ToSchema)]
struct MonitorRow {
    name: String,
    /// metric, heartbeat, check, passive, host
    kind: &'static str,
    host: Option<String>,
    service: Option<String>,
    /// The worst of its instances; PENDING before the first result.
    #[schema(example = "CRITICAL")]
    state: &'static str,
    #[schema(value_type = String)]
    state_type: StateType,
    attempt: u32,
    max_attempts: u32,
    since: Option<i64>,
    text: String,
    instances: usize,
    in_trouble: usize,
    acknowledged: bool,
    in_downtime: bool,
    silenced: bool,
    /// In trouble: why nobody is told.
    #[schema(value_type = Option<String>)]
    withheld: Option<Withheld>,
    flapping: bool,
    shadow: bool,
    /// Its notifications are on.
    notifies: bool,
    owner: Option<String>,
    playbook: Option<String>,
    /// Of `owner` and `playbook` what it lacks to be fit to wake somebody; of a service's monitor the service's owner counts.
    lacks: Vec<&'static str>,
    /// The escalation policy by which people are called, and why by that one; null: contacts are told.
    policy: Option<String>,
    policy_why: Option<String>,
    /// Where it is written: `file:line`, or "ui".
    origin: String,
    /// Of the last 30 days: how often somebody was told, how often it became bad, how often that ended before anybody
    /// was told.
    pages: u64,
    fired: u64,
    self_healed: u64,
}

/// By whether it is a host, and name.
type Lacking = BTreeMap<(bool, Arc<str>), Vec<&'static str>>;
type Policies = BTreeMap<(bool, Arc<str>), incidents::owning::Route>;

/// What lacks an owner or a playbook.
fn lacking(services: &Services) -> Lacking {
    let (unready, _) = services.desk.unready();
    let lacks = |one: incidents::night::Unready| {
        let words = [("owner", one.owner), ("playbook", one.playbook)];
        let words = words.into_iter().filter(|(_, lacks)| *lacks).map(|(word, _)| word).collect();
        ((one.host, one.name), words)
    };
    unready.into_iter().map(lacks).collect()
}

/// Names of teams are not told to those who see a part of all only.
fn policies(services: &Services, scope: &Scope) -> Policies {
    match scope.is_everything() {
        true => services.desk.policies_of_all(services.clock.now()),
        false => Policies::new(),
    }
}

fn row(one: Summary, lacking: &Lacking, policies: &Policies) -> MonitorRow {
    let key = (one.kind == "host", Arc::from(one.name.as_str()));
    let route = policies.get(&key);
    MonitorRow {
        policy: route.map(|route| route.policy.to_string()),
        policy_why: route.map(|route| route.why.to_string()),
        lacks: lacking.get(&key).cloned().unwrap_or_default(),
        state: word(one.state),
        silenced: one.withheld == Some(Withheld::Silence),
        name: one.name,
        kind: one.kind,
        host: one.host,
        service: one.service,
        state_type: one.state_type,
        attempt: one.attempt,
        max_attempts: one.max_attempts,
        since: one.since.map(|at| at.0),
        text: one.text.to_string(),
        instances: one.instances,
        in_trouble: one.in_trouble,
        acknowledged: one.acknowledged,
        in_downtime: one.in_downtime,
        withheld: one.withheld,
        flapping: one.flapping,
        shadow: one.shadow,
        notifies: one.notifies,
        owner: one.owner,
        playbook: one.playbook,
        origin: told(one.origin),
        pages: one.record.told,
        fired: one.record.fired,
        self_healed: one.record.healed,
    }
}

/// What has none itself may have one by its name, or that of its service.
fn give_playbooks(services: &Services, all: &mut [Summary]) {
    let of: Vec<(bool, &str)> = all.iter().map(|one| (one.kind == "host", &*one.name)).collect();
    let said = services.desk.playbooks_of(&of);
    for (one, said) in all.iter_mut().zip(said) {
        one.playbook = said.or(one.playbook.take());
    }
}

/// Pages by what they were about.
type Pages = BTreeMap<String, u64>;

fn pages(services: &Services, now: Timestamp) -> Answer<Pages> {
    Ok(services.desk.pages(now.minus(PAGES_OF_SECONDS))?)
}

/// Of monitors incidents tell, once for all instances; of checks and hosts their own notices do, which are counted
/// with their states.
fn counted(row: MonitorRow, pages: &Pages) -> MonitorRow {
    if !matches!(row.kind, "metric" | "heartbeat") {
        return row;
    }
    let whole = format!("monitor:{}", row.name);
    // Its series of another environment, or of a team.
    let apart = format!("{whole}@");
    let of_parts = pages.range(apart.clone()..).take_while(|(reason, _)| reason.starts_with(&apart));
    let of_parts: u64 = of_parts.map(|(_, count)| count).sum();
    MonitorRow { pages: pages.get(&whole).copied().unwrap_or(0) + of_parts, ..row }
}

fn told(origin: Origin) -> String {
    match origin {
        Origin::File(place) => place,
        Origin::Ui => "ui".into(),
    }
}

/// Everything that is watched.
#[utoipa::path(get, path = "/monitors", responses((status = 200, body = MonitorList)))]
pub async fn monitors(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<MonitorList>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let pages = pages(services, now)?;
        let mut all = services.monitors.list_in(&caller.scope, now);
        give_playbooks(services, &mut all);
        let (lacking, policies) = (lacking(services), policies(services, &caller.scope));
        let monitors = all.into_iter().map(|one| counted(row(one, &lacking, &policies), &pages)).collect();
        Ok(Json(MonitorList { now: now.0, monitors }))
    })
    .await
}

/// Checks alone, as the list of monitors has them.
#[utoipa::path(get, path = "/checks", responses((status = 200, body = MonitorList)))]
pub async fn checks(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<MonitorList>> {
    of_kinds(&services, &caller, &["check", "passive"]).await
}

/// Hosts alone.
#[utoipa::path(get, path = "/hosts", responses((status = 200, body = MonitorList)))]
pub async fn hosts(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<MonitorList>> {
    of_kinds(&services, &caller, &["host"]).await
}

async fn of_kinds(
    services: &Arc<Services>,
    caller: &Caller,
    kinds: &'static [&'static str],
) -> Answer<Json<MonitorList>> {
    require(caller, Role::Viewer)?;
    let scope = caller.scope.clone();
    off_thread(services, move |services| {
        let now = services.clock.now();
        let mut all = services.monitors.list_in(&scope, now);
        give_playbooks(services, &mut all);
        let (lacking, policies) = (lacking(services), policies(services, &scope));
        let wanted = all.into_iter().filter(|one| kinds.contains(&one.kind));
        let monitors = wanted.map(|one| row(one, &lacking, &policies)).collect();
        Ok(Json(MonitorList { now: now.0, monitors }))
    })
    .await
}

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

/// One with its instances.
#[utoipa::path(get, path = "/monitors/{name}", params(("name" = String, Path), Window),
    responses((status = 200, body = Monitor), (status = 404, body = Problem)))]
pub async fn monitor(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(window): Params<Window>,
) -> Answer<Json<Monitor>> {
    off_thread(&services, move |services| one(services, &caller, &name, &window).map(Json)).await
}

fn one(services: &Services, caller: &Caller, name: &str, window: &Window) -> Answer<Monitor> {
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
    let (from, until) = window.bounds(now);
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
        problems: problems(services, name, now),
    })
}

/// What its definition names, and nobody has made.
fn problems(services: &Services, name: &str, now: Timestamp) -> Vec<String> {
    let of_policy = services.desk.policy_problem(name, now);
    services.desk.playbook_problem(false, name).into_iter().chain(of_policy).collect()
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

/// As lists of heartbeats do: those who may not ping do not learn by which UUID. Of a check, whoever may change it sees
/// the headers and bodies that it sends.
fn shown_to(caller: &Caller, definition: Definition) -> Definition {
    let may = match &definition {
        Definition::Monitor(_) => caller.role >= Role::Responder,
        Definition::Check(_) => watched::whole(caller, Role::Editor).is_ok(),
    };
    if may { definition } else { definition.without_secrets() }
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

#[derive(Serialize, ToSchema)]
pub struct Defined {
    name: String,
    version: i64,
    at: i64,
    author: String,
    #[schema(value_type = Option<Object>)]
    definition: Option<Definition>,
}

fn defined(version: Version) -> Defined {
    Defined {
        name: version.name,
        version: version.version,
        at: version.at.0,
        author: version.author,
        definition: version.definition,
    }
}

/// Makes a monitor or a check, or another version of it: `{"monitor": {…}}` or `{"check": {…}}`, with the keys of the
/// configuration. The same again changes nothing; what does not fit to everything else changes nothing either.
#[utoipa::path(put, path = "/monitors/{name}", params(("name" = String, Path)),
    request_body(content = Object, description = "as written in a file, under the name of its table"),
    responses((status = 200, body = Defined), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
pub async fn define(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(wanted): Body<Definition>,
) -> Answer<Json<Defined>> {
    watched::whole(&caller, Role::Editor)?;
    check_name(&name, wanted.name())?;
    if wanted.runs_commands() {
        may_choose_commands(&services, &caller)?;
    }
    if wanted.looks_at_files() {
        may_look_at_files(&caller)?;
    }
    if wanted.holds_secret() {
        return Err(Problem::bad_request("checks with a password, a token or a key stand in files")
            .hint("write it in conf.d/, with password_file, token_file or secret_key_file"));
    }
    off_thread(&services, move |services| {
        let version = services.monitors.define(&name, wanted, &caller.name, services.clock.now())?;
        services.control.definitions_changed();
        Ok(Json(defined(version)))
    })
    .await
}

/// Whoever chooses a command that this server runs can do everything that its user can.
pub fn may_choose_commands(services: &Services, caller: &Caller) -> Answer<()> {
    let signed_in = (caller.via.is_person() || caller.via == Via::Token)
        && services.settings.load().auth_mode() == crate::config::AuthMode::Required;
    if signed_in && require(caller, Role::Admin).is_ok() {
        return Ok(());
    }
    Err(Problem::forbidden("commands that this server runs come from files only")
        .hint("write the check in conf.d/, or set auth.mode = \"required\" and sign in as an admin"))
}

/// It says of any file whether it is there, how large it is and how old.
pub fn may_look_at_files(caller: &Caller) -> Answer<()> {
    require(caller, Role::Admin).map_err(|problem| {
        problem.hint("an administrator makes checks of this machine's files, or they are written in conf.d/")
    })
}

/// Its versions stay.
#[utoipa::path(delete, path = "/monitors/{name}", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn undefine(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    watched::whole(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        services.monitors.undefine(&name, &caller.name, services.clock.now())?;
        services.control.definitions_changed();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct TakenOut {
    instance: String,
}

/// Says that an instance is watched no longer: a series that is gone for good, a sub-check that has another name now. If
/// it was bad, whoever was told of it is told of its end. Should it come again, it is watched again.
#[utoipa::path(delete, path = "/monitors/{name}/instances", params(("name" = String, Path), TakenOut),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn take_out_instance(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(out): Params<TakenOut>,
) -> Answer<StatusCode> {
    watched::whole(&caller, Role::Editor)?;
    let (now, author) = (services.clock.now(), caller.name.clone());
    let work = move |monitors: &::monitors::Monitors| {
        let ticket = monitors.take_out_instance(&name, &out.instance, &author, now)?;
        Ok((StatusCode::NO_CONTENT, ticket))
    };
    watched::change(&services, work).await
}

#[derive(Serialize, ToSchema)]
pub struct Versions {
    /// The newest first; one without a definition took it out.
    versions: Vec<Defined>,
}

#[utoipa::path(get, path = "/monitors/{name}/versions", params(("name" = String, Path)),
    responses((status = 200, body = Versions)))]
pub async fn versions(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<Versions>> {
    watched::theirs(&caller, Role::Viewer, &ObjectName::Instance(name.clone(), String::new()))?;
    off_thread(&services, move |services| {
        let shown = |version: Version| {
            let definition = version.definition.map(|definition| shown_to(&caller, definition));
            defined(Version { definition, ..version })
        };
        let versions = services.monitors.versions(&name)?;
        Ok(Json(Versions { versions: versions.into_iter().map(shown).collect() }))
    })
    .await
}

/// What is made in the UI, as a file for conf.d.
#[utoipa::path(get, path = "/monitors/export",
    responses((status = 200, body = String, content_type = "application/toml")))]
pub async fn export(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<([(header::HeaderName, &'static str); 1], String)> {
    watched::may(&caller, Role::Editor)?;
    let text = toml::to_string(&services.monitors.export()).map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/toml; charset=utf-8")], text))
}

/// What is in effect and what the files say, where they differ.
#[derive(Serialize, ToSchema)]
pub struct Differences {
    differences: Vec<Difference>,
    /// What is wrong with the files as they are; then they cannot be compared.
    problems: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Difference {
    /// `monitor`, `check`, `host`, …; empty for a setting.
    table: String,
    /// Of a setting its key, such as `statsd.flush_interval`.
    name: String,
    /// running, file, differs
    #[schema(example = "running")]
    only_in: &'static str,
    origin: Option<String>,
    #[schema(value_type = Option<Object>)]
    running: Option<Value>,
    #[schema(value_type = Option<Object>)]
    file: Option<Value>,
}

/// What is in effect against what the files say now.
#[utoipa::path(get, path = "/monitors/diff", responses((status = 200, body = Differences)))]
pub async fn differences(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Differences>> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, |services| {
        let running = services.monitors.definitions();
        let files = match services.control.definitions_in_files() {
            Ok(files) => files,
            Err(problems) => return Ok(Json(Differences { differences: Vec::new(), problems })),
        };
        let (running, files) = (tables(&running)?, tables(&files)?);
        let mut differences = compare(services, running, files);
        differences.extend(services.control.settings_that_differ().into_iter().map(of_setting));
        Ok(Json(Differences { differences, problems: Vec::new() }))
    })
    .await
}

fn of_setting(one: SettingDifference) -> Difference {
    Difference {
        table: String::new(),
        name: one.key,
        only_in: "differs",
        origin: None,
        running: Some(one.running),
        file: Some(one.file),
    }
}

type Tables = std::collections::BTreeMap<(String, String), Value>;

/// By table and name; what has no name goes by its place.
fn tables(all: &::monitors::Definitions) -> Answer<Tables> {
    let all = serde_json::to_value(all).map_err(Problem::internal)?;
    let mut tables = Tables::new();
    for (table, list) in all.as_object().into_iter().flatten() {
        for (index, one) in list.as_array().into_iter().flatten().enumerate() {
            let name = one
                .get("name")
                .and_then(Value::as_str)
                .map_or_else(|| format!("{}", index + 1), str::to_owned);
            tables.insert((table.clone(), name), one.clone());
        }
    }
    Ok(tables)
}

fn compare(services: &Services, running: Tables, mut files: Tables) -> Vec<Difference> {
    let mut differences = Vec::new();
    for ((table, name), one) in running {
        let file = files.remove(&(table.clone(), name.clone()));
        if file.as_ref() == Some(&one) {
            continue;
        }
        let only_in = if file.is_some() { "differs" } else { "running" };
        let origin =
            matches!(table.as_str(), "monitor" | "check").then(|| told(services.monitors.origin(&name)));
        differences.push(Difference { table, name, only_in, origin, running: Some(one), file });
    }
    let only_in_files = files.into_iter().map(|((table, name), one)| Difference {
        table,
        name,
        only_in: "file",
        origin: None,
        running: None,
        file: Some(one),
    });
    differences.extend(only_in_files);
    differences
}
