//! Projects: what programs are told to send with, and how what they send is treated.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use error_tracking::{NewProject, Person, Project, ProjectError, Settings};
use formats::sentry::dsn::Dsn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vocabulary::ports::HeldEvents;

use super::super::status::off_thread;
use super::super::watched;
use crate::accounts::{self, Caller, Role};
use crate::annotations;
use crate::answer::{Answer, Body, Problem};
use crate::guard::require;
use crate::sentry::kept;
use crate::sentry::senders::Sent;
use crate::sentry::tee::Passed;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct ProjectItem {
    id: u64,
    name: String,
    /// With the newest key that is switched on.
    dsn: Option<String>,
    keys: Vec<ProjectKey>,
    created: i64,
    /// The keys of docs/errors.md.
    #[schema(value_type = Object)]
    settings: Value,
    /// The newest that `grouping_version` may be.
    grouping_newest: u32,
    /// When its programs were last heard; from before the start, when the newest event came.
    last_heard: Option<i64>,
    /// Name and version of the client that sent last.
    client: Option<String>,
    /// That were seen, by name.
    environments: Vec<String>,
    releases: Vec<ProjectRelease>,
    kept: KeptEvents,
    /// What became of copies for the Sentry that it comes from, since the start; null: none were made.
    tee: Option<Passed>,
}

#[derive(Serialize, ToSchema)]
pub struct ProjectKey {
    key: String,
    dsn: String,
    enabled: bool,
    label: String,
    created: i64,
    /// What may be sent with it in five minutes; null: what the project may.
    max_events_per_5m: Option<u64>,
}

/// On the disk; what has expired and is still there included.
#[derive(Serialize, ToSchema)]
pub struct KeptEvents {
    events: u64,
    /// Of files that projects have together its share.
    bytes: u64,
    oldest: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct ProjectRelease {
    release: String,
    first_seen: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewErrorProject {
    name: String,
    /// What it had elsewhere; else the next one.
    id: Option<u64>,
    public_key: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectChange {
    name: Option<String>,
    /// All of them: what is left out is as at first.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// One more key: with its label, it is made.
    add_key: Option<NewProjectKey>,
    /// Keys that are switched on or off, by themselves.
    keys: Option<std::collections::BTreeMap<String, bool>>,
    /// What may be sent with a key in five minutes, by itself; null: what the project may.
    key_limits: Option<std::collections::BTreeMap<String, Option<u64>>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProjectKey {
    /// The one that programs have already; else one is made.
    key: Option<String>,
    #[serde(default)]
    label: String,
}

/// Whose events are erased: as the SDK said of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoIsErased {
    /// `id`, `email`, `username` or `ip_address`; of mail in either case.
    key: String,
    value: String,
}

#[derive(Serialize, ToSchema)]
pub struct ErasedEvents {
    events: u64,
    /// Where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

const NOBODY: &str = "no event that is kept says this of its user; what was scrubbed out of an event finds it only as the first of \
    id, email, username and ip_address that its user had: ask for another one";

const RELEASES: usize = 100;

impl From<ProjectError> for Problem {
    fn from(error: ProjectError) -> Problem {
        match error {
            ProjectError::NoSuchProject => Problem::not_found(error.to_string()),
            ProjectError::Wrong(_) => Problem::bad_request(error.to_string()),
            ProjectError::State(error) => error.into(),
        }
    }
}

fn item(services: &Services, caller: &Caller, project: &Project) -> Answer<ProjectItem> {
    let keys = project.public_keys.iter().map(|key| ProjectKey {
        dsn: dsn(services, project.id, &key.key),
        key: key.key.clone(),
        enabled: key.enabled,
        label: key.label.clone(),
        created: key.created,
        max_events_per_5m: key.max_events_per_5m,
    });
    let newest = project.public_keys.iter().rev().find(|key| key.enabled);
    let sent = services.senders.of(project.id);
    let releases = services.tracker.releases(project.id, RELEASES)?;
    Ok(ProjectItem {
        id: project.id,
        name: project.name.clone(),
        dsn: newest.map(|key| dsn(services, project.id, &key.key)),
        keys: keys.collect(),
        created: project.created.0,
        settings: serde_json::to_value(&project.settings).map_err(Problem::internal)?,
        grouping_newest: error_tracking::grouping::NEWEST,
        last_heard: last_heard(services, project.id, sent.as_ref())?,
        client: sent.and_then(|sent| sent.client),
        environments: services.tracker.environments(project.id)?,
        releases: releases
            .into_iter()
            .map(|(release, at)| ProjectRelease { release, first_seen: at.0 })
            .collect(),
        kept: kept_events(services, project.id),
        tee: services.tee.of(project.id).map(|passed| shown_to(caller, passed)),
    })
}

/// Who could set where copies go reads what answers there: others would have this server look for them who is where.
fn shown_to(caller: &Caller, passed: Passed) -> Passed {
    let may_read = watched::whole(caller, Role::Editor).is_ok();
    let failure = passed.failure.map(|why| if may_read { why } else { NOT_TAKEN.to_owned() });
    Passed { failure, ..passed }
}

const NOT_TAKEN: &str = "it is not taken; why is for editors to read who are limited to no prefixes";

/// Of what came before the start only events are known.
fn last_heard(services: &Services, project: u64, sent: Option<&Sent>) -> Answer<Option<i64>> {
    match sent.map(|sent| sent.last.0).filter(|at| *at > 0) {
        Some(at) => Ok(Some(at)),
        None => Ok(services.tracker.newest_event(project)?.map(|at| at.0)),
    }
}

fn kept_events(services: &Services, project: u64) -> KeptEvents {
    let HeldEvents { events, bytes, oldest } = services.event_log.held(project);
    KeptEvents { events, bytes, oldest: oldest.map(|at| at.0) }
}

/// Where programs reach us: as people do, else where we listen.
pub fn dsn(services: &Services, project: u64, key: &str) -> String {
    let http = &services.settings.load().http;
    let listens = || {
        let scheme = if http.uses_tls() { "https" } else { "http" };
        let address = http.listen.iter().find_map(|listen| listen.address());
        let host = match address {
            Some(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
            Some(address) => address.to_string(),
            None => "localhost:8080".to_owned(),
        };
        (scheme.to_owned(), host, String::new())
    };
    let (scheme, host, path) = match http.public_url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) =
                rest.trim_end_matches('/').split_once('/').unwrap_or((rest.trim_end_matches('/'), ""));
            let path = if path.is_empty() { String::new() } else { format!("/{path}") };
            (scheme.to_owned(), host.to_owned(), path)
        }
        None => listens(),
    };
    Dsn { scheme, public_key: key.to_owned(), host, path, project }.to_string()
}

fn new_key() -> Answer<String> {
    let secret = accounts::random_secret().map_err(Problem::internal)?;
    Ok(secret[..32].to_owned())
}

#[utoipa::path(get, path = "/errors/projects", responses((status = 200, body = Vec<ProjectItem>)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Vec<ProjectItem>>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let all = services.projects.list();
        let theirs = all.iter().filter(|project| super::sees(&caller.scope, &project.name));
        theirs.map(|project| item(services, &caller, project)).collect::<Answer<Vec<_>>>().map(Json)
    })
    .await
}

