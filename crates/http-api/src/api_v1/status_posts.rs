//! What is said on the public status page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Params, Problem};
use crate::services::Services;
use crate::status_page::mail;
use crate::status_page::posts::{self, Phase, Post, Refused, Said, Standings};

const USUAL_LIMIT: usize = 100;
const MOST: usize = 1_000;

#[derive(Serialize, ToSchema)]
pub struct Posts {
    /// Whether people outside see them.
    enabled: bool,
    components: Vec<String>,
    posts: Vec<Post>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    limit: Option<usize>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPost {
    title: String,
    /// Default: investigating.
    phase: Option<Phase>,
    text: String,
    /// How components do: operational, maintenance, degraded, partial_outage, outage.
    #[serde(default)]
    #[schema(value_type = Object)]
    components: Standings,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUpdate {
    phase: Phase,
    text: String,
    /// Left out: as before.
    #[schema(value_type = Option<Object>)]
    components: Option<Standings>,
}

#[utoipa::path(get, path = "/status-posts", params(Which), responses((status = 200, body = Posts)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<Posts>> {
    watched::may(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let config = services.settings.load().status_page.clone();
        let posts = posts::all(&services.state, which.limit.unwrap_or(USUAL_LIMIT).min(MOST))?;
        Ok(Json(Posts { enabled: config.enabled, components: config.components, posts }))
    })
    .await
}

/// Says something to people outside.
#[utoipa::path(post, path = "/status-posts", request_body = NewPost,
    responses((status = 201, body = Post), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub async fn begin(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewPost>,
) -> Answer<(StatusCode, Json<Post>)> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let phase = new.phase.unwrap_or(Phase::Investigating);
        let said = Said { phase, text: new.text, components: Some(new.components), author: caller.name };
        let known = components(services)?;
        let begun = posts::begin(&services.state, &new.title, &said, &known, services.clock.now());
        let begun = begun.map_err(|refused| refusal(0, refused))?;
        tell_readers(services);
        Ok((StatusCode::CREATED, Json(begun)))
    })
    .await
}

/// Says how it goes on. With the phase `resolved` it is over.
#[utoipa::path(post, path = "/status-posts/{id}/updates", params(("id" = i64, Path)), request_body = NewUpdate,
    responses((status = 200, body = Post), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn go_on(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(new): Body<NewUpdate>,
) -> Answer<Json<Post>> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let said = Said { phase: new.phase, text: new.text, components: new.components, author: caller.name };
        let known = components(services)?;
        let done = posts::go_on(&services.state, id, &said, &known, services.clock.now());
        let done = done.map_err(|refused| refusal(id, refused))?;
        tell_readers(services);
        Ok(Json(done))
    })
    .await
}

/// Takes a post away that should not have been said.
#[utoipa::path(delete, path = "/status-posts/{id}", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn withdraw(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| match posts::withdraw(&services.state, id)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(refusal(id, Refused::Unknown)),
    })
    .await
}

/// It is said in any case, and mailed with the next look if not now.
fn tell_readers(services: &Services) {
    if let Err(problem) = mail::news(services) {
        tracing::warn!(error = problem.error, "readers of the status page get their mail later");
    }
}

/// Whoever says something to people outside must not believe that they hear it when they do not.
fn components(services: &Services) -> Answer<Vec<String>> {
    let config = &services.settings.load().status_page;
    match config.enabled {
        true => Ok(config.components.clone()),
        false => Err(Problem::new(
            StatusCode::CONFLICT,
            "the status page is switched off, so nobody would read this",
        )
        .hint("write enabled = true into [status_page]")),
    }
}

fn refusal(id: i64, refused: Refused) -> Problem {
    match refused {
        Refused::Bad(why) => Problem::bad_request(why),
        Refused::Full(why) => Problem::new(StatusCode::CONFLICT, why),
        Refused::Unknown => {
            Problem::not_found(format!("there is no post {id}")).hint("GET /api/v1/status-posts lists them")
        }
        Refused::State(error) => error.into(),
    }
}
