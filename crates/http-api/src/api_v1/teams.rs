//! Teams: who belongs together, and which names are theirs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::removing::Removing;
use super::status::off_thread;
use crate::accounts::{self, Caller, Role, Team, TeamConfig};
use crate::answer::{Answer, Body, Params, Problem, check_name};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Teams {
    teams: Vec<Team>,
}

#[derive(Serialize, ToSchema)]
pub struct MadeTeam {
    #[serde(flatten)]
    team: Team,
    /// Members that nobody knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Somebody may be invited later, and so it is no mistake.
fn unknown_members(services: &Services, team: &TeamConfig) -> Answer<Vec<String>> {
    let mut warnings = Vec::new();
    for name in &team.members {
        let is_known = services.desk.is_contact(name) || accounts::person(&services.state, name)?.is_some();
        if !is_known {
            warnings.push(format!(
                "`members`: there is nobody of the name `{name}`, neither a person nor a contact"
            ));
        }
    }
    Ok(warnings)
}

/// Whoever sees a part of all names sees the teams whose part it is.
pub fn seen(services: &Services, caller: &Caller) -> Answer<Vec<Team>> {
    let mut teams = accounts::teams(&services.state, &services.settings.load().teams)?;
    let of_theirs = |team: &Team| team.team.prefixes.iter().any(|prefix| caller.scope.sees(prefix));
    teams.retain(|team| caller.scope.is_everything() || of_theirs(team));
    Ok(teams)
}

#[utoipa::path(get, path = "/teams", responses((status = 200, body = Teams)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Teams>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| Ok(Json(Teams { teams: seen(services, &caller)? }))).await
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no team `{name}`"))
}

/// Makes a team, or puts another in its place. The `name` of the body may be left out.
#[utoipa::path(put, path = "/teams/{name}", params(("name" = String, Path)), request_body = TeamConfig,
    responses((status = 200, body = MadeTeam), (status = 400, body = Problem)))]
pub async fn set(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(mut team): Body<TeamConfig>,
) -> Answer<Json<MadeTeam>> {
    require(&caller, Role::Admin)?;
    check_name(&name, &team.name)?;
    team.name = name;
    off_thread(&services, move |services| {
        if let Some(policy) = &team.escalation_policy
            && !services.desk.roster(services.clock.now()).policies.contains_key(policy.as_str())
        {
            let why =
                format!("`escalation_policy`: there is no policy `{policy}`, so nobody would be called");
            return Err(Problem::bad_request(why).hint("make it first, at /api/v1/escalation-policies"));
        }
        accounts::set_team(&services.state, &services.settings.load().teams, &team)?;
        services.control.people_changed();
        services.hub.close_of(None);
        let made = seen(services, &caller)?.into_iter().find(|one| one.team.name == team.name);
        let made = made.ok_or_else(|| unknown(&team.name))?;
        Ok(Json(MadeTeam { warnings: unknown_members(services, &made.team)?, team: made }))
    })
    .await
}

#[utoipa::path(delete, path = "/teams/{name}", params(Removing, ("name" = String, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(removing): Params<Removing>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        let in_files = &services.settings.load().teams;
        if !in_files.iter().any(|team| team.name == name) {
            let needed_by = || services.desk.who_needs_team(&name, services.clock.now());
            removing.check(&format!("the team `{name}`"), needed_by)?;
        }
        if !accounts::remove_team(&services.state, in_files, &name)? {
            return Err(unknown(&name));
        }
        services.control.people_changed();
        services.hub.close_of(None);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
