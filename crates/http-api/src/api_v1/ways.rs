//! How one is reached oneself: ways that each person adds, shows to be theirs by a code that is sent through them, and tries.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::removing::Removing;
use super::status::off_thread;
use crate::accounts::{self, Caller, Role, Typed, Via, WantedWay};
use crate::answer::{Answer, Body, Id, Params, Problem};
use crate::control::{OfferedWay, ToSay};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct OwnWays {
    person: String,
    /// A `[[contact]]` of the files has this name: it says how one is reached, and these ways are not used.
    in_files: bool,
    ways: Vec<OwnWay>,
    /// By what one may be reached here.
    offered: Vec<OfferedWay>,
    /// With which a browser subscribes to web push (`applicationServerKey`).
    push_key: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct OwnWay {
    /// Of a browser: of its subscription.
    address: String,
    #[serde(flatten)]
    way: WayState,
}

/// A way without where it leads.
#[derive(Serialize, ToSchema)]
struct WayState {
    id: i64,
    r#type: String,
    label: String,
    /// By which channel; null: the first of its type.
    channel: Option<String>,
    /// Since when it is as it is now.
    changed: i64,
    /// Null: not yet, and it is not used until then.
    confirmed: Option<i64>,
    /// The receiver has said that it is there no more.
    gone: Option<i64>,
    tested: Option<LastTest>,
}

#[derive(Serialize, ToSchema)]
struct LastTest {
    at: i64,
    /// Null: it was taken.
    error: Option<String>,
}

/// Of this type one has several: each browser that has subscribed is one.
const PUSH: &str = "push";

/// Of a browser the address of its subscription; its keys are of no use to anybody who reads this.
fn address(way: &accounts::Way) -> String {
    let subscription: Option<Value> =
        (way.kind == PUSH).then(|| serde_json::from_str(&way.address).unwrap_or_default());
    match subscription {
        Some(subscription) => subscription["endpoint"].as_str().unwrap_or_default().to_owned(),
        None => way.address.clone(),
    }
}

fn shown(way: accounts::Way) -> OwnWay {
    let address = address(&way);
    let tested = way
        .tested
        .map(|test| LastTest { at: test.at, error: Some(test.error).filter(|why| !why.is_empty()) });
    let state = WayState {
        id: way.id,
        r#type: way.kind,
        label: way.label,
        channel: way.channel,
        changed: way.changed,
        confirmed: way.confirmed,
        gone: way.gone,
        tested,
    };
    OwnWay { address, way: state }
}

/// Whose ways these are. A server that asks nobody to sign in belongs to the one person that it has.
pub fn me(services: &Services, caller: &Caller) -> Answer<String> {
    match caller.via {
        Via::Session | Via::Proxy => return Ok(caller.name.clone()),
        Via::Token => {
            return Err(Problem::forbidden("a token is nobody: only a person is reached")
                .hint("sign in as yourself, in the browser or with name and password"));
        }
        Via::Loopback | Via::ControlSocket => {}
    }
    let conflict = |why: &str| Problem::new(StatusCode::CONFLICT, why);
    match accounts::people(&services.state)?.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => Err(conflict("nobody has an account yet, so that there is nobody to reach")
            .hint("make yourself one: bellwether user set NAME --role admin")),
        _ => Err(conflict("several people have an account, and nobody is asked which of them this is")
            .hint("set [auth] mode = \"required\", and sign in")),
    }
}

fn own_ways(services: &Services, person: String) -> Answer<Json<OwnWays>> {
    let ways = accounts::ways(&services.state, &person)?.into_iter().map(shown).collect();
    let in_files = is_in_files(services, &person);
    let (offered, push_key) = (services.control.ways_offered(), services.control.push_key());
    Ok(Json(OwnWays { person, in_files, ways, offered, push_key }))
}

pub(super) fn is_in_files(services: &Services, person: &str) -> bool {
    services.monitors.definitions().contacts.iter().any(|contact| contact.name == person)
}

