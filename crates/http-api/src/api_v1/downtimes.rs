//! Planned time in which nobody is paged, and comments.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use monitors::Refused;
use monitors::machine::{Command, Done, ObjectName, Occurrence};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::status::off_thread;
use super::watched::{self, Downtime, RESPONDERS_SECONDS};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Params, Problem};
use crate::guard::require;
use crate::services::Services;

/// Instances that one call puts into downtime: each is one more in the list of downtimes.
const MAX_AT_ONCE: usize = 500;

const USUAL_DAYS_AHEAD: u32 = 30;
const MOST_DAYS_AHEAD: u32 = 366;
const USUAL_UPCOMING: usize = 100;
/// A weekly one of each of a hundred downtimes for a year is no more.
const MOST_UPCOMING: usize = 10_000;

/// Of a check, a host, or an instance of a monitor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDowntime {
    check: Option<String>,
    host: Option<String>,
    monitor: Option<String>,
    /// Of a monitor; left out: all of its instances, and the answer has the last one's id.
    instance: Option<String>,
    /// Seconds since 1970.
    pub start: f64,
    pub end: f64,
    /// From start to end; else it waits in that time for the first bad result, and lasts `duration` from there.
    #[serde(default = "fixed")]
    pub fixed: bool,
    pub duration: Option<f64>,
    #[serde(default)]
    author: String,
    #[serde(default)]
    pub comment: String,
    /// It starts together with this downtime.
    pub triggered_by: Option<u64>,
}

fn fixed() -> bool {
    true
}

impl NewDowntime {
    fn name(&self) -> Answer<ObjectName> {
        match (&self.check, &self.host, &self.monitor) {
            (Some(name), None, None) => Ok(ObjectName::Check(name.clone())),
            (None, Some(name), None) => Ok(ObjectName::Host(name.clone())),
            (None, None, Some(name)) => {
                Ok(ObjectName::Instance(name.clone(), self.instance.clone().unwrap_or_default()))
            }
            _ => Err(Problem::bad_request("a downtime is of one thing")
                .hint("write one of `check`, `host`, or `monitor` with `instance`")),
        }
    }

    /// A monitor without an instance means all that it has; to those who are limited, all of theirs.
    fn names(&self, services: &Services, caller: &Caller) -> Answer<Vec<ObjectName>> {
        let (Some(monitor), None) = (&self.monitor, &self.instance) else { return Ok(vec![self.name()?]) };
        let mut known = services.monitors.known_instances(monitor);
        known.retain(|instance| caller.scope.sees_watched(monitor, instance));
        if known.len() > MAX_AT_ONCE {
            let why = format!("`{monitor}` has {} instances, more than {MAX_AT_ONCE}", known.len());
            return Err(Problem::bad_request(why).hint("write `instance`, or make a silence for the monitor"));
        }
        match known.is_empty() {
            true => Ok(vec![self.name()?]),
            false => {
                let of = |one: &Arc<str>| ObjectName::Instance(monitor.clone(), one.to_string());
                Ok(known.iter().map(of).collect())
            }
        }
    }

