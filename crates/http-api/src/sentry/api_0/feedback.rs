//! What people say about errors, from programs that ask them themselves; and a list of it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::{Extension, Json};
use formats::sentry::user_report;
use serde_json::{Value, json};
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use super::super::kept::{self, KeptReport};
use super::super::words;
use super::{Page, Told, find_project, shapes, working};
use crate::accounts::{Caller, Role};
use crate::answer::Problem;
use crate::services::Services;

fn shown(event: EventId, said: &KeptReport) -> Value {
    json!({"eventID": event.to_string(), "event": {"eventID": event.to_string()}, "name": said.name,
        "email": said.email, "comments": said.comments, "dateCreated": shapes::time(said.at)})
}

pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
) -> Told<Response> {
    let page = Page::read(uri.query().unwrap_or_default())?;
    let listed = working(&services, caller, Role::Viewer, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        let most = page.offset.saturating_add(page.limit).saturating_add(1);
        let said = kept::reports(&services.state, project.id, most)?;
        Ok(page.cut(said.iter().map(|(event, said)| shown(*event, said)).collect()))
    });
    let (items, has_more) = listed.await?;
    Ok(page.answer(&uri, items, has_more))
}

/// As a client sends it in an item `user_report`: the last one about an event counts.
pub async fn say(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    body: Bytes,
) -> Told<(StatusCode, Json<Value>)> {
    working(&services, caller, Role::Editor, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        let report = user_report::read(&body).map_err(|why| Problem::bad_request(why.to_string()))?;
        let event = report.event.ok_or_else(|| {
            Problem::bad_request("the words name no `event_id`")
                .hint("send event_id, name, email and comments")
        })?;
        let now: Timestamp = services.clock.now();
        words::keep(services, &project, &[(event, report)], now)
            .map_err(|refusal| Problem::new(refusal.status, refusal.detail))?;
        let said = kept::report_of(&services.state, project.id, event)?;
        let told = said.map_or(Value::Null, |said| shown(event, &said));
        Ok((StatusCode::OK, Json(told)))
    })
    .await
}