/// How one is reached.
#[utoipa::path(get, path = "/me/ways", responses((status = 200, body = OwnWays), (status = 409, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<OwnWays>> {
    off_thread(&services, move |services| own_ways(services, me(services, &caller)?)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWays {
    ways: Vec<NewWay>,
    /// Yes, even though nobody will reach me while I am on call.
    #[serde(default)]
    unreachable: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWay {
    /// Of one that is there.
    id: Option<i64>,
    r#type: String,
    /// Left out: as before.
    address: Option<String>,
    #[serde(default)]
    label: String,
    channel: Option<String>,
}

/// These are my ways, and no others. One that is new or leads elsewhere is not used before it is confirmed.
#[utoipa::path(put, path = "/me/ways", request_body = NewWays,
    responses((status = 200, body = OwnWays), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub async fn set(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<NewWays>,
) -> Answer<Json<OwnWays>> {
    off_thread(&services, move |services| {
        let (person, now) = (me(services, &caller)?, services.clock.now());
        let before = accounts::ways(&services.state, &person)?;
        check(services, &caller, &wanted.ways, &before)?;
        if !wanted.unreachable {
            refuse_silence(services, &person, &before, &wanted.ways)?;
        }
        let ways: Vec<WantedWay> = wanted.ways.into_iter().map(into_wanted).collect();
        accounts::set_ways(&services.state, &person, &ways, now)?;
        services.control.people_changed();
        own_ways(services, person)
    })
    .await
}

fn into_wanted(way: NewWay) -> WantedWay {
    let NewWay { id, r#type: kind, address, label, channel } = way;
    WantedWay { id, kind, address: address.map(|text| text.trim().to_owned()), label, channel }
}

/// Only what is new is looked at: a channel that has gone since must not keep anybody from adding another way.
fn check(services: &Services, caller: &Caller, wanted: &[NewWay], before: &[accounts::Way]) -> Answer<()> {
    for (index, way) in wanted.iter().enumerate() {
        if way.r#type != PUSH && wanted[..index].iter().any(|other| other.r#type == way.r#type) {
            let why = "one of each type, and as many browsers (`push`) as you have";
            return Err(Problem::bad_request(format!("ways.{index}.type: {why}")));
        }
        let old = before.iter().find(|old| way.id == Some(old.id));
        if old.is_some_and(|old| is_same(old, way)) {
            continue;
        }
        may_ring(caller, &way.r#type)?;
        let address = way.address.as_deref().or(old.map(|old| old.address.as_str())).unwrap_or_default();
        let checked = services.control.check_way(&way.r#type, address.trim(), way.channel.as_deref());
        checked.map_err(|(key, why)| Problem::bad_request(format!("ways.{index}.{key}: {why}")))?;
    }
    Ok(())
}

fn is_same(old: &accounts::Way, way: &NewWay) -> bool {
    let address = way.address.as_deref().is_none_or(|address| address.trim() == old.address);
    address && way.r#type == old.kind && way.channel == old.channel
}

/// Texts and calls cost money and may reach a stranger: they are for those whom pages reach.
fn may_ring(caller: &Caller, kind: &str) -> Answer<()> {
    if accounts::is_phone(kind) && caller.role < Role::Responder {
        return Err(Problem::forbidden(format!("`{kind}` is for responders and above")).hint(
            "take a way that costs nothing, such as mail or a browser, or ask an administrator for the role",
        ));
    }
    Ok(())
}

/// Whoever is on call within a month takes out the last way knowingly.
fn refuse_silence(
    services: &Services,
    person: &str,
    before: &[accounts::Way],
    wanted: &[NewWay],
) -> Answer<()> {
    let stays = |old: &accounts::Way| wanted.iter().any(|way| way.id == Some(old.id) && is_same(old, way));
    let turns = silenced(services, person, before, stays);
    if turns.is_empty() {
        return Ok(());
    }
    let why = format!(
        "{person} is on call within 30 days ({}), and would be reached by nothing that is confirmed",
        turns.join(", ")
    );
    Err(Problem::new(StatusCode::CONFLICT, why)
        .hint("confirm another way first, ask somebody for cover, or send \"unreachable\": true"))
}

/// Turns within a month of somebody who is reached now, and by nothing that is confirmed once only what stays is left.
fn silenced(
    services: &Services,
    person: &str,
    before: &[accounts::Way],
    stays: impl Fn(&accounts::Way) -> bool,
) -> Vec<String> {
    let mut confirmed = before.iter().filter(|way| way.confirmed.is_some()).peekable();
    if confirmed.peek().is_none() || confirmed.any(stays) || is_in_files(services, person) {
        return Vec::new();
    }
    let turns = services.desk.turns_of(person, services.clock.now());
    turns.into_iter().map(|name| format!("schedule `{name}`")).collect()
}

fn no_way(id: i64) -> Problem {
    Problem::not_found(format!("you have no way {id}")).hint("GET /api/v1/me/ways lists them")
}

/// Sends another code by this way: it counts for ten minutes.
#[utoipa::path(post, path = "/me/ways/{id}/code", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem),
        (status = 502, body = Problem)))]
pub async fn send_code(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    let (way, code) = off_thread(&services, move |services| {
        let person = me(services, &caller)?;
        let way = one(services, &person, id)?;
        may_ring(&caller, &way.kind)?;
        let now = services.clock.now();
        // A code shows that it is theirs, whatever was shown before.
        accounts::may_send(&services.state, &accounts::Way { confirmed: None, ..way }, now)?;
        accounts::new_code(&services.state, &person, id, now)?.ok_or_else(|| no_way(id))
    })
    .await?;
    services.control.say(&way, ToSay::Code(code)).await.map_err(not_sent)?;
    Ok(StatusCode::NO_CONTENT)
}

fn one(services: &Services, person: &str, id: i64) -> Answer<accounts::Way> {
    let found = accounts::ways(&services.state, person)?.into_iter().find(|way| way.id == id);
    let way = found.ok_or_else(|| no_way(id))?;
    match way.gone {
        None => Ok(way),
        Some(_) => {
            Err(Problem::new(StatusCode::CONFLICT, "the receiver has said that this is there no more")
                .hint("take it out, and add it again where you want to be reached"))
        }
    }
}

fn not_sent(why: String) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, format!("it was not sent: {why}"))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedCode {
    code: String,
}

/// The code that has come: from now on this way is used.
#[utoipa::path(post, path = "/me/ways/{id}/confirm", params(("id" = i64, Path)), request_body = TypedCode,
    responses((status = 200, body = OwnWays), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn confirm(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(typed): Body<TypedCode>,
) -> Answer<Json<OwnWays>> {
    off_thread(&services, move |services| {
        let person = me(services, &caller)?;
        let now = services.clock.now();
        match accounts::confirm_way(&services.state, &person, id, &typed.code, now)? {
            Typed::Right => {
                services.control.people_changed();
                own_ways(services, person)
            }
            Typed::Wrong { left } => {
                Err(Problem::bad_request("this is not the code that was sent").hint(match left {
                    0 => "it counts no more: send another".to_owned(),
                    left => format!("it may be tried {left} more times"),
                }))
            }
            Typed::NoCode => Err(Problem::new(
                StatusCode::CONFLICT,
                "no code is waited for: it is too old, or none was sent",
            )
            .hint("send another")),
            Typed::Unknown => Err(no_way(id)),
        }
    })
    .await
}

/// Sends a test by this way now: one page that begins, as the worst does, and one that ends it.
#[utoipa::path(post, path = "/me/ways/{id}/test", params(("id" = i64, Path)),
    responses((status = 200, body = OwnWays), (status = 404, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem),
        (status = 502, body = Problem)))]
