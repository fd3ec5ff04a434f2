//! Signing in and out, and who may.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::off_thread;
use crate::accounts::{self, Caller, Role, SESSION_SECONDS};
use crate::answer::{Answer, Body, Problem};
use crate::guard::{self, SESSION_COOKIE, require};
use crate::server::Peer;
use crate::services::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    name: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    user: String,
    role: Role,
}

#[utoipa::path(post, path = "/session", request_body = SignIn,
    responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub async fn sign_in(
    State(services): State<Arc<Services>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Body(form): Body<SignIn>,
) -> Answer<Response> {
    let source = match peer {
        Some(Extension(peer)) => guard::source_of(&services, &headers, peer),
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let secure = services.settings.load().http.uses_tls()
        || headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let turn = services.attempts.turn().await?;
    let (caller, secret) = off_thread(&services, move |services| {
        let _turn = turn;
        let caller = guard::by_password(services, &form.name, &form.password, source)?;
        let secret = accounts::open_session(&services.state, &form.name, services.clock.now())?;
        Ok((caller, secret))
    })
    .await?;
    let answer = Json(SignedIn { user: caller.name, role: caller.role });
    Ok((set_cookie(&secret, SESSION_SECONDS, secure)?, answer).into_response())
}

#[utoipa::path(delete, path = "/session", responses((status = 204)))]
pub async fn sign_out(State(services): State<Arc<Services>>, headers: HeaderMap) -> Answer<Response> {
    if let Some(secret) = guard::cookie(&headers).map(str::to_owned) {
        off_thread(&services, move |services| Ok(accounts::close_session(&services.state, &secret)?)).await?;
    }
    Ok((StatusCode::NO_CONTENT, set_cookie("", 0, false)?).into_response())
}

fn set_cookie(secret: &str, max_age: i64, secure: bool) -> Answer<[(header::HeaderName, HeaderValue); 1]> {
    let secure = if secure { "; Secure" } else { "" };
    let cookie =
        format!("{SESSION_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}");
    let value = HeaderValue::from_str(&cookie).map_err(Problem::internal)?;
    Ok([(header::SET_COOKIE, value)])
}

#[derive(Serialize, ToSchema)]
pub struct Person {
    name: String,
    role: Role,
}

#[derive(Serialize, ToSchema)]
pub struct People {
    people: Vec<Person>,
}

#[utoipa::path(get, path = "/people", responses((status = 200, body = People)))]
pub async fn people(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<People>> {
    require(&caller, Role::Admin)?;
    let people = off_thread(&services, |services| Ok(accounts::people(&services.state)?)).await?;
    Ok(Json(People { people: people.into_iter().map(|(name, role)| Person { name, role }).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPerson {
    name: String,
    password: String,
    role: Role,
}

/// Makes a person or sets password and role of one; ends their sessions.
#[utoipa::path(post, path = "/people", request_body = SetPerson,
    responses((status = 200, body = SignedIn), (status = 400, body = Problem)))]
pub async fn set_person(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(form): Body<SetPerson>,
) -> Answer<Json<SignedIn>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        accounts::set_person(&services.state, &form.name, &form.password, form.role, services.clock.now())?;
        Ok(Json(SignedIn { user: form.name, role: form.role }))
    })
    .await
}

#[utoipa::path(delete, path = "/people/{name}", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove_person(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| match accounts::remove_person(&services.state, &name)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format!("there is nobody called `{name}`"))),
    })
    .await
}
