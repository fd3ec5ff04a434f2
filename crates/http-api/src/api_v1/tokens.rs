//! API tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::off_thread;
use crate::accounts::{self, Caller, Role, Token, Via};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Tokens {
    tokens: Vec<Token>,
}

#[utoipa::path(get, path = "/tokens", responses((status = 200, body = Tokens)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Tokens>> {
    require(&caller, Role::Admin)?;
    let tokens = off_thread(&services, |services| Ok(accounts::tokens(&services.state)?)).await?;
    Ok(Json(Tokens { tokens }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenWish {
    name: String,
    role: Role,
    /// Name prefixes that the bearer may see; none means all.
    #[serde(default)]
    prefixes: Vec<String>,
    /// Epoch seconds; none: until it is removed.
    expires: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedToken {
    id: i64,
    /// Shown this once.
    token: String,
}

#[utoipa::path(post, path = "/tokens", request_body = TokenWish,
    responses((status = 200, body = CreatedToken), (status = 400, body = Problem)))]
pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wish): Body<TokenWish>,
) -> Answer<Json<CreatedToken>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let TokenWish { name, role, prefixes, expires } = wish;
        let (owner, last) = bounds(services, &caller)?;
        let expires = [expires, last].into_iter().flatten().min();
        let new = accounts::NewToken { name, role, prefixes, owner, expires };
        let (id, token) = accounts::create_token(&services.state, &new, now)?;
        Ok(Json(CreatedToken { id, token }))
    })
    .await
}

/// Whose it will be, and when it ends at the latest. What is made with a token does not outlive that one's owner, nor its time.
pub fn bounds(services: &Services, caller: &Caller) -> Answer<(Option<String>, Option<i64>)> {
    if caller.via.is_person() {
        return Ok((Some(caller.name.clone()), None));
    }
    if caller.via != Via::Token {
        return Ok((None, None));
    }
    let own = accounts::tokens(&services.state)?.into_iter().find(|one| one.token.name == caller.name);
    let own = own.ok_or_else(|| Problem::forbidden("the token that asks has just been taken away"))?;
    Ok((own.token.owner, own.token.expires))
}

#[utoipa::path(delete, path = "/tokens/{id}", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| match accounts::remove_token(&services.state, id)? {
        true => {
            services.hub.close_of(None);
            Ok(StatusCode::NO_CONTENT)
        }
        false => Err(Problem::not_found(format!("there is no token {id}"))),
    })
    .await
}