pub async fn test(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<OwnWays>> {
    let way = off_thread(&services, move |services| {
        let person = me(services, &caller)?;
        let way = one(services, &person, id)?;
        if way.confirmed.is_none() {
            return Err(Problem::new(StatusCode::CONFLICT, "this way is not confirmed yet")
                .hint("send a code to it first: that is a test too"));
        }
        may_ring(&caller, &way.kind)?;
        accounts::may_send(&services.state, &way, services.clock.now())?;
        Ok(way)
    })
    .await?;
    let sent = services.control.say(&way, ToSay::Test).await;
    off_thread(&services, move |services| {
        let error = sent.as_ref().err().map_or("", String::as_str);
        accounts::note_test(&services.state, &way, error, services.clock.now())?;
        sent.map_err(not_sent)?;
        own_ways(services, way.person)
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct WaysOf {
    person: String,
    in_files: bool,
    ways: Vec<WayState>,
}

/// Whether and how somebody is reached; not where.
#[utoipa::path(get, path = "/people/{name}/ways", params(("name" = String, Path)),
    responses((status = 200, body = WaysOf), (status = 404, body = Problem)))]
pub async fn of_person(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<WaysOf>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        let person = called(services, &name)?;
        let ways = accounts::ways(&services.state, &person)?;
        let ways = ways.into_iter().map(|way| shown(way).way).collect();
        Ok(Json(WaysOf { in_files: is_in_files(services, &person), person, ways }))
    })
    .await
}

/// All of them: whoever was taken for this person may have added some. They say again how they are reached.
#[utoipa::path(delete, path = "/people/{name}/ways", params(Removing, ("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove_of_person(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(removing): Params<Removing>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        let person = called(services, &name)?;
        let before = accounts::ways(&services.state, &person)?;
        removing
            .check(&format!("the ways of `{person}`"), || silenced(services, &person, &before, |_| false))?;
        accounts::set_ways(&services.state, &person, &[], services.clock.now())?;
        services.control.people_changed();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

fn called(services: &Services, name: &str) -> Answer<String> {
    let found = accounts::person(&services.state, name)?;
    Ok(found.ok_or_else(|| Problem::not_found(format!("there is nobody called `{name}`")))?.name)
}
