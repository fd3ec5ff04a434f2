//! What this server is and how it is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::config::AuthMode;
use crate::control::{Cardinality, Health, State as HealthState};
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Status {
    version: &'static str,
    now: f64,
    auth: Auth,
    /// Left out for those who have not signed in.
    #[serde(flatten)]
    more: Option<More>,
}

#[derive(Serialize, ToSchema)]
struct Auth {
    mode: AuthMode,
    user: Option<String>,
    role: Option<Role>,
    /// They see a part of all names: of their teams, or of their token.
    limited: bool,
    /// Whom one may sign in with beside a password; the way there is `/signin/provider`.
    provider: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct More {
    started: f64,
    host: String,
    read_only: Option<String>,
    health: HealthState,
}

#[utoipa::path(get, path = "/status", responses((status = 200, body = Status)))]
pub async fn status(
    State(services): State<Arc<Services>>,
    caller: Option<Extension<Caller>>,
) -> Answer<Json<Status>> {
    let identity = services.control.identity();
    let known = caller.map(|Extension(caller)| caller);
    let more = match known {
        None => None,
        Some(_) => {
            let (health, read_only) = off_thread(&services, |services| Ok(services.control.state())).await?;
            Some(More { started: identity.started, host: identity.host, read_only, health })
        }
    };
    let settings = services.settings.load();
    Ok(Json(Status {
        version: identity.version,
        now: services.clock.since_epoch().as_secs_f64(),
        auth: Auth {
            mode: settings.auth_mode(),
            user: known.as_ref().map(|caller| caller.name.clone()),
            role: known.as_ref().map(|caller| caller.role),
            limited: known.as_ref().is_some_and(|caller| !caller.scope.is_everything()),
            provider: settings.auth.oidc.as_ref().map(|oidc| oidc.name.clone()),
        },
        more,
    }))
}

/// Work that may touch the disk or take a lock for a while, off the threads that serve everybody.
pub async fn off_thread<T: Send + 'static>(
    services: &Arc<Services>,
    work: impl FnOnce(&Services) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let services = services.clone();
    tokio::task::spawn_blocking(move || work(&services)).await.map_err(Problem::internal)?
}

/// Every listener, queue, collector and the store.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub async fn health(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Health>> {
    off_thread(&services, move |services| Ok(Json(services.control.health().told_to(&caller)))).await
}

/// Refused names by prefix, widest prefixes, newest names.
#[utoipa::path(get, path = "/cardinality", responses((status = 200, body = Cardinality)))]
pub async fn cardinality(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Cardinality>> {
    off_thread(&services, move |services| Ok(Json(services.control.cardinality().seen_by(&caller.scope))))
        .await
}

/// The effective configuration as documented TOML, secrets left out.
#[utoipa::path(get, path = "/config", responses((status = 200, body = String, content_type = "application/toml")))]
pub async fn configuration(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<([(header::HeaderName, &'static str); 1], String)> {
    super::watched::whole(&caller, Role::Editor)?;
    Ok(([(header::CONTENT_TYPE, "application/toml; charset=utf-8")], services.control.configuration()))
}
