//! Settings of a project are tried on the events that are kept, before they are of effect.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use error_tracking::look::Wanted;
use error_tracking::trial::Trial;
use error_tracking::{Project, ProjectError, Settings};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::super::status::off_thread;
use super::facets::each_kept;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::guard::require;
use crate::services::Services;

/// Groups that are looked at, those seen last, and events of each.
const GROUPS: usize = 100;
const EVENTS_OF_ONE: usize = 5;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsTried {
    /// All of them, as they would be put.
    #[schema(value_type = Object)]
    settings: Value,
}

#[derive(Serialize, ToSchema)]
pub struct TriedSettings {
    /// So many groups, those seen last, and the newest events of each, were looked at.
    groups: u64,
    events: u64,
    /// What would be in another group.
    moves: Vec<MoveItem>,
    /// Whose a group would be, were it new, where nobody has it or somebody else.
    owners: Vec<OwnerItem>,
}

#[derive(Serialize, ToSchema)]
pub struct MoveItem {
    from: String,
    /// The group that there is; null: a new one, the same for all with this hash.
    to: Option<String>,
    hash: String,
    title: String,
    events: u64,
    /// What it would be found by: a tree of `{name, value, counts, hint, parts}`.
    #[schema(value_type = Object)]
    why: Value,
}

#[derive(Serialize, ToSchema)]
pub struct OwnerItem {
    group: String,
    owner: String,
    assigned: Option<String>,
}

#[utoipa::path(post, path = "/errors/projects/{name}/try", params(("name" = String, Path)), request_body = SettingsTried,
    responses((status = 200, body = TriedSettings), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn try_settings(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(trying): Body<SettingsTried>,
) -> Answer<Json<TriedSettings>> {
    require(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let present = super::project(services, &caller, &name)?;
        let settings: Settings = serde_json::from_value(trying.settings)
            .map_err(|error| Problem::bad_request(format!("settings: {error}")))?;
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(ProjectError::Wrong(problems).into());
        }
        let keys = present.public_keys.clone();
        let tried = Project::new(present.id, &present.name, keys, settings, present.created);
        tell(services, &present, &tried).map(Json)
    })
    .await
}

fn tell(services: &Services, present: &Project, tried: &Project) -> Answer<TriedSettings> {
    let wanted = Wanted { project: Some(present.id), limit: GROUPS, ..Wanted::default() };
    let groups = services.tracker.list(&wanted, services.clock.now())?;
    let mut trial = Trial::new(present, tried);
    for group in &groups {
        each_kept(services, group, EVENTS_OF_ONE, |event| trial.add(event))?;
    }
    let short = |id: u64| {
        let group = groups.iter().find(|group| group.id == id);
        group.map_or_else(|| id.to_string(), |group| present.short(group.number))
    };
    let mut moves = Vec::new();
    for moved in trial.moves() {
        let to = services.tracker.led_by(present.id, moved.hash.value)?;
        // It was merged there by hand, or has been found so before.
        if to.as_ref().is_some_and(|to| to.id == moved.from) {
            continue;
        }
        moves.push(MoveItem {
            from: short(moved.from),
            to: to.map(|to| present.short(to.number)),
            hash: moved.hash.value.to_string(),
            title: moved.title.clone(),
            events: moved.events,
            why: serde_json::to_value(&moved.hash.why).map_err(Problem::internal)?,
        });
    }
    let assigned =
        |id: u64| groups.iter().find(|group| group.id == id).and_then(|group| group.assigned.clone());
    let owner = |(group, owner): (u64, &str)| OwnerItem {
        group: short(group),
        owner: owner.to_owned(),
        assigned: assigned(group),
    };
    let owners = trial.owners().map(owner);
    let owners = owners.filter(|one| one.assigned.as_ref() != Some(&one.owner)).collect();
    Ok(TriedSettings { groups: groups.len() as u64, events: trial.events, moves, owners })
}
