//! Who can be reached, and does it reach them? A test is sent by every channel of a contact, and what became of it is told.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::Refusal;
use incidents::desk::Failed;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::incidents::PageItem;
use super::status::off_thread;
use super::watched::may;
use crate::accounts::{Caller, Role};
use crate::acknowledge::Links;
use crate::answer::{Answer, Params, Problem};
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Contacts {
    contacts: Vec<ContactItem>,
}

#[derive(Serialize, ToSchema)]
pub struct ContactItem {
    name: String,
}

/// Whom `@name` in a note or a comment reaches, for those who see everything. By what they are reached is theirs to know.
#[utoipa::path(get, path = "/contacts", responses((status = 200, body = Contacts)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Contacts>> {
    may(&caller, Role::Responder)?;
    off_thread(&services, |services| {
        let names = services.desk.mentionable().into_iter();
        Ok(Json(Contacts { contacts: names.map(|name| ContactItem { name }).collect() }))
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct Tests {
    contact: String,
    /// Do the links in its pages lead here?
    links: Links,
    /// The newest first: by each channel one that begins and one that ends it.
    pages: Vec<PageItem>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ByWhat {
    /// By this channel alone; default: by all that reach the contact.
    channel: Option<String>,
}

/// Sends a test now, by every channel of the contact or by one.
#[utoipa::path(post, path = "/contacts/{name}/test", params(("name" = String, Path), ByWhat),
    responses((status = 202, body = Tests), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn try_it(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(by): Params<ByWhat>,
) -> Answer<(StatusCode, Json<Tests>)> {
    may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let sent = services.desk.try_contact(&name, by.channel.as_deref(), &caller.name, now);
        sent.map_err(|failed| refusal(&name, failed))?;
        Ok((StatusCode::ACCEPTED, Json(tests(services, &caller, name)?)))
    })
    .await
}

/// What became of the latest tests of a contact.
#[utoipa::path(get, path = "/contacts/{name}/test", params(("name" = String, Path)), responses((status = 200, body = Tests)))]
pub async fn tried(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<Tests>> {
    may(&caller, Role::Responder)?;
    off_thread(&services, move |services| Ok(Json(tests(services, &caller, name)?))).await
}

fn tests(services: &Services, caller: &Caller, contact: String) -> Answer<Tests> {
    let pages = services.desk.tests_of(&contact)?;
    let links = services.reach.links();
    let pages = pages.into_iter().map(|kept| super::incidents::page(caller, kept)).collect();
    Ok(Tests { contact, links, pages })
}

fn refusal(name: &str, failed: Failed) -> Problem {
    match failed {
        Failed::Refused(Refusal::Unknown) => Problem::not_found(format!("there is no contact `{name}`"))
            .hint("contacts are defined as [[contact]] in the configuration, or are people with an account"),
        Failed::Refused(Refusal::No(why)) => Problem::new(StatusCode::CONFLICT, why),
        Failed::Refused(Refusal::Bad(why)) => Problem::bad_request(why),
        Failed::Refused(Refusal::Taken { by, .. }) => {
            Problem::new(StatusCode::CONFLICT, format!("{by} was quicker"))
        }
        Failed::State(error) => error.into(),
    }
}
