//! By whose word people come, and what an administrator says of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{OfTeams, forget_calendars, unknown};
use crate::accounts::{self, Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::api_v1::off_thread;
use crate::guard::{PROXY, require};
use crate::services::Services;
use crate::sign_in::look_again;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Voucher {
    Provider,
    Proxy,
    /// One that is asked no more.
    #[serde(skip_deserializing)]
    Another,
}

/// By whose word somebody comes.
#[derive(Serialize, ToSchema)]
pub struct ComesBy {
    by: Voucher,
    /// When they last came so.
    seen: Option<i64>,
    /// When an administrator said that they are meant.
    linked: Option<i64>,
    /// Nobody has come so yet: until then somebody may.
    until: Option<i64>,
}

/// What administrators look for in the list.
pub fn tell(services: &Services, people: &mut [OfTeams]) -> Answer<()> {
    let auth = &services.settings.load().auth;
    let issuer = auth.oidc.as_ref().map(|oidc| oidc.issuer.as_str());
    let by = |voucher: &str| match voucher {
        PROXY => Voucher::Proxy,
        other if issuer == Some(other) => Voucher::Provider,
        _ => Voucher::Another,
    };
    let mut all = accounts::comes_by(&services.state, services.clock.now())?;
    let mut taken = services.taken_names.all();
    for one in people {
        let comes = all.remove(&one.person.name).unwrap_or_default().into_iter();
        one.comes_by = comes
            .map(|it| ComesBy { by: by(&it.voucher), seen: it.seen, linked: it.linked, until: it.until })
            .collect();
        one.name_used_by = taken.remove(&one.person.name).unwrap_or_default();
    }
    Ok(())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    by: Voucher,
}

#[derive(Deserialize, IntoParams)]
pub struct OldLink {
    by: Voucher,
}

/// Whoever comes under this name by the word of the provider or proxy is this person: if nobody does yet, whoever comes next,
/// within a week. Else they are somebody else, and refused: a name is easily taken.
#[utoipa::path(post, path = "/people/{name}/link", params(("name" = String, Path)), request_body = NewLink,
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn link(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(form): Body<NewLink>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    let voucher = voucher(&services, form.by)?;
    off_thread(&services, move |services| {
        match accounts::link(&services.state, &name, &voucher, services.clock.now())? {
            true => {
                look_again(services)?;
                Ok(StatusCode::NO_CONTENT)
            }
            false => Err(unknown(&name)),
        }
    })
    .await
}

/// What is left of a person who is there still: whoever is unlinked may have made it.
#[derive(Serialize, ToSchema)]
pub struct StillThere {
    /// By their names; take out those that nobody else knows.
    tokens: Vec<String>,
    /// So many ways by which they are reached.
    ways: usize,
}

/// Nobody who comes by that word is this person any more, and what is open of theirs ends; addresses of calendars are answered no
/// more. If nobody is left who comes as them, they are suspended, and their tokens, invitations, own ways and rules are gone.
#[utoipa::path(delete, path = "/people/{name}/link", params(("name" = String, Path), OldLink),
    responses((status = 200, body = StillThere), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn unlink(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(asked): Params<OldLink>,
) -> Answer<Json<StillThere>> {
    require(&caller, Role::Admin)?;
    let voucher = voucher(&services, asked.by)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let unlinked = accounts::unlink(&services.state, &name, &voucher, now)?;
        let unlinked = unlinked.ok_or_else(|| unknown(&name))?;
        if !unlinked.was_known && !unlinked.was_waited_for {
            return Err(Problem::not_found(format!("nobody comes as {name} by that word, or is waited for")));
        }
        // Streams of their tokens, too, which may be gone.
        services.hub.close_of(None);
        services.control.people_changed();
        if unlinked.was_known {
            forget_calendars(services, &name)?;
        }
        if unlinked.leaves_nobody {
            services.desk.forget_own_rules(&name, now)?;
        }
        look_again(services)?;
        Ok(Json(StillThere { tokens: unlinked.tokens, ways: unlinked.ways }))
    })
    .await
}

/// They have not come by the provider's word for long, and are meant to go on: their tokens rest no more.
#[utoipa::path(delete, path = "/people/{name}/suspension", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn unsuspend(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        match accounts::unsuspend(&services.state, &name, services.clock.now())? {
            Some(true) => {
                services.control.people_changed();
                Ok(StatusCode::NO_CONTENT)
            }
            Some(false) => Err(Problem::not_found(format!("{name} is not suspended"))),
            None => Err(unknown(&name)),
        }
    })
    .await
}

fn voucher(services: &Services, by: Voucher) -> Answer<String> {
    let auth = &services.settings.load().auth;
    let (set, key) = match by {
        Voucher::Provider => (auth.oidc.as_ref().map(|oidc| oidc.issuer.clone()), "[auth.oidc]"),
        Voucher::Proxy => (auth.proxy_header.as_ref().map(|_| PROXY.to_owned()), "auth.proxy_header"),
        Voucher::Another => (None, "that one"),
    };
    set.ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, format!("nobody comes so: {key} is not set"))
            .hint("set it in the files first; docs/signing-in.md says how")
    })
}
