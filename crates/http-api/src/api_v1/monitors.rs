//! Monitors: everything that is watched in one list, one with its instances, and what is made in the UI.

mod compared;
mod one;
mod unseen;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::monitors::look::{Origin, Summary};
use ::monitors::machine::ObjectName;
use ::monitors::made::{Definition, Version};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::{StateType, Withheld};

use self::compared::{Differences, compare, of_setting, of_ui, tables};
use self::one::{Monitor, one, problems};
use super::oncall_making;
use super::status::off_thread;
use super::watched::{self, Window, word};
use crate::accounts::{Caller, Role, Via};
use crate::answer::{Answer, Body, Params, Problem, check_name};
use crate::guard::require;
use crate::services::Services;

/// As long as the record of states.
const PAGES_OF_SECONDS: i64 = 30 * 86_400;

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
    if !matches!(row.kind, "metric" | "heartbeat" | "errors") {
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

/// As lists of heartbeats do: those who may not ping do not learn by which UUID. Of a check, whoever may change it sees
/// the headers and bodies that it sends.
fn shown_to(caller: &Caller, definition: Definition) -> Definition {
    let may = match &definition {
        Definition::Monitor(_) => caller.role >= Role::Responder,
        Definition::Check(_) => watched::whole(caller, Role::Editor).is_ok(),
    };
    if may { definition } else { definition.without_secrets() }
}

#[derive(Serialize, ToSchema)]
pub struct Defined {
    name: String,
    version: i64,
    at: i64,
    author: String,
    #[schema(value_type = Option<Object>)]
    definition: Option<Definition>,
    /// What of it leads nowhere, or is hardly meant so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

fn defined(version: Version) -> Defined {
    Defined {
        name: version.name,
        version: version.version,
        at: version.at.0,
        author: version.author,
        definition: version.definition,
        warnings: Vec::new(),
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
        let now = services.clock.now();
        refuse_unknown_contacts(services, &wanted)?;
        let version = services.monitors.define(&name, wanted.clone(), &caller.name, now)?;
        services.control.definitions_changed();
        let unseen = unseen::warnings(services, &wanted);
        let warnings = problems(services, &name, now).into_iter().chain(unseen).collect();
        Ok(Json(Defined { warnings, ..defined(version) }))
    })
    .await
}

/// Of a check they stand in the files, and whoever knows these looks for them.
fn refuse_unknown_contacts(services: &Services, wanted: &Definition) -> Answer<()> {
    let Definition::Monitor(monitor) = wanted else { return Ok(()) };
    let mut named = monitor.contacts.iter().flatten();
    match named.find(|name| !services.desk.is_contact(name)) {
        None => Ok(()),
        Some(name) => Err(Problem::bad_request(format!("`contacts`: there is no contact `{name}`"))
            .hint("define it as a [[contact]], or have somebody of that name sign in and confirm a way of their own")),
    }
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
        let (running, files) = (tables(&*running)?, tables(&files)?);
        let mut differences = compare(services, running, files);
        differences.extend(services.control.settings_that_differ().into_iter().map(of_setting));
        let of_oncall = tables(&oncall_making::made(services)?)?;
        differences.extend(of_oncall.into_iter().map(|(key, one)| of_ui(key, one)));
        Ok(Json(Differences { differences, problems: Vec::new() }))
    })
    .await
}
