//! What people say of monitors, panels, error groups and playbooks.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::comments::{self, Thing};
use incidents::desk::Failed;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::refused::refusal;
use super::status::off_thread;
use super::{downtimes, errors, watched};
use crate::accounts::{self, Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::guard::require;
use crate::services::Services;

/// Before our numbers: comments on checks, as Nagios has them, are numbered by themselves.
const MARK: char = 'c';
const GROUP: &str = "group:";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// `monitor:NAME` (a check too), `host:NAME`, `playbook:NAME`, `panel:ID` or `group:ID` (of errors; `WEB-12`, too).
    on: String,
}

#[derive(Serialize, ToSchema)]
pub struct Comments {
    comments: Vec<CommentItem>,
}

#[derive(Serialize, ToSchema)]
pub struct CommentItem {
    #[schema(example = "c12")]
    id: String,
    by: String,
    at: i64,
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commenting {
    /// `@name` pages that contact with it.
    text: String,
    /// In whose name; default: who asks.
    author: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Commented {
    #[serde(flatten)]
    comment: CommentItem,
    /// Whom it names in vain, each with why.
    not_paged: Vec<String>,
}

fn item(one: comments::Comment) -> CommentItem {
    CommentItem { id: format!("{MARK}{}", one.id), by: one.by, at: one.at, text: one.text }
}

/// What is theirs by its own name, a group of errors by its project's; the rest is of everybody.
fn thing(services: &Services, caller: &Caller, role: Role, on: &str) -> Answer<Thing> {
    require(caller, role)?;
    let thing = Thing::parse(on).map_err(|refused| refusal(Failed::Refused(refused), || unknown(on)))?;
    if let Some(named) = on.strip_prefix(GROUP) {
        let (group, _) = errors::group(services, caller, named)?;
        return Ok(of_group(group.id));
    }
    match &thing {
        Thing::Monitor(name) | Thing::Host(name) if !caller.scope.sees(name) => Err(unknown(on)),
        Thing::Monitor(_) | Thing::Host(_) => Ok(thing),
        Thing::Playbook(_) | Thing::Other(_) => watched::whole(caller, role).map(|()| thing),
    }
}

/// By its number, whatever it was called.
pub fn of_group(id: u64) -> Thing {
    Thing::Other(format!("{GROUP}{id}"))
}

fn unknown(on: &str) -> Problem {
    Problem::not_found(format!("there is no {}", on.replacen(':', " ", 1)))
        .hint("GET /api/v1/monitors and GET /api/v1/playbooks list what there is")
}

#[utoipa::path(get, path = "/comments", params(On),
    responses((status = 200, body = Comments), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(On { on }): Params<On>,
) -> Answer<Json<Comments>> {
    off_thread(&services, move |services| {
        let thing = thing(services, &caller, Role::Viewer, &on)?;
        let found = services.desk.comments(&thing)?;
        Ok(Json(Comments { comments: found.into_iter().map(item).collect() }))
    })
    .await
}

#[utoipa::path(post, path = "/comments", params(On), request_body = Commenting,
    responses((status = 201, body = Commented), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn write(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(On { on }): Params<On>,
    Body(commenting): Body<Commenting>,
) -> Answer<(StatusCode, Json<Commented>)> {
    let author = watched::author(&caller, commenting.author.unwrap_or_default());
    off_thread(&services, move |services| {
        let thing = thing(services, &caller, Role::Responder, &on)?;
        let made = services.desk.comment(&thing, &author, &commenting.text, services.clock.now());
        let (made, not_paged) = made.map_err(|failed| refusal(failed, || unknown(&on)))?;
        Ok((StatusCode::CREATED, Json(Commented { comment: item(made), not_paged })))
    })
    .await
}

/// One's own; an editor those of others. A number without a letter is that of a comment on a check or host, as Nagios
/// has them.
#[utoipa::path(delete, path = "/comments/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    watched::may(&caller, Role::Responder)?;
    let bad =
        || Problem::bad_request(format!("`{id}` is no comment")).hint("the `id` of each is in the list");
    let Some(own) = id.strip_prefix(MARK) else {
        return downtimes::remove_comment(&services, id.parse().map_err(|_| bad())?).await;
    };
    let number: i64 = own.parse().map_err(|_| bad())?;
    off_thread(&services, move |services| {
        let unknown = || Problem::not_found(format!("there is no comment {MARK}{number}"));
        let found = services.desk.one_comment(number)?.ok_or_else(unknown)?;
        // A token may be called as a person is.
        let is_theirs = found.by == caller.name
            && (caller.via.is_person() || accounts::person(&services.state, &caller.name)?.is_none());
        if !is_theirs {
            require(&caller, Role::Editor)?;
        }
        services.desk.remove_comment(number).map_err(|failed| refusal(failed, unknown))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