    /// Who may plan it. A flexible one lasts as long as its `duration` says, however short the time is in which it begins.
    fn role(&self) -> Role {
        let lasts = self.duration.filter(|_| !self.fixed).unwrap_or(0.0);
        let longest = lasts.max(self.end - self.start);
        if longest <= RESPONDERS_SECONDS as f64 { Role::Responder } else { Role::Editor }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Made {
    id: u64,
}

impl Made {
    pub fn of(done: Done) -> Made {
        match done {
            Done::Downtime(id) | Done::Comment(id) => Made { id },
            Done::Done | Done::Told(_) => Made { id: 0 },
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Downtimes {
    downtimes: Vec<Downtime>,
}

#[utoipa::path(get, path = "/downtimes", responses((status = 200, body = Downtimes)))]
pub async fn downtimes(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Downtimes>> {
    require(&caller, Role::Viewer)?;
    let mut downtimes = services.monitors.downtimes();
    downtimes.retain(|planned| watched::is_in(&caller.scope, &planned.of));
    Ok(Json(Downtimes { downtimes: downtimes.iter().map(Downtime::from).collect() }))
}

/// What is another's is not there.
fn is_theirs(services: &Services, caller: &Caller, id: u64) -> bool {
    let find = || {
        let all = services.monitors.downtimes();
        all.iter().any(|planned| planned.downtime.id == id && watched::is_in(&caller.scope, &planned.of))
    };
    caller.scope.is_everything() || find()
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Ahead {
    /// How far; 1 to 366, default 30.
    days: Option<u32>,
    /// At most so many; default 100.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct Upcoming {
    upcoming: Vec<UpcomingItem>,
}

#[derive(Serialize, ToSchema)]
struct UpcomingItem {
    /// Of the `[[downtime]]`.
    name: String,
    comment: String,
    start: i64,
    end: i64,
    /// It is now.
    in_effect: bool,
    /// Names or globs of what it covers.
    checks: Vec<String>,
    hosts: Vec<String>,
    monitors: Vec<String>,
}

/// When recurring downtimes come, as long ahead as one likes to look.
#[utoipa::path(get, path = "/downtimes/upcoming", params(Ahead),
    responses((status = 200, body = Upcoming), (status = 400, body = Problem)))]
pub async fn upcoming(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(ahead): Params<Ahead>,
) -> Answer<Json<Upcoming>> {
    watched::sees(&caller)?;
    let days = ahead.days.unwrap_or(USUAL_DAYS_AHEAD);
    if !(1..=MOST_DAYS_AHEAD).contains(&days) {
        return Err(Problem::bad_request(format!("`days` is {days}: write 1 to {MOST_DAYS_AHEAD}")));
    }
    let limit = ahead.limit.unwrap_or(USUAL_UPCOMING).clamp(1, MOST_UPCOMING);
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let found = services.monitors.upcoming(now, now.plus(i64::from(days) * 86_400), limit);
        let item = |one: Occurrence| UpcomingItem {
            name: one.name.to_string(),
            comment: one.comment.to_string(),
            start: one.start.0,
            end: one.end.0,
            in_effect: one.start <= now,
            checks: one.checks,
            hosts: one.hosts,
            monitors: one.monitors,
        };
        Ok(Json(Upcoming { upcoming: found.into_iter().map(item).collect() }))
    })
    .await
}

#[utoipa::path(post, path = "/downtimes", request_body = NewDowntime,
    responses((status = 200, body = Made), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn plan_downtime(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewDowntime>,
) -> Answer<Json<Made>> {
    require(&caller, new.role())?;
    watched::check_time("start", new.start)?;
    watched::check_time("end", new.end)?;
    watched::check_time("duration", new.duration.unwrap_or(0.0))?;
    let names = new.names(&services, &caller)?;
    names.iter().try_for_each(|name| watched::theirs_in_part(&caller, new.role(), name))?;
    if let Some(host) = new.host.as_ref().filter(|host| watched::is_shared(&services, &caller.scope, host)) {
        let why = format!("a downtime of `{host}` would hold back checks on it that are not yours");
        return Err(Problem::forbidden(why)
            .hint("plan one for each of your checks (`check`), or ask somebody who sees all of the host"));
    }
    if let Some(trigger) = new.triggered_by.filter(|trigger| !is_theirs(&services, &caller, *trigger)) {
        return Err(Problem::bad_request(format!(
            "there is no downtime {trigger} that could start this one"
        )));
    }
    let author = watched::author(&caller, new.author.clone());
    let now = services.clock.now();
    let made = watched::change(&services, move |monitors| {
        let mut last = None;
        for name in &names {
            let plan = |object| Command::ScheduleDowntime(watched::new_downtime(object, &new, &author));
            last = Some(monitors.command(name, plan, now)?);
        }
        let nothing = || Refused::NotFound("nothing of it is known yet that could be in downtime".into());
        let (done, ticket) = last.ok_or_else(nothing)?;
        Ok((Made::of(done), ticket))
    });
    Ok(Json(made.await?))
}

#[utoipa::path(delete, path = "/downtimes/{id}", params(("id" = u64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn cancel_downtime(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<u64>,
) -> Answer<StatusCode> {
    require(&caller, Role::Responder)?;
    if !is_theirs(&services, &caller, id) {
        return Err(Problem::not_found(format!("there is no downtime {id}: it may have ended")));
    }
    let now = services.clock.now();
    watched::change(&services, move |monitors| {
        Ok((StatusCode::NO_CONTENT, monitors.cancel_downtime(id, now)?))
    })
    .await
}

/// Of a check or a host, as Nagios has them.
pub async fn remove_comment(services: &Arc<Services>, id: u64) -> Answer<StatusCode> {
    let now = services.clock.now();
    watched::change(services, move |monitors| Ok((StatusCode::NO_CONTENT, monitors.remove_comment(id, now)?)))
        .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_lasts_longer_than_a_day_is_an_editor_s() {
        let check = |rest: serde_json::Value, wanted: Role| {
            let mut all = json!({"host": "web1", "start": 1_000.0});
            for (key, value) in rest.as_object().unwrap() {
                all[key] = value.clone();
            }
            let new: NewDowntime = serde_json::from_value(all).unwrap();
            assert_eq!(new.role(), wanted, "{rest}");
        };
        check(json!({"end": 87_400.0}), Role::Responder);
        check(json!({"end": 87_401.0}), Role::Editor);
        check(json!({"end": 1_060.0, "duration": 1e9}), Role::Responder);
        check(json!({"end": 1_060.0, "fixed": false, "duration": 86_400.0}), Role::Responder);
        check(json!({"end": 1_060.0, "fixed": false, "duration": 86_401.0}), Role::Editor);
    }
}
