//! Shifts in people's own calendars: an address with a secret, which programs read without signing in.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use incidents::oncall::calendar::Of;
use incidents::oncall::feeds::Feed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::is_self;
use super::refused::refusal;
use super::status::off_thread;
use super::tokens::bounds;
use super::watched;
use crate::accounts::{self, Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

/// What is below it asks for no sign-in: the secret says enough.
pub const PREFIX: &str = "/api/v1/oncall/ical/";
/// Programs go by the end of the name.
const ENDING: &str = ".ics";
/// What is longer was made by nobody here.
const LONGEST: usize = 200;

#[derive(Serialize, ToSchema)]
pub struct Calendars {
    calendars: Vec<Calendar>,
}

#[derive(Serialize, ToSchema)]
pub struct Calendar {
    pub id: i64,
    /// Of all schedules, what is this person's.
    person: Option<String>,
    /// All turns of this schedule.
    schedule: Option<String>,
    made_by: String,
    made_at: i64,
}

/// Of a schedule, or of a person: default is who asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCalendar {
    person: Option<String>,
    schedule: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedCalendar {
    id: i64,
    /// Shown this once: whoever has it reads the calendar.
    path: String,
}

pub fn told(feed: Feed) -> Calendar {
    let (person, schedule) = match feed.of {
        Of::Person(name) => (Some(name.to_string()), None),
        Of::Schedule(name) => (None, Some(name.to_string())),
    };
    Calendar { id: feed.id, person, schedule, made_by: feed.by, made_at: feed.at.0 }
}

/// Those that can be read, without their secrets.
#[utoipa::path(get, path = "/oncall/calendars", responses((status = 200, body = Calendars)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Calendars>> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, |services| {
        let calendars = services.desk.feeds()?.into_iter().map(told).collect();
        Ok(Json(Calendars { calendars }))
    })
    .await
}

/// An address for a calendar program, of one's own turns or of a schedule; those of others are for editors.
#[utoipa::path(post, path = "/oncall/calendars", request_body = NewCalendar,
    responses((status = 201, body = CreatedCalendar), (status = 400, body = Problem)))]
pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<NewCalendar>,
) -> Answer<(StatusCode, Json<CreatedCalendar>)> {
    watched::may(&caller, Role::Responder)?;
    let of = match (wanted.person, wanted.schedule) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request(
                "a calendar is of a `person` or of a `schedule`: leave one out",
            ));
        }
        (None, Some(schedule)) => Of::Schedule(schedule.into()),
        (person, None) => Of::Person(person.unwrap_or_else(|| caller.name.clone()).into()),
    };
    let of_another = matches!(&of, Of::Person(name) if !is_self(&caller, name));
    require(&caller, if of_another { Role::Editor } else { Role::Responder })?;
    off_thread(&services, move |services| {
        let secret = accounts::random_secret().map_err(Problem::internal)?;
        // Whoever had a token make it knows the address, and it ends with them.
        let (owner, _) = bounds(services, &caller)?;
        let by = owner.unwrap_or(caller.name);
        let made = services.desk.make_feed(&of, &secret, &by, services.clock.now());
        let id = made.map_err(|failed| refusal(failed, || unknown(0)))?;
        Ok((StatusCode::CREATED, Json(CreatedCalendar { id, path: format!("{PREFIX}{secret}{ENDING}") })))
    })
    .await
}

fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("there is no calendar {id}")).hint("GET /api/v1/oncall/calendars lists them")
}

/// Its address is of no use any more. Those of others are for editors.
#[utoipa::path(delete, path = "/oncall/calendars/{id}", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn revoke(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let known =
            services.desk.feeds()?.into_iter().find(|feed| feed.id == id).ok_or_else(|| unknown(id))?;
        let of_self = matches!(&known.of, Of::Person(name) if is_self(&caller, name));
        let own = of_self || is_self(&caller, &known.by);
        require(&caller, if own { Role::Responder } else { Role::Editor })?;
        match services.desk.remove_feed(id)? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(unknown(id)),
        }
    })
    .await
}

/// The calendar (RFC 5545): a month back and a year ahead, in UTC. The token ends with `.ics`.
#[utoipa::path(get, path = "/oncall/ical/{token}", params(("token" = String, Path)),
    responses((status = 200, content_type = "text/calendar", body = String), (status = 404, body = Problem)))]
pub async fn read(
    State(services): State<Arc<Services>>,
    Path(token): Path<String>,
) -> Answer<impl IntoResponse> {
    let found = off_thread(&services, move |services| {
        let secret = token.strip_suffix(ENDING).unwrap_or(&token);
        if secret.len() > LONGEST {
            return Ok(None);
        }
        match services.desk.feed_of(secret)? {
            Some(feed) if !rests(services, &feed)? => {
                Ok(services.desk.calendar(&feed.of, services.clock.now())?)
            }
            _ => Ok(None),
        }
    });
    // The same whether it was revoked, rests, or never was.
    let text = found.await?.ok_or_else(|| Problem::not_found("there is no such calendar"))?;
    let headers =
        [(header::CONTENT_TYPE, "text/calendar; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, text))
}

/// Whoever is suspended knows the addresses that they made, and those of their own turns.
fn rests(services: &Services, feed: &Feed) -> Answer<bool> {
    let of = match &feed.of {
        Of::Person(name) => Some(&**name),
        Of::Schedule(_) => None,
    };
    for name in std::iter::once(feed.by.as_str()).chain(of) {
        if accounts::person(&services.state, name)?.is_some_and(|person| person.suspended.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}
