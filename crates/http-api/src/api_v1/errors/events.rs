//! Events of a group as they are kept: JSON, with what people said of each and what lies beside it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use vocabulary::Timestamp;
use vocabulary::error::{EventId, StoredEvent};
use vocabulary::ports::EventPage;

use super::super::status::off_thread;
use super::links::Sources;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Id, Params, Problem};
use crate::guard::require;
use crate::sentry::kept;
use crate::services::Services;

const USUAL_LIMIT: usize = 50;
const MAX_LIMIT: usize = 10_000;
/// Of one answer; what is older is asked for with `before`.
const MAX_BYTES: usize = 64 << 20;
/// Read at a time: 100 KB each.
const PAGE: usize = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// 1 to 10000, usually 50. An answer ends after 64 MiB all the same.
    limit: Option<usize>,
    /// Only what is older than this event, by its id.
    before: Option<String>,
}

type Json = ([(HeaderName, &'static str); 1], Vec<u8>);

#[utoipa::path(get, path = "/errors/groups/{id}/events", params(("id" = String, Path), Which),
    responses((status = 200, body = Vec<Object>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
    Params(which): Params<Which>,
) -> Answer<Json> {
    require(&caller, Role::Viewer)?;
    let limit = which.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    off_thread(&services, move |services| {
        let (group, project) = super::group(services, &caller, &named)?;
        let mut before = which.before.map(|id| place(services, project.id, &id)).transpose()?;
        let mut out = b"[".to_vec();
        let mut sources = Sources::of(services, &project);
        let mut left = limit;
        while left > 0 && out.len() < MAX_BYTES {
            let page = EventPage { before, limit: left.min(PAGE) };
            let events = services.event_log.list(project.id, group.id, page)?;
            let Some(last) = events.last() else { break };
            before = Some((last.key.at, last.key.id));
            left -= events.len().min(left);
            for event in &events {
                if out.len() > 1 {
                    out.push(b',');
                }
                let source = sources.of_event(event)?;
                write(services, event, source, &mut out)?;
            }
        }
        out.push(b']');
        Ok(([(header::CONTENT_TYPE, "application/json")], out))
    })
    .await
}

fn place(services: &Services, project: u64, id: &str) -> Answer<(Timestamp, EventId)> {
    let id: EventId = id.parse().map_err(Problem::bad_request)?;
    let event = services.event_log.read(project, id)?;
    let event = event.ok_or_else(|| Problem::not_found(format!("there is no event {id}")))?;
    Ok((event.key.at, event.key.id))
}

/// The event, and behind its own fields ours, which begin with `_`.
fn write(services: &Services, event: &StoredEvent, source: Option<Value>, out: &mut Vec<u8>) -> Answer<()> {
    let key = &event.key;
    let mut ours = serde_json::Map::new();
    ours.insert("_group".into(), json!(key.group));
    if let Some(source) = source {
        ours.insert("_source".into(), source);
    }
    if let Some(report) = kept::report_of(&services.state, key.project, key.id)? {
        let feedback = json!({"at": report.at.0, "name": report.name, "email": report.email,
            "comments": report.comments, "url": report.url});
        ours.insert("_feedback".into(), feedback);
    }
    let attachments = kept::attachments_of(&services.state, key.project, key.id)?;
    if !attachments.is_empty() {
        let one = |one: &kept::KeptAttachment| json!({"id": one.id, "name": one.name, "content_type": one.content_type, "kind": one.kind, "size": one.size});
        ours.insert("_attachments".into(), attachments.iter().map(one).collect());
    }
    let ours = serde_json::to_vec(&ours).map_err(Problem::internal)?;
    // It is an object with its id at least.
    let body = event.body.strip_suffix(b"}").unwrap_or(&event.body);
    out.extend_from_slice(body);
    out.push(b',');
    out.extend_from_slice(&ours[1..]);
    Ok(())
}

/// As it was sent.
#[utoipa::path(get, path = "/errors/attachments/{id}", params(("id" = u64, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub async fn attachment(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<u64>,
) -> Answer<impl IntoResponse> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let unknown = || Problem::not_found(format!("there is no attachment {id}"));
        let (project, _, content) = kept::attachment(&services.state, id)?.ok_or_else(unknown)?;
        let project = services.projects.get(project).ok_or_else(unknown)?;
        if !super::sees(&caller.scope, &project.name) {
            return Err(unknown());
        }
        // What a stranger has sent is never shown as a page of ours.
        let headers =
            [(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_DISPOSITION, "attachment")];
        Ok((headers, content))
    })
    .await
}
