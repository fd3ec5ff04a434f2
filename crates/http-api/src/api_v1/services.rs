//! Services: how each is, in what way it is in trouble, and whether it is us or them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use monitors::services::inventory::Inventory;
use monitors::services::{CONDITIONS, Condition, Coverage, Member, Objective, ServiceState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::state::State as WatchedState;

use crate::accounts::Caller;
use crate::answer::{Answer, Params};
use crate::estate::Estate;
use crate::groups::NameGroup;
use crate::services::Services;

/// Graphs that are offered of a service.
const MAX_TARGETS: usize = 9;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// Members of each that are told at most, the worst first; usually and at most 200.
    members: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct ServicesAnswer {
    now: i64,
    /// The worst first.
    services: Vec<ServiceItem>,
    without_objective: Vec<String>,
    without_owner: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct ServiceItem {
    name: String,
    description: Option<String>,
    owner: Option<String>,
    playbook: Option<String>,
    url: Option<String>,
    external: bool,
    objective: Option<ObjectiveItem>,
    #[schema(value_type = Option<String>, example = "CRITICAL")]
    state: Option<WatchedState>,
    since: Option<i64>,
    /// In trouble: in what way.
    #[schema(value_type = Option<String>, example = "latency")]
    condition: Option<Condition>,
    /// In trouble: ours to mend, or does it come from something that others run?
    fault: Option<Fault>,
    /// Services that it needs and that are in trouble themselves, the nearest first.
    causes: Vec<String>,
    #[schema(value_type = Object)]
    conditions: BTreeMap<Condition, ConditionItem>,
    dependencies: Vec<Needed>,
    /// Those that need it.
    needed_by: Vec<String>,
    members: Vec<MemberItem>,
    members_in_all: usize,
    coverage: CoverageItem,
    /// What its series show best.
    targets: Vec<String>,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Fault {
    Us,
    Them,
}

#[derive(Clone, Serialize, ToSchema)]
pub struct ObjectiveItem {
    text: String,
    percent: f64,
    over_seconds: f64,
    allowed_seconds: f64,
}

#[derive(Serialize, ToSchema)]
struct ConditionItem {
    #[schema(value_type = Option<String>)]
    state: Option<WatchedState>,
    members: usize,
}

#[derive(Serialize, ToSchema)]
struct Needed {
    name: String,
    external: bool,
    #[schema(value_type = Option<String>)]
    state: Option<WatchedState>,
    since: Option<i64>,
    url: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct MemberItem {
    name: String,
    #[schema(value_type = String)]
    condition: Condition,
    #[schema(value_type = Option<String>)]
    state: Option<WatchedState>,
    since: Option<i64>,
    text: String,
    /// In downtime: it does not count.
    planned: bool,
}

#[derive(Serialize, ToSchema)]
struct CoverageItem {
    watched: usize,
    of: usize,
    percent: Option<u32>,
    unwatched: Vec<String>,
}

#[utoipa::path(get, path = "/services", params(How), responses((status = 200, body = ServicesAnswer)))]
pub async fn services(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(how): Params<How>,
) -> Answer<Json<ServicesAnswer>> {
    // They tell of checks and hosts.
    super::watched::sees(&caller)?;
    let answer = services.query(move |services, _| {
        let now = services.clock.now();
        let estate = Estate::of(services);
        let inventory = services.inventories.of(services.control.as_ref(), &caller.scope, now);
        let groups = services.groups.of(services.control.as_ref(), &caller.scope, now);
        let mut answer = told(&estate, &inventory, &groups, now.0);
        let most = how.members.unwrap_or(usize::MAX);
        answer.services.iter_mut().for_each(|service| service.members.truncate(most));
        answer
    });
    Ok(Json(answer.await?))
}

fn told(estate: &Estate, inventory: &Inventory, groups: &[NameGroup], now: i64) -> ServicesAnswer {
    let all = &estate.services.all;
    let states = estate.services.rollup(estate.watched());
    let mut services: Vec<ServiceItem> =
        states.iter().map(|state| item(estate, state, &states, inventory, groups)).collect();
    services.sort_by_key(|item| (std::cmp::Reverse(item.state.map_or(0, WatchedState::badness)), item.since));
    let ours = || all.iter().filter(|service| !service.external);
    ServicesAnswer {
        now,
        services,
        without_objective: ours().filter(|one| one.objective.is_none()).map(|one| one.name.clone()).collect(),
        without_owner: ours().filter(|one| one.owner.is_none()).map(|one| one.name.clone()).collect(),
    }
}

fn item(
    estate: &Estate,
    state: &ServiceState,
    states: &[ServiceState],
    inventory: &Inventory,
    groups: &[NameGroup],
) -> ServiceItem {
    let all = &estate.services.all;
    let service = &all[state.service];
    let needed = service.dependencies.iter().filter_map(|name| estate.services.named(name));
    let needed_by = all.iter().filter(|other| other.dependencies.contains(&service.name));
    let coverage = estate.services.coverage(state.service, inventory, &estate.watchers, states);
    ServiceItem {
        name: service.name.clone(),
        description: service.description.clone(),
        owner: service.owner.clone(),
        playbook: service.playbook.clone(),
        url: service.url.clone(),
        external: service.external,
        objective: service.objective.as_deref().and_then(|text| text.parse().ok()).map(objective),
        state: state.state,
        since: state.since.map(|at| at.0),
        condition: state.condition,
        fault: fault(estate, state),
        causes: state.causes.iter().map(|index| all[*index].name.clone()).collect(),
        conditions: CONDITIONS
            .into_iter()
            .zip(state.conditions)
            .map(|(condition, of)| (condition, ConditionItem { state: of.state, members: of.members }))
            .collect(),
        dependencies: needed.map(|index| needed_item(estate, &states[index])).collect(),
        needed_by: needed_by.map(|other| other.name.clone()).collect(),
        members: state.members.iter().map(member).collect(),
        members_in_all: state.members_in_all,
        coverage: covered(coverage),
        targets: targets(estate, state.service, groups),
    }
}

/// Whatever others run stands at fault before what is ours.
fn fault(estate: &Estate, state: &ServiceState) -> Option<Fault> {
    let external = |index: &usize| estate.services.all[*index].external;
    let them = external(&state.service) || state.causes.iter().any(external);
    state.in_trouble().then_some(if them { Fault::Them } else { Fault::Us })
}

pub fn objective(objective: Objective) -> ObjectiveItem {
    ObjectiveItem {
        text: objective.to_string(),
        percent: objective.percent,
        over_seconds: objective.over.0.as_secs_f64(),
        allowed_seconds: objective.allowed_seconds().round(),
    }
}

fn needed_item(estate: &Estate, state: &ServiceState) -> Needed {
    let service = &estate.services.all[state.service];
    Needed {
        name: service.name.clone(),
        external: service.external,
        state: state.state,
        since: state.since.map(|at| at.0),
        url: service.url.clone(),
    }
}

fn member(member: &Member) -> MemberItem {
    MemberItem {
        name: member.name.clone(),
        condition: member.condition,
        state: member.state,
        since: member.since.map(|at| at.0),
        text: member.text.clone(),
        planned: member.planned,
    }
}

fn covered(coverage: Coverage) -> CoverageItem {
    CoverageItem {
        percent: coverage.percent(),
        watched: coverage.watched,
        of: coverage.of,
        unwatched: coverage.unwatched,
    }
}

/// The graphs of the groups of names that are this service's, as Home shows them.
fn targets(estate: &Estate, service: usize, groups: &[NameGroup]) -> Vec<String> {
    let name = estate.services.all[service].name.as_str();
    let its = groups.iter().filter(|group| estate.services.of_title(&group.title).contains(&name));
    its.flat_map(|group| group.best.iter().map(|telling| telling.target.clone())).take(MAX_TARGETS).collect()
}
