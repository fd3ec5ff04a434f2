//! The newest events of a project, as `sentry-cli events list` reads them.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use error_tracking::look::{Order, Wanted};
use error_tracking::{Group, Project};
use serde_json::{Value, json};
use vocabulary::Timestamp;
use vocabulary::error::{EventId, StoredEvent};
use vocabulary::ports::EventPage;

use super::{Page, Told, find_project, shapes, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::services::Services;

/// What is older is in the lists of groups: of each page all that is newer is read again.
const NEWEST: usize = 1_000;
/// Bodies that are read at a time.
const AT_ONCE: usize = 100;
/// The newest event of a group.
pub(super) const FIRST: EventPage = EventPage { before: None, limit: 1 };
/// What an event is made of: as Sentry calls it, and where it is.
const PARTS: [(&str, &str); 5] = [
    ("exception", "exception"),
    ("message", "logentry"),
    ("threads", "threads"),
    ("request", "request"),
    ("breadcrumbs", "breadcrumbs"),
];

pub async fn of_project(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
) -> Told<Response> {
    let page = Page::read(uri.query().unwrap_or_default())?;
    let listed = working(&services, caller, Role::Viewer, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        Ok(page.cut(newest(services, &project, most(page))?))
    });
    let (items, has_more) = listed.await?;
    Ok(page.answer(&uri, items, has_more))
}

/// One more than the page and all before it tells whether there are more.
pub(super) fn most(page: Page) -> usize {
    page.offset.saturating_add(page.limit).saturating_add(1).min(NEWEST)
}

/// So many of one group, the newest first.
pub(super) fn newest_of(
    services: &Services,
    project: &Project,
    group: &Group,
    most: usize,
) -> Answer<Vec<Value>> {
    let mut found = Vec::new();
    of_group(services, project, group, most, &mut found)?;
    Ok(found.into_iter().map(|(_, event)| event).collect())
}

/// So many of all groups, the newest first.
fn newest(services: &Services, project: &Project, most: usize) -> Answer<Vec<Value>> {
    let wanted =
        Wanted { project: Some(project.id), order: Order::LastSeen, limit: most, ..Wanted::default() };
    let mut found: Vec<((Timestamp, EventId), Value)> = Vec::new();
    for group in services.tracker.list(&wanted, services.clock.now())? {
        // Groups come by their newest event: of those that follow none is newer.
        if found.len() == most && found.last().is_some_and(|((oldest, _), _)| group.last_seen < *oldest) {
            break;
        }
        of_group(services, project, &group, most, &mut found)?;
        found.sort_by_key(|(place, _)| Reverse(*place));
        found.truncate(most);
    }
    Ok(found.into_iter().map(|(_, event)| event).collect())
}

fn of_group(
    services: &Services,
    project: &Project,
    group: &Group,
    most: usize,
    found: &mut Vec<((Timestamp, EventId), Value)>,
) -> Answer<()> {
    let (mut before, mut left) = (None, most);
    while left > 0 {
        let page = EventPage { before, limit: left.min(AT_ONCE) };
        let events = services.event_log.list(project.id, group.id, page)?;
        let Some(last) = events.last() else { break };
        before = Some((last.key.at, last.key.id));
        left -= events.len().min(left);
        for event in &events {
            found.push(((event.key.at, event.key.id), shown(project, group, event)?));
        }
    }
    Ok(())
}

fn shown(project: &Project, group: &Group, event: &StoredEvent) -> Answer<Value> {
    let body: Value = serde_json::from_slice(&event.body).map_err(Problem::internal)?;
    let user = body.get("user").filter(|user| user.is_object()).map(user_of);
    let tag = |(key, value): (&String, &Value)| json!({"key": key, "value": text(value)});
    let tags = body.get("tags").and_then(Value::as_object);
    let id = event.key.id.to_string();
    Ok(json!({"id": id, "eventID": id, "groupID": group.id.to_string(), "projectID": project.id.to_string(),
        "title": group.title, "message": body.pointer("/logentry/formatted"), "culprit": group.culprit,
        "platform": body.get("platform"), "dateCreated": shapes::time(event.key.at), "user": user,
        "tags": tags.map_or_else(Vec::new, |tags| tags.iter().map(tag).collect())}))
}

/// With what is in it, by Sentry's names of the parts.
pub(super) fn whole(project: &Project, group: &Group, event: &StoredEvent) -> Answer<Value> {
    let body: Value = serde_json::from_slice(&event.body).map_err(Problem::internal)?;
    let part = |(kind, key): &(&str, &str)| Some(json!({"type": kind, "data": body.get(*key)?}));
    let mut shown = shown(project, group, event)?;
    shown["entries"] = PARTS.iter().filter_map(part).collect();
    for key in ["contexts", "release", "dist", "sdk", "environment", "errors"] {
        shown[key] = body.get(key).cloned().unwrap_or_default();
    }
    Ok(shown)
}

fn user_of(user: &Value) -> Value {
    let part = |name: &str| user.get(name).map(text);
    json!({"id": part("id"), "email": part("email"), "username": part("username"), "ip_address": part("ip_address"),
        "name": part("name")})
}

/// Clients send numbers too.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