#[utoipa::path(post, path = "/errors/projects", request_body = NewErrorProject,
    responses((status = 201, body = ProjectItem), (status = 400, body = Problem)))]
pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(making): Body<NewErrorProject>,
) -> Answer<(StatusCode, Json<ProjectItem>)> {
    watched::whole(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let public_key = making.public_key.map_or_else(new_key, Ok)?;
        let new = NewProject { name: making.name, id: making.id, public_key };
        let project = services.projects.create(&new, services.clock.now())?;
        Ok((StatusCode::CREATED, Json(item(services, &caller, &project)?)))
    })
    .await
}

/// By its number or its name.
#[utoipa::path(get, path = "/errors/projects/{name}", params(("name" = String, Path)),
    responses((status = 200, body = ProjectItem), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<ProjectItem>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let project = super::project(services, &caller, &name)?;
        item(services, &caller, &project).map(Json)
    })
    .await
}

#[utoipa::path(put, path = "/errors/projects/{name}", params(("name" = String, Path)), request_body = ProjectChange,
    responses((status = 200, body = ProjectItem), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn change(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(changing): Body<ProjectChange>,
) -> Answer<Json<ProjectItem>> {
    require(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let mut project = super::project(services, &caller, &name)?;
        let id = project.id;
        // What cannot be read is told before anything is changed.
        let settings = changing.settings.map(serde_json::from_value::<Settings>).transpose();
        let settings = settings.map_err(|error| Problem::bad_request(format!("settings: {error}")))?;
        if let Some(settings) = settings {
            if settings.tee != project.settings.tee {
                // It has this server ask any address: whoever is limited to some series could write others so.
                watched::whole(&caller, Role::Editor)?;
            }
            let kept_for = project.settings.retention_days;
            project = services.projects.set_settings(id, settings)?;
            if project.settings.retention_days != kept_for {
                services.control.error_retention_changed();
            }
        }
        if let Some(name) = changing.name.filter(|name| *name != project.name) {
            // Its name says whose it is.
            watched::whole(&caller, Role::Editor)?;
            let before = std::mem::replace(&mut project, services.projects.rename(id, &name)?);
            annotations::rename_project(&services.state, &before.name, &name)?;
        }
        if let Some(NewProjectKey { key, label }) = changing.add_key {
            let key = key.map_or_else(new_key, Ok)?;
            project = services.projects.add_key(id, &key, &label, services.clock.now())?;
        }
        for (key, enabled) in changing.keys.unwrap_or_default() {
            project = services.projects.enable_key(id, &key, enabled)?;
        }
        for (key, most) in changing.key_limits.unwrap_or_default() {
            project = services.projects.limit_key(id, &key, most)?;
        }
        item(services, &caller, &project).map(Json)
    })
    .await
}

/// All events of one person go from the disk, with what was said and sent beside them; counts stay, and so do backups.
#[utoipa::path(post, path = "/errors/projects/{name}/erase", params(("name" = String, Path)), request_body = WhoIsErased,
    responses((status = 200, body = ErasedEvents), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn erase(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(who): Body<WhoIsErased>,
) -> Answer<Json<ErasedEvents>> {
    require(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let project = super::project(services, &caller, &name)?;
        let Some(mut person) = Person::new(project.id, &who.key, &who.value) else {
            return Err(Problem::bad_request(format!("nobody is known by `{}`", who.key))
                .hint("key is id, email, username or ip_address, and value is not empty"));
        };
        // First what is found by the events: whoever asks again after a failure still finds it.
        let had = &mut |counted_by: Option<u64>, body: Option<&[u8]>| person.had(counted_by, body);
        let theirs = services.event_log.events_where(project.id, had)?;
        let email = (who.key == "email").then_some(who.value.trim());
        kept::forget(&services.state, project.id, &theirs, email)?;
        for (key, name) in person.names() {
            services.tracker.forget_person(project.id, key, name)?;
        }
        services.tee.forget(project.id);
        let events = services.event_log.erase(project.id, &theirs)?;
        Ok(Json(ErasedEvents { events, hint: (events == 0).then_some(NOBODY) }))
    })
    .await
}
