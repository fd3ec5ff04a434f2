//! What people do with incidents, beyond saying that they have them: take, hand over, escalate, say how bad it is, open
//! again, merge, split, silence, declare.

pub mod silencing;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::incident::Key;
use incidents::{Declaration, Deed, OUTSIDE};
use serde::Deserialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::State as Word;

use super::incidents::{WholeIncident, do_it, refusal, shown_to, theirs};
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role, Via};
use crate::alerts_in::by_hand;
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

/// Done, with who did it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Taking {
    /// In whose name; default: who asks.
    author: Option<String>,
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandingOver {
    /// A contact.
    to: String,
    author: Option<String>,
    #[serde(default)]
    comment: String,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Escalating {
    /// Contacts; none: those who come next.
    to: Vec<String>,
    author: Option<String>,
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HowBad {
    /// `critical`, `warning` or `unknown`.
    severity: String,
    author: Option<String>,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Merging {
    /// The number of the incident that stays.
    into: i64,
    author: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Splitting {
    members: Vec<Member>,
    author: Option<String>,
    #[serde(default)]
    comment: String,
}

/// As `troubles` of the incident name it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    #[serde(default)]
    host: bool,
    monitor: String,
    #[serde(default)]
    instance: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaring {
    title: String,
    /// What is seen.
    #[serde(default)]
    what: String,
    /// `critical` (default), `warning` or `unknown`.
    severity: Option<String>,
    /// While an incident of this key is open, it is that one.
    #[serde(default)]
    key: String,
    /// Contacts who are told, beside those of `[incidents] contacts`.
    #[serde(default)]
    contacts: Vec<String>,
    author: Option<String>,
}

#[utoipa::path(post, path = "/incidents/{id}/take", params(("id" = i64, Path)), request_body = Taking,
    responses((status = 200, body = WholeIncident), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn take(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Taking>,
) -> Answer<Json<WholeIncident>> {
    act(services, caller, id, said.author, Deed::Take { comment: said.comment }).await
}

#[utoipa::path(post, path = "/incidents/{id}/handover", params(("id" = i64, Path)), request_body = HandingOver,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn hand_over(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<HandingOver>,
) -> Answer<Json<WholeIncident>> {
    act(services, caller, id, said.author, Deed::HandOver { to: said.to, comment: said.comment }).await
}

#[utoipa::path(post, path = "/incidents/{id}/escalate", params(("id" = i64, Path)), request_body = Escalating,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn escalate(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Escalating>,
) -> Answer<Json<WholeIncident>> {
    act(services, caller, id, said.author, Deed::Escalate { to: said.to, comment: said.comment }).await
}

#[utoipa::path(post, path = "/incidents/{id}/severity", params(("id" = i64, Path)), request_body = HowBad,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn severity(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<HowBad>,
) -> Answer<Json<WholeIncident>> {
    let deed = Deed::SetSeverity { severity: word(&said.severity)?, comment: said.comment };
    act(services, caller, id, said.author, deed).await
}

#[utoipa::path(post, path = "/incidents/{id}/reopen", params(("id" = i64, Path)), request_body = Taking,
    responses((status = 200, body = WholeIncident), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn reopen(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Taking>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = name_of(said.author, &caller);
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        let back = by_hand::ended(services, id, &caller.scope)?;
        do_it(services, id, &author, &Deed::Reopen { comment: said.comment, back })?;
        shown_to(services, &caller, id)
    })
    .await
}

/// The members of this one go into another, which the answer shows.
#[utoipa::path(post, path = "/incidents/{id}/merge", params(("id" = i64, Path)), request_body = Merging,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn merge(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Merging>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = name_of(said.author, &caller);
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        theirs(services, &caller, said.into)?;
        do_it(services, id, &author, &Deed::Merge { into: said.into })?;
        shown_to(services, &caller, said.into)
    })
    .await
}

