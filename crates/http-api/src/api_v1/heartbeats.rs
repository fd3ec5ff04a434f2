//! Heartbeats: how each is, its last pings, and pings from our own command line.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use monitors::kinds::heartbeat::Known;
use monitors::kinds::heartbeat::ask::{Ask, Refused, Whom, is_uuid};
use monitors::kinds::heartbeat::heart::{PingKind, Shown};
use monitors::kinds::heartbeat::store::KeptPing;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Heartbeats {
    now: f64,
    heartbeats: Vec<Heartbeat>,
}

#[derive(Serialize, ToSchema)]
pub struct Heartbeat {
    name: String,
    /// `new`, `up`, `grace` (late), `started`, `down` or `paused`.
    #[schema(value_type = String)]
    status: Shown,
    text: String,
    /// Where it is pinged; only for those who may.
    path: Option<String>,
    slug: Option<String>,
    /// Made by a ping, not by the configuration.
    created: bool,
    schedule: Option<String>,
    time_zone: Option<String>,
    /// Seconds.
    period: Option<f64>,
    grace: f64,
    last_ping: Option<f64>,
    last_duration: Option<f64>,
    started: Option<f64>,
    expected: Option<f64>,
    down_at: Option<f64>,
    pings: u64,
    /// Runs that began while another had not ended, and whether the last one did.
    overlaps: u64,
    overlapped: bool,
}

#[derive(Serialize, ToSchema)]
pub struct WholeHeartbeat {
    #[serde(flatten)]
    heartbeat: Heartbeat,
    /// The newest first.
    history: Vec<PingItem>,
}

#[derive(Serialize, ToSchema)]
pub struct PingItem {
    n: u64,
    at: f64,
    /// `success`, `start`, `fail` or `log`.
    kind: &'static str,
    exit: Option<u8>,
    rid: Option<String>,
    method: String,
    /// From its start, of a ping that ended a run.
    duration: Option<f64>,
    /// It began while another run had not ended.
    overlaps: bool,
    body: String,
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// Whoever knows the UUID can ping, so that those who may not do so do not learn it.
fn heartbeat(known: Known, caller: &Caller) -> Heartbeat {
    let may = caller.role >= Role::Responder;
    Heartbeat {
        path: may.then(|| format!("/ping/{}", known.uuid)),
        name: known.name.to_string(),
        status: known.shown,
        text: known.text,
        slug: known.slug,
        created: known.created,
        schedule: known.schedule,
        time_zone: known.time_zone,
        period: known.period_ms.map(seconds),
        grace: seconds(known.grace_ms),
        last_ping: known.heart.last_ping.map(seconds),
        last_duration: known.heart.last_duration_ms.map(seconds),
        started: known.heart.last_start.map(|(at, _)| seconds(at)),
        expected: known.expected_ms.map(seconds),
        down_at: known.deadline_ms.map(seconds),
        pings: known.heart.pings,
        overlaps: known.heart.overlaps,
        overlapped: known.heart.overlapped,
    }
}

fn ping_item(ping: KeptPing) -> PingItem {
    PingItem {
        n: ping.n,
        at: seconds(ping.at_ms),
        kind: ping.kind.word(),
        exit: ping.exit,
        rid: ping.rid,
        method: ping.method,
        duration: ping.duration_ms.map(seconds),
        overlaps: ping.overlaps,
        body: String::from_utf8_lossy(&ping.body).into_owned(),
    }
}

pub fn now_ms(services: &Services) -> i64 {
    i64::try_from(services.clock.since_epoch().as_millis()).unwrap_or(i64::MAX)
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no heartbeat `{name}`")).hint("GET /api/v1/heartbeats lists them")
}

/// Those of others are as if they were not there. `whom` may be a slug or a UUID: what counts is the name.
fn theirs(services: &Services, caller: &Caller, role: Role, whom: &str) -> Answer<()> {
    require(caller, role)?;
    if caller.scope.is_everything() {
        return Ok(());
    }
    let name = services.heartbeats.name_of(whom);
    match name.is_some_and(|name| caller.scope.sees(&name)) {
        true => Ok(()),
        false => Err(unknown(whom)),
    }
}

#[utoipa::path(get, path = "/heartbeats", responses((status = 200, body = Heartbeats)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Heartbeats>> {
    require(&caller, Role::Viewer)?;
    let now = now_ms(&services);
    let all = services.heartbeats.list(now).into_iter().filter(|known| caller.scope.sees(&known.name));
    Ok(Json(Heartbeats {
        now: seconds(now),
        heartbeats: all.map(|known| heartbeat(known, &caller)).collect(),
    }))
}

