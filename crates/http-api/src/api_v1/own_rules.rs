//! How the person who asks wants to be reached: by which channel first, by which when there is no answer.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::reach::ReachRule;

use super::refused::refusal;
use super::status::off_thread;
use crate::accounts::{Caller, Role, Via};
use crate::answer::{Answer, Body, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct OwnRules {
    /// `{severity: "critical"|"any", steps: [{after, channel}], repeat_every?}`, one for each severity at most. None: by
    /// all channels at once.
    #[schema(value_type = Vec<Object>)]
    rules: Vec<ReachRule>,
    /// They stand in a file, and are changed there.
    of_file: bool,
    /// The channels that a step may name.
    channels: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOwnRules {
    #[schema(value_type = Vec<Object>)]
    rules: Vec<ReachRule>,
}

/// A token may be called as a person is: it is nobody.
fn own(caller: &Caller) -> Answer<()> {
    require(caller, Role::Viewer)?;
    match caller.via {
        Via::Token => Err(Problem::forbidden("a token is nobody, and has no rules of its own")),
        _ => Ok(()),
    }
}

fn known(services: &Services, name: &str) -> Answer<Json<OwnRules>> {
    let found = services.desk.own_rules(name).ok_or_else(|| unknown(name))?;
    let channels = found.channels.iter().map(ToString::to_string).collect();
    Ok(Json(OwnRules { rules: found.rules, of_file: found.of_file, channels }))
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("nobody is reached by the name of `{name}`, who asks"))
        .hint("a [[contact]] of this name says by which channels you are reached")
}

/// One's own.
#[utoipa::path(get, path = "/me/rules", responses((status = 200, body = OwnRules), (status = 404, body = Problem)))]
pub async fn read(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<OwnRules>> {
    own(&caller)?;
    off_thread(&services, move |services| known(services, &caller.name)).await
}

/// One's own, all of them at once; they hold from the next word on.
#[utoipa::path(put, path = "/me/rules", request_body = NewOwnRules,
    responses((status = 200, body = OwnRules), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn write(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<NewOwnRules>,
) -> Answer<Json<OwnRules>> {
    own(&caller)?;
    off_thread(&services, move |services| {
        let put = services.desk.put_own_rules(&caller.name, wanted.rules, services.clock.now());
        put.map_err(|failed| refusal(failed, || unknown(&caller.name)))?;
        known(services, &caller.name)
    })
    .await
}
