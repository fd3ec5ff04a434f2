//! Who asks, and what there is.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use axum::{Extension, Json};
use error_tracking::project::Key;
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::shapes;
use super::{Page, Refused, Told, find_project, projects_of, working};
use crate::accounts::{Caller, Role};
use crate::api_v1::errors;
use crate::services::Services;

/// What there is only one of, when nobody says how they call it.
const ORGANIZATION: &str = "bellwether";

/// What a role is in Sentry's words. sentry-cli shows it, and warns where something is missing.
fn scopes(role: Role) -> Vec<&'static str> {
    let mut scopes = vec!["org:read", "project:read", "event:read", "team:read", "member:read"];
    if role >= Role::Responder {
        scopes.push("event:write");
    }
    if role >= Role::Editor {
        scopes.extend(["org:ci", "project:releases", "project:write"]);
    }
    if role >= Role::Admin {
        scopes.extend(["org:admin", "org:write", "project:admin", "event:admin"]);
    }
    scopes
}

pub async fn info(Extension(caller): Extension<Caller>) -> Json<Value> {
    Json(json!({"version": "0", "user": {"id": "1", "name": caller.name, "email": caller.name},
        "auth": {"scopes": scopes(caller.role)}}))
}

/// There is one, which is here.
pub async fn regions(State(services): State<Arc<Services>>, headers: HeaderMap) -> Json<Value> {
    let public = services.settings.load().http.public_url.trim_end_matches('/').to_owned();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url = if public.is_empty() { format!("http://{host}") } else { public };
    Json(json!({"regions": [{"name": ORGANIZATION, "url": url}]}))
}

pub async fn organizations() -> Json<Value> {
    Json(json!([shapes::organization(ORGANIZATION)]))
}

pub async fn organization(Path(org): Path<String>) -> Json<Value> {
    Json(shapes::organization(&org))
}

/// Where commits lie is not known here: sentry-cli then takes them from the checkout, or from what is said.
pub async fn repositories(Path(_): Path<String>) -> Json<Value> {
    Json(json!([]))
}

pub async fn projects(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(org): Path<String>,
    uri: Uri,
) -> Told<Response> {
    let page = Page::read(uri.query().unwrap_or_default())?;
    let (projects, has_more) = page.cut(projects_of(&services, &caller));
    let items = projects.iter().map(|project| shapes::project(&org, project)).collect();
    Ok(page.answer(&uri, items, has_more))
}

pub async fn all_projects(
    services: State<Arc<Services>>,
    caller: Extension<Caller>,
    uri: Uri,
) -> Result<Response, Refused> {
    projects(services, caller, Path(ORGANIZATION.to_owned()), uri).await
}

pub async fn environments(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        let names = services.tracker.environments(project.id)?;
        let shown = |name: String| json!({"id": name, "name": name, "isHidden": false});
        Ok(Json(names.into_iter().map(shown).collect()))
    })
    .await
}

/// What may be sent with, as `bellwether import sentry` asks for it.
pub async fn keys(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
) -> Told<Response> {
    let page = Page::read(uri.query().unwrap_or_default())?;
    let listed = working(&services, caller, Role::Viewer, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        let shown = |key: &Key| {
            let dsn = errors::projects::dsn(services, project.id, &key.key);
            let most = key.max_events_per_5m.filter(|most| *most > 0);
            json!({"id": key.key, "public": key.key, "projectId": project.id, "name": key.label, "label": key.label,
                "isActive": key.enabled, "dateCreated": shapes::time(Timestamp(key.created)), "dsn": {"public": dsn},
                "rateLimit": most.map(|count| json!({"window": 300, "count": count}))})
        };
        Ok(page.cut(project.public_keys.iter().map(shown).collect()))
    });
    let (items, has_more) = listed.await?;
    Ok(page.answer(&uri, items, has_more))
}

pub async fn project(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((org, slug)): Path<(String, String)>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        Ok(Json(shapes::project(&org, &project)))
    })
    .await
}
