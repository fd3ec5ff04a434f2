//! What is in a group: its events, the hashes that lead to it, its tags.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::{Extension, Json};
use error_tracking::look::{KeptHash, TagShare, TagShares};
use serde::Deserialize;
use serde_json::{Value, json};
use vocabulary::error::EventId;

use super::{Page, Told, events, shapes, working};
use crate::accounts::{Caller, Role};
use crate::answer::Problem;
use crate::api_v1::errors;
use crate::guard::require;
use crate::services::Services;

const LATEST: &str = "latest";
/// Of one tag, as many as Sentry shows.
const TOP_VALUES: usize = 10;

/// By its number, or by its name: `WEB-12`; with the organization before it or without.
#[derive(Deserialize)]
pub struct OfGroup {
    issue: String,
}

#[derive(Deserialize)]
pub struct OfEvent {
    issue: String,
    /// Its id, or `latest`.
    event: String,
}

pub async fn list_events(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(of): Path<OfGroup>,
    uri: Uri,
) -> Told<Response> {
    let page = Page::read(uri.query().unwrap_or_default())?;
    require(&caller, Role::Viewer)?;
    let listed = services.query(move |services, limits| {
        let (group, project) = errors::group(services, &caller, &of.issue)?;
        Ok::<_, Problem>(page.cut(events::newest(services, &project, &[group], page, limits)?))
    });
    let (items, has_more) = listed.await??;
    Ok(page.answer(&uri, items, has_more))
}

pub async fn event(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(of): Path<OfEvent>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        let (group, project) = errors::group(services, caller, &of.issue)?;
        let unknown = || {
            Problem::not_found(format!("group {} has no event {}", of.issue, of.event))
                .hint("it is one of …/events/, or latest; bodies of old events are not kept")
        };
        let found = match of.event.as_str() {
            LATEST => services.event_log.list(project.id, group.id, events::FIRST)?.into_iter().next(),
            id => {
                let id: EventId = id.parse().map_err(Problem::bad_request)?;
                let found = services.event_log.read(project.id, id)?;
                // Of a merged group the log knows it as the whole's.
                found.filter(|event| event.key.group == group.id)
            }
        };
        events::whole(&project, &group, &found.ok_or_else(unknown)?).map(Json)
    })
    .await
}

pub async fn hashes(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(of): Path<OfGroup>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        let (group, _) = errors::group(services, caller, &of.issue)?;
        let shown = |one: KeptHash| {
            json!({"id": one.hash, "count": one.count, "latestEvent": null,
                "firstSeen": shapes::time(one.first_seen), "lastSeen": shapes::time(one.last_seen)})
        };
        let hashes = services.tracker.hashes(group.id, services.clock.now())?;
        Ok(Json(hashes.into_iter().map(shown).collect()))
    })
    .await
}

pub async fn tags(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(of): Path<OfGroup>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        let (group, project) = errors::group(services, caller, &of.issue)?;
        let tags = services.tracker.tags(project.id, group.id, services.clock.now())?;
        Ok(Json(tags.iter().map(tag).collect()))
    })
    .await
}

fn tag(of: &TagShares) -> Value {
    let value = |one: &TagShare| {
        json!({"key": of.key, "value": one.value, "name": one.value, "count": one.count,
            "lastSeen": shapes::time(one.last_seen)})
    };
    let total: u64 = of.values.iter().map(|one| one.count).sum();
    let top: Vec<Value> = of.values.iter().take(TOP_VALUES).map(value).collect();
    json!({"key": of.key, "name": of.key, "totalValues": total, "uniqueValues": of.values.len(), "topValues": top})
}
