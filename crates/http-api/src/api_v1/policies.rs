//! Escalation policies: whom to reach, and after how long whom next.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::oncall::roster::KnownPolicy;
use incidents::oncall::{PolicyConfig, Target};
use serde::Serialize;
use utoipa::ToSchema;

use super::oncall_defined::{origin, warnings_of, warnings_of_person};
use super::refused::refusal;
use super::removing::Removing;
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem, check_name};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Policies {
    now: i64,
    policies: Vec<Policy>,
}

#[derive(Serialize, ToSchema)]
pub struct Policy {
    name: String,
    /// `file:line`, which is where it is changed, or "ui".
    origin: String,
    made_by: Option<String>,
    /// With the keys of an `[[escalation_policy]]`.
    #[schema(value_type = Object)]
    definition: PolicyConfig,
    warnings: Vec<String>,
}

fn told(name: &str, known: &KnownPolicy, warnings: &[String]) -> Policy {
    let (origin, made_by) = origin(&known.origin);
    let of_people =
        people(&known.config).into_iter().flat_map(|person| warnings_of_person(&person, warnings));
    let warnings = warnings_of("policy", name, warnings).into_iter().chain(of_people).collect();
    Policy { name: name.to_owned(), origin, made_by, definition: (*known.config).clone(), warnings }
}

/// Whom its steps call by name.
fn people(config: &PolicyConfig) -> BTreeSet<Arc<str>> {
    let targets = config.step.iter().flat_map(|step| step.targets());
    let person = |target| match target {
        Target::Person(name) => Some(name),
        _ => None,
    };
    targets.filter_map(person).collect()
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no policy `{name}`"))
        .hint("GET /api/v1/escalation-policies lists them")
}

fn one_of(services: &Services, name: &str) -> Answer<Json<Policy>> {
    let roster = services.desk.roster(services.clock.now());
    let known = roster.policies.get(name).ok_or_else(|| unknown(name))?;
    Ok(Json(told(name, known, &roster.warnings)))
}

#[utoipa::path(get, path = "/escalation-policies", responses((status = 200, body = Policies)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Policies>> {
    require(&caller, Role::Viewer)?;
    watched::sees(&caller)?;
    off_thread(&services, |services| {
        let now = services.clock.now();
        let roster = services.desk.roster(now);
        let policies = roster.policies.iter().map(|(name, known)| told(name, known, &roster.warnings));
        Ok(Json(Policies { now: now.0, policies: policies.collect() }))
    })
    .await
}

#[utoipa::path(get, path = "/escalation-policies/{name}", params(("name" = String, Path)),
    responses((status = 200, body = Policy), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<Policy>> {
    require(&caller, Role::Viewer)?;
    watched::sees(&caller)?;
    off_thread(&services, move |services| one_of(services, &name)).await
}

/// Makes a policy, or changes it, with the keys of an `[[escalation_policy]]`. Incidents that go by it go on by what it
/// says now. What stands in a file is changed there.
#[utoipa::path(put, path = "/escalation-policies/{name}", params(("name" = String, Path)),
    request_body(content = Object, description = "as written in a file; the name may be left out"),
    responses((status = 200, body = Policy), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub async fn define(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(mut config): Body<PolicyConfig>,
) -> Answer<Json<Policy>> {
    watched::may(&caller, Role::Editor)?;
    check_name(&name, &config.name)?;
    config.name.clone_from(&name);
    off_thread(&services, move |services| {
        let put = services.desk.put_policy(config, &caller.name, services.clock.now());
        put.map_err(|failed| refusal(failed, || unknown(&name)))?;
        one_of(services, &name)
    })
    .await
}

/// Incidents that go by it go to `[incidents] contacts`.
#[utoipa::path(delete, path = "/escalation-policies/{name}", params(Removing, ("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn undefine(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(removing): Params<Removing>,
) -> Answer<StatusCode> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let needed_by = || services.desk.who_needs_policy(&name, services.clock.now());
        removing.check(&format!("the policy `{name}`"), needed_by)?;
        let removed = services.desk.remove_policy(&name);
        removed.map_err(|failed| refusal(failed, || unknown(&name)))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