/// Some members become an incident of their own, which the answer shows.
#[utoipa::path(post, path = "/incidents/{id}/split", params(("id" = i64, Path)), request_body = Splitting,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn split(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Splitting>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = name_of(said.author, &caller);
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        let key = |it: &Member| Key {
            host: it.host,
            monitor: it.monitor.as_str().into(),
            instance: it.instance.as_str().into(),
        };
        let members: Vec<Key> = said.members.iter().map(key).collect();
        if let Some(foreign) = members.iter().find(|key| !key.is_in(&caller.scope)) {
            return Err(Problem::bad_request(format!("`{foreign}` is not a member of incident {id}")));
        }
        let made = services.desk.split(id, &author, &members, &said.comment, services.clock.now());
        shown_to(services, &caller, made.map_err(|failed| refusal(id, failed))?)
    })
    .await
}

/// Everybody who is signed in may say that something is wrong.
#[utoipa::path(post, path = "/incidents", request_body = Declaring,
    responses((status = 201, body = WholeIncident), (status = 200, body = WholeIncident), (status = 400, body = Problem)))]
pub async fn declare(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(said): Body<Declaring>,
) -> Answer<(StatusCode, Json<WholeIncident>)> {
    require(&caller, Role::Viewer)?;
    let now = services.clock.now();
    let key = key_for(&caller, said.key, now)?;
    let author = name_of(said.author, &caller);
    let declared = Declaration {
        asked_by: if has_name(&caller) { caller.name.clone() } else { String::new() },
        only_looks: caller.role < Role::Responder,
        title: said.title,
        severity: said.severity.as_deref().map(word).transpose()?,
        what: said.what,
        key,
        contacts: said.contacts,
    };
    off_thread(&services, move |services| {
        let made = services.desk.declare(&author, &declared, now);
        let (id, new) = made.map_err(|failed| refusal(0, failed))?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, shown_to(services, &caller, id)?))
    })
    .await
}

fn word(severity: &str) -> Answer<Word> {
    match severity.to_ascii_lowercase().as_str() {
        "critical" => Ok(Word::Critical),
        "warning" => Ok(Word::Warning),
        "unknown" => Ok(Word::Unknown),
        other => Err(Problem::bad_request(format!("`severity` is `{other}`"))
            .hint("write critical, warning or unknown")),
    }
}

/// Where nobody signs in, who is named is all that is known of anybody.
fn has_name(caller: &Caller) -> bool {
    !matches!(caller.via, Via::Loopback | Via::ControlSocket)
}

/// Whoever is limited declares for those who see what they see: by the key, which gets a prefix of theirs if none was said.
fn key_for(caller: &Caller, said: String, now: Timestamp) -> Answer<String> {
    if said.starts_with(OUTSIDE) {
        let why = format!("`key` is `{said}`, and those of calls for help from outside begin so");
        return Err(Problem::bad_request(why).hint(format!("begin it with anything but `{OUTSIDE}`")));
    }
    match caller.scope.as_prefixes().first() {
        _ if caller.scope == Scope::nothing() => {
            Err(Problem::forbidden(format!("{} is in no team, and sees nothing here", caller.name))
                .hint("ask an administrator for a team, or sign in again once you are in its group"))
        }
        Some(prefix) if said.is_empty() => Ok(format!("{prefix}declared-{}", now.0)),
        Some(prefix) if !caller.scope.sees(&said) => {
            let why = format!("`key` is `{said}`, and {} is limited to other prefixes", caller.name);
            Err(Problem::bad_request(why).hint(format!("leave it out, or begin it with `{prefix}`")))
        }
        _ => Ok(said),
    }
}

fn name_of(said: Option<String>, caller: &Caller) -> String {
    watched::author(caller, said.unwrap_or_default())
}

async fn act(
    services: Arc<Services>,
    caller: Caller,
    id: i64,
    author: Option<String>,
    deed: Deed,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = name_of(author, &caller);
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        do_it(services, id, &author, &deed)?;
        shown_to(services, &caller, id)
    })
    .await
}
