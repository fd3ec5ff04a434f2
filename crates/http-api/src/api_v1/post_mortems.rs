//! Post-mortems: begun from an incident's record, written together, published if people are to read them.

pub mod follow_ups;
mod impact;
mod page;
pub mod publishing;

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use incidents::learning::store::Version;
use incidents::learning::wording::{Hint, hints};
use incidents::learning::{PostMortem, Published, Text};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::follow_ups::FollowUpItem;
use self::impact::Impact;
use super::refused::refusal;
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Params, Problem};
use crate::services::Services;

const USUAL_LISTED: usize = 100;
const MAX_LISTED: usize = 2_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The newest so many; default 100.
    limit: Option<usize>,
    /// Of this incident only.
    incident: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct PostMortems {
    now: i64,
    post_mortems: Vec<Listed>,
}

/// As a list has it.
#[derive(Serialize, ToSchema)]
pub struct Listed {
    id: i64,
    incident: i64,
    /// Such as `monitor:api-latency`.
    reason: String,
    title: String,
    began: i64,
    ended: Option<i64>,
    created: i64,
    changed: i64,
    author: String,
    version: i64,
    published: Option<PublishedItem>,
    follow_ups: Vec<FollowUpItem>,
    open_follow_ups: usize,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedItem {
    at: i64,
    by: String,
    /// Where whoever has the link reads it, without a sign-in.
    path: String,
    version: i64,
    /// The text has changed since.
    is_older: bool,
}

#[derive(Serialize, ToSchema)]
pub struct WholePostMortem {
    #[serde(flatten)]
    listed: Listed,
    /// `title`, `regret`, `reason`, `remedy`, `timeline: [{at, role, words, hidden}]`, `redact`, `keep`.
    #[schema(value_type = Object)]
    text: Text,
    /// From the incident's record; null once that is forgotten.
    impact: Option<Impact>,
    /// Words that read as blame, and what to write instead.
    #[schema(value_type = Vec<Object>)]
    wording: Vec<Hint>,
    /// Of earlier incidents of the same reason.
    earlier: Vec<Listed>,
}

#[derive(Serialize, ToSchema)]
pub struct Versions {
    versions: Vec<VersionItem>,
}

#[derive(Serialize, ToSchema)]
struct VersionItem {
    version: i64,
    at: i64,
    author: String,
    #[schema(value_type = Object)]
    text: Text,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Beginning {
    incident: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Writing {
    /// The version that was read, and is changed by this.
    version: i64,
    #[schema(value_type = Object)]
    text: Text,
}

pub fn listed(post_mortem: PostMortem) -> Listed {
    let version = post_mortem.version;
    let published = |published: Published| PublishedItem {
        at: published.at,
        by: published.by,
        path: format!("/post-mortems/{}", published.token),
        version: published.version,
        is_older: published.version != version,
    };
    let follow_ups: Vec<FollowUpItem> = post_mortem.follow_ups.into_iter().map(follow_ups::item).collect();
    Listed {
        id: post_mortem.id,
        incident: post_mortem.about.incident,
        reason: post_mortem.about.reason,
        title: post_mortem.text.title,
        began: post_mortem.about.began,
        ended: post_mortem.about.ended,
        created: post_mortem.created,
        changed: post_mortem.changed,
        author: post_mortem.author,
        version,
        published: post_mortem.published.map(published),
        open_follow_ups: follow_ups.iter().filter(|one| one.is_open()).count(),
        follow_ups,
    }
}

/// All of one, with what is computed of it.
pub fn whole(services: &Services, id: i64) -> Answer<WholePostMortem> {
    let post_mortem = services.desk.post_mortem(id)?.ok_or_else(|| unknown(id))?;
    let earlier =
        services.desk.earlier_post_mortems(post_mortem.about.incident, &post_mortem.about.reason)?;
    Ok(WholePostMortem {
        text: post_mortem.text.clone(),
        wording: hints(&post_mortem.text),
        impact: impact::of(services, &post_mortem.about)?,
        earlier: earlier.into_iter().map(listed).collect(),
        listed: listed(post_mortem),
    })
}

pub fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("there is no post-mortem {id}")).hint("GET /api/v1/post-mortems lists them")
}

#[utoipa::path(get, path = "/post-mortems", params(Which), responses((status = 200, body = PostMortems)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<PostMortems>> {
    watched::sees(&caller)?;
    let limit = which.limit.unwrap_or(USUAL_LISTED).min(MAX_LISTED);
    off_thread(&services, move |services| {
        let found = match which.incident {
            Some(incident) => services.desk.post_mortem_of(incident)?.into_iter().collect(),
            None => services.desk.post_mortems(limit)?,
        };
        let post_mortems = found.into_iter().map(listed).collect();
        Ok(Json(PostMortems { now: services.clock.now().0, post_mortems }))
    })
    .await
}

/// Begins one: its timeline is the incident's, with parts in the place of names.
#[utoipa::path(post, path = "/post-mortems", request_body = Beginning,
    responses((status = 200, body = WholePostMortem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn begin(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(beginning): Body<Beginning>,
) -> Answer<Json<WholePostMortem>> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let incident = beginning.incident;
        let begun = services.desk.begin_post_mortem(incident, &caller.name, services.clock.now());
        let id = begun.map_err(|failed| refusal(failed, || super::incidents::unknown(incident)))?;
        whole(services, id).map(Json)
    })
    .await
}

#[utoipa::path(get, path = "/post-mortems/{id}", params(("id" = i64, Path)),
    responses((status = 200, body = WholePostMortem), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<WholePostMortem>> {
    watched::sees(&caller)?;
    off_thread(&services, move |services| whole(services, id).map(Json)).await
}

/// Changes the text. Whoever has read an older version is told so (409), and overwrites nothing.
#[utoipa::path(put, path = "/post-mortems/{id}", params(("id" = i64, Path)), request_body = Writing,
    responses((status = 200, body = WholePostMortem), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn write(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(writing): Body<Writing>,
) -> Answer<Json<WholePostMortem>> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let Writing { version, text } = writing;
        let written = services.desk.write_post_mortem(id, &caller.name, version, &text, services.clock.now());
        written.map_err(|failed| refusal(failed, || unknown(id)))?;
        whole(services, id).map(Json)
    })
    .await
}

#[utoipa::path(get, path = "/post-mortems/{id}/versions", params(("id" = i64, Path)),
    responses((status = 200, body = Versions), (status = 404, body = Problem)))]
pub async fn versions(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<Versions>> {
    watched::sees(&caller)?;
    off_thread(&services, move |services| {
        let found = services.desk.post_mortem_versions(id)?;
        if found.is_empty() {
            return Err(unknown(id));
        }
        let item = |one: Version| VersionItem {
            version: one.version,
            at: one.at,
            author: one.author,
            text: one.text,
        };
        Ok(Json(Versions { versions: found.into_iter().map(item).collect() }))
    })
    .await
}
