//! The last time this happened, and what helped.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use incidents::Deed;
use incidents::learning::{Earlier, Helped};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::state::State as Word;

use super::incidents::{WholeIncident, do_it, shown_to, theirs, unknown};
use super::post_mortems::{Listed, listed};
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct EarlierTimes {
    /// The last three, the newest first.
    earlier: Vec<EarlierTime>,
    /// Of all earlier incidents of the same reason.
    post_mortems: Vec<Listed>,
}

#[derive(Serialize, ToSchema)]
struct EarlierTime {
    id: i64,
    title: String,
    /// `reason`: it is of the same; `members`: some of the same was bad in it.
    same: &'static str,
    opened: i64,
    closed: Option<i64>,
    /// How long it was open.
    seconds: i64,
    #[schema(value_type = String)]
    worst: Word,
    /// Who had it, else who closed it.
    owner: Option<String>,
    /// Nobody did anything: it went away by itself.
    self_healed: bool,
    /// `{text, who, at}`
    #[schema(value_type = Option<Object>)]
    helped: Option<Helped>,
    /// `useful`, `too late` or `not useful`.
    judged: Option<&'static str>,
    /// With what of it is still to be done.
    post_mortem: Option<Listed>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Helping {
    text: String,
    /// In whose name; default: who asks.
    author: Option<String>,
}

/// The last times that this happened: how long, who had it, what helped, what was learnt and is still to be done.
#[utoipa::path(get, path = "/incidents/{id}/earlier", params(("id" = i64, Path)),
    responses((status = 200, body = EarlierTimes), (status = 404, body = Problem)))]
pub async fn earlier(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<EarlierTimes>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let scope = &caller.scope;
        let found = services.desk.one_in(scope, id)?.ok_or_else(|| unknown(id))?;
        if !scope.is_everything() {
            return Ok(Json(EarlierTimes {
                earlier: theirs_of(services, &caller, id)?,
                post_mortems: Vec::new(),
            }));
        }
        let times = services.desk.earlier(id)?.into_iter().map(|one| time(services, one));
        let earlier = times.collect::<Answer<_>>()?;
        let post_mortems = services.desk.earlier_post_mortems(id, &found.incident.reason)?;
        Ok(Json(EarlierTimes { earlier, post_mortems: post_mortems.into_iter().map(listed).collect() }))
    })
    .await
}

/// Those that they have something to do with, as far as that goes. Post-mortems are of everybody.
fn theirs_of(services: &Services, caller: &Caller, id: i64) -> Answer<Vec<EarlierTime>> {
    let mut all = Vec::new();
    for one in services.desk.earlier(id)? {
        if let Some(found) = services.desk.one_in(&caller.scope, one.incident.id)? {
            let seen = time(services, Earlier { incident: found.incident, ..one })?;
            all.push(EarlierTime { post_mortem: None, ..seen });
        }
    }
    Ok(all)
}

fn time(services: &Services, earlier: Earlier) -> Answer<EarlierTime> {
    let post_mortem = services.desk.post_mortem_of(earlier.incident.id)?;
    Ok(EarlierTime {
        post_mortem: post_mortem.map(listed),
        same: if earlier.same_reason { "reason" } else { "members" },
        seconds: earlier.seconds(),
        owner: earlier.owner().map(str::to_owned),
        judged: earlier.judged.map(|judged| judged.worth.word()),
        id: earlier.incident.id,
        title: earlier.incident.title,
        opened: earlier.incident.opened.0,
        closed: earlier.incident.closed.map(|closed| closed.0),
        worst: earlier.incident.detail.worst,
        self_healed: earlier.incident.detail.self_healed,
        helped: earlier.incident.detail.helped,
    })
}

/// What got it going again, for the next one who is woken by the same; the last word counts.
#[utoipa::path(post, path = "/incidents/{id}/helped", params(("id" = i64, Path)), request_body = Helping,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn helped(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(helping): Body<Helping>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = watched::author(&caller, helping.author.unwrap_or_default());
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        do_it(services, id, &author, &Deed::Helped { text: helping.text })?;
        shown_to(services, &caller, id)
    })
    .await
}