/// By name, slug or UUID.
#[utoipa::path(get, path = "/heartbeats/{name}", params(("name" = String, Path)),
    responses((status = 200, body = WholeHeartbeat), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<WholeHeartbeat>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let found = services.heartbeats.one(&name, now_ms(services))?;
        let found = found.filter(|(known, _)| caller.scope.sees(&known.name));
        let (known, pings) = found.ok_or_else(|| unknown(&name))?;
        let history = pings.into_iter().map(ping_item).collect();
        Ok(Json(WholeHeartbeat { heartbeat: heartbeat(known, &caller), history }))
    })
    .await
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Success,
    Start,
    Fail,
    Log,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPing {
    /// Default: success, or by the exit status.
    kind: Option<Kind>,
    exit: Option<u8>,
    /// Ties an end to its start.
    rid: Option<String>,
    #[serde(default)]
    body: String,
}

/// By name, slug or UUID; the answer says that the ping is on the disk.
#[utoipa::path(post, path = "/heartbeats/{name}/ping", params(("name" = String, Path)), request_body = NewPing,
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn ping(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(new): Body<NewPing>,
) -> Answer<StatusCode> {
    theirs(&services, &caller, Role::Responder, &name)?;
    if new.rid.as_deref().is_some_and(|rid| !is_uuid(rid)) {
        return Err(Problem::bad_request("`rid` is not a UUID").hint("make one with uuidgen"));
    }
    let kind = match (new.kind, new.exit) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("`kind` and `exit` both say how it went: send one of them"));
        }
        (Some(Kind::Start), None) => PingKind::Start,
        (Some(Kind::Fail), None) => PingKind::Fail,
        (Some(Kind::Log), None) => PingKind::Log,
        (None, Some(exit)) if exit > 0 => PingKind::Fail,
        _ => PingKind::Success,
    };
    let (sender, receiver) = oneshot::channel();
    let ask = Ask {
        whom: Whom::Name(name.clone()),
        kind,
        exit: new.exit,
        rid: new.rid.map(|rid| rid.to_ascii_lowercase()),
        method: "API".into(),
        body: new.body.into_bytes(),
    };
    services.heartbeats.ask(
        ask,
        now_ms(&services),
        Box::new(move |answer| {
            // Whoever asked has gone; the ping counts all the same.
            let _ = sender.send(answer);
        }),
    );
    match receiver.await.unwrap_or(Err(Refused::Busy)) {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(Refused::NotFound | Refused::Ambiguous) => Err(unknown(&name)),
        Err(Refused::Disk) => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the ping could not be written"))
        }
        Err(_) => {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many pings wait")
                .hint("ask again in a second"))
        }
    }
}

#[utoipa::path(post, path = "/heartbeats/{name}/pause", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn pause(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    set_paused(&services, &caller, &name, true)
}

#[utoipa::path(post, path = "/heartbeats/{name}/resume", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn resume(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    set_paused(&services, &caller, &name, false)
}

fn set_paused(services: &Services, caller: &Caller, name: &str, paused: bool) -> Answer<StatusCode> {
    theirs(services, caller, Role::Responder, name)?;
    match services.heartbeats.pause(name, paused) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(name)),
    }
}

/// One that a ping has made.
#[utoipa::path(delete, path = "/heartbeats/{name}", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    theirs(&services, &caller, Role::Editor, &name)?;
    off_thread(&services, move |services| match services.heartbeats.remove(&name)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format!("no ping has made a heartbeat `{name}`"))
            .hint("one that a file defines is removed there")),
    })
    .await
}
