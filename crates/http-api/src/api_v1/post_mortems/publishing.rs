//! Before others read it: names and internals are taken out, somebody looks at what is left, then it has an address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::learning::redaction::Known;
use incidents::learning::{PostMortem, timeline};
use monitors::Definitions;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use vocabulary::ports::Scope;

use super::{WholePostMortem, page, unknown, whole};
use crate::accounts::{self, Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::api_v1::refused::refusal;
use crate::api_v1::{off_thread, watched};
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Preview {
    version: i64,
    /// As it would be shown.
    page: String,
    /// Names and internals that are not in it. Whatever else should not be: add it to `redact`; what may stay: to `keep`.
    removed: BTreeSet<String>,
    /// To be sent when it is published: of this page and no other.
    seen: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// From the preview.
    seen: String,
}

#[utoipa::path(get, path = "/post-mortems/{id}/preview", params(("id" = i64, Path)),
    responses((status = 200, body = Preview), (status = 404, body = Problem)))]
pub async fn preview(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<Preview>> {
    watched::sees(&caller)?;
    off_thread(&services, move |services| made(services, id).map(Json)).await
}

/// Publishes what was previewed; published anew it keeps its address.
#[utoipa::path(post, path = "/post-mortems/{id}/publish", params(("id" = i64, Path)), request_body = Publication,
    responses((status = 200, body = WholePostMortem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn publish(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(publication): Body<Publication>,
) -> Answer<Json<WholePostMortem>> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let preview = made(services, id)?;
        if preview.seen != publication.seen {
            let why = "it is not as it was previewed: somebody has changed it, or other names are known now";
            return Err(Problem::new(StatusCode::CONFLICT, why)
                .hint(format!("look at GET /api/v1/post-mortems/{id}/preview, and send its `seen`")));
        }
        set(services, id, Some(&preview.page), preview.version, &caller.name)
    })
    .await
}

/// Nobody reads it any more, and its address is never good again.
#[utoipa::path(delete, path = "/post-mortems/{id}/publish", params(("id" = i64, Path)),
    responses((status = 200, body = WholePostMortem), (status = 404, body = Problem)))]
pub async fn withdraw(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<WholePostMortem>> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| set(services, id, None, 0, &caller.name)).await
}

fn set(
    services: &Services,
    id: i64,
    page: Option<&str>,
    version: i64,
    author: &str,
) -> Answer<Json<WholePostMortem>> {
    let set = services.desk.publish(id, page, version, author, services.clock.now());
    set.map_err(|failed| refusal(failed, || unknown(id)))?;
    whole(services, id).map(Json)
}

fn made(services: &Services, id: i64) -> Answer<Preview> {
    let post_mortem = services.desk.post_mortem(id)?.ok_or_else(|| unknown(id))?;
    let (page, removed) = page::of(&post_mortem, &known(services, &post_mortem)?);
    let seen = Sha256::digest(page.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Preview { version: post_mortem.version, page, removed, seen })
}

/// Whoever took part, contacts, accounts, members of teams and owners are people; hosts and what is watched are internals.
fn known(services: &Services, post_mortem: &PostMortem) -> Answer<Known> {
    let took_part = services.desk.one(post_mortem.about.incident)?;
    let mut people: BTreeMap<String, String> =
        took_part.map(|found| timeline::parts(&found.timeline)).unwrap_or_default();
    let definitions = services.monitors.definitions();
    let owners = post_mortem.follow_ups.iter().map(|one| one.new.owner.clone());
    let named = services.desk.contact_names().into_iter().chain(owners).chain([post_mortem.author.clone()]);
    for name in named.chain(of_teams_and_accounts(services, &definitions)?).filter(|name| !name.is_empty()) {
        people.entry(name).or_insert_with(|| "[somebody]".to_owned());
    }
    // What nobody had to sign in for is done by nobody in particular.
    people.remove(crate::guard::WHOEVER_OWNS_IT);
    let hosts = definitions.hosts.iter().map(|host| host.name.clone());
    let hosts = hosts.chain(definitions.hosts.iter().filter_map(|host| host.address.clone()));
    let watched = definitions.monitors.iter().map(|one| one.name.clone());
    let watched = watched.chain(definitions.checks.iter().map(|one| one.name.clone()));
    // A name of letters alone is a word of the language, too, such as `load`.
    let watched = watched.filter(|name| name.chars().any(|c| !c.is_alphabetic() && !c.is_whitespace()));
    let own = services.control.identity().host;
    let internals = hosts
        .chain(reporting(services))
        .chain(watched)
        .chain([own])
        .chain(post_mortem.text.redact.iter().cloned());
    let mut keep: BTreeSet<String> = post_mortem.text.keep.iter().cloned().collect();
    keep.extend(definitions.services.iter().map(|service| service.name.clone()));
    // What somebody wants out goes out.
    keep.retain(|name| !post_mortem.text.redact.contains(name));
    Ok(Known { people, internals: internals.filter(|name| !name.is_empty()).collect(), keep })
}

/// Accounts have two names, of which people write either. What a team owns names nobody.
fn of_teams_and_accounts(services: &Services, definitions: &Definitions) -> Answer<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for person in accounts::people(&services.state)? {
        names.extend([person.name, person.details.display_name]);
    }
    let teams = accounts::teams(&services.state, &services.settings.load().teams)?;
    names.extend(teams.iter().flat_map(accounts::Team::members).cloned());
    let owners = definitions.monitors.iter().map(|one| &one.owner);
    let owners = owners.chain(definitions.checks.iter().map(|one| &one.owner));
    let owners = owners.chain(definitions.services.iter().map(|one| &one.owner)).flatten();
    names.extend(owners.filter(|name| !teams.iter().any(|team| team.team.name == **name)).cloned());
    Ok(names)
}

/// Hosts that are in no file: they report. In names of series a dot of theirs is an underscore.
fn reporting(services: &Services) -> Vec<String> {
    let now = services.clock.now();
    let inventory = services.inventories.of(services.control.as_ref(), &Scope::everything(), now);
    let agents = services.agents.statuses(now.0 as f64);
    let hosts = inventory.hosts.keys().cloned().chain(agents.into_iter().map(|agent| agent.name));
    hosts.flat_map(|name| [name.replace('_', "."), name]).collect()
}
