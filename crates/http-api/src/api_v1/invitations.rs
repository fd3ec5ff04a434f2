//! Invitations: a link with which somebody chooses their password, once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::session::SignedIn;
use super::status::off_thread;
use crate::accounts::{self, Caller, Invitation, Invited, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::audit;
use crate::guard::{self, require};
use crate::server::Peer;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Invitations {
    invitations: Vec<Invitation>,
}

#[utoipa::path(get, path = "/invitations", responses((status = 200, body = Invitations)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Invitations>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, |services| {
        let invitations = accounts::invitations(&services.state, services.clock.now())?;
        Ok(Json(Invitations { invitations }))
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct Link {
    /// Shown this once. What stands behind `#` browsers send nobody: it is in no log of a proxy.
    link: String,
    expires: i64,
}

#[utoipa::path(post, path = "/invitations", request_body = Invited,
    responses((status = 200, body = Link), (status = 400, body = Problem)))]
pub async fn invite(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(invited): Body<Invited>,
) -> Answer<Json<Link>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let (owner, until) = super::tokens::bounds(services, &caller)?;
        let by = accounts::Inviter { name: caller.name, owner, until };
        let (secret, expires) = accounts::invite(&services.state, &invited, &by, now)?;
        let settings = services.settings.load();
        let at = settings.http.public_url.trim_end_matches('/');
        Ok(Json(Link { link: format!("{at}/signin#invitation={secret}"), expires }))
    })
    .await
}

#[utoipa::path(delete, path = "/invitations/{id}", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn withdraw(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| match accounts::withdraw(&services.state, id)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format!("there is no invitation {id}"))),
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// What stands in the link behind `#invitation=`.
    token: String,
    password: String,
}

/// Needs no sign-in: the link is what says who it is.
#[utoipa::path(post, path = "/invitations/accept", request_body = Acceptance,
    responses((status = 200, body = SignedIn), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn accept(
    State(services): State<Arc<Services>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Body(form): Body<Acceptance>,
) -> Answer<Json<SignedIn>> {
    let source = guard::source(&services, &headers, peer.map(|Extension(peer)| peer));
    let turn = services.attempts.turn(source).await?;
    let accepted = off_thread(&services, move |services| {
        let _turn = turn;
        let now = services.clock.now();
        let accepted = accounts::accept(&services.state, &form.token, &form.password, now)?;
        let gone = || {
            Problem::not_found("this invitation was accepted, withdrawn, or has expired")
                .hint("ask an administrator for a new one")
        };
        accepted.ok_or_else(gone)
    });
    let Invited { name, role, .. } = accepted.await?;
    audit::note_sign_in(&services, name.clone(), "password", source, "accepted an invitation").await;
    Ok(Json(SignedIn { user: name, role }))
}
