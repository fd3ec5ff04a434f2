//! Who is on call when: schedules, their shifts and gaps.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::last_words::LastWord;
use incidents::limits::{GAPS_AHEAD_SECONDS, MAX_SHIFTS_SECONDS};
use incidents::oncall::roster::{Known, Roster};
use incidents::oncall::{Answering, ScheduleConfig, leave, schedule};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use super::oncall_defined::{origin, warnings_of};
use super::people::why_shown_to;
use super::refused::refusal;
use super::removing::Removing;
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem, check_name};
use crate::guard::require;
use crate::services::Services;

/// How far around now the shift of now is looked for: a turn of weeks has an end that is worth telling.
const AROUND_SECONDS: i64 = 60 * 86_400;

#[derive(Serialize, ToSchema)]
pub struct OnCall {
    now: i64,
    schedules: Vec<OnCallNow>,
    /// How everybody is reached who is on call or the next.
    contacts: Vec<Reached>,
}

#[derive(Serialize, ToSchema)]
struct Reached {
    name: String,
    /// Null: no contact, so that nothing reaches them.
    channels: Option<Vec<ReachedBy>>,
}

/// What became of the last page or test.
#[derive(Serialize, ToSchema)]
struct ReachedBy {
    channel: String,
    /// Null: nothing was sent by it yet.
    at: Option<i64>,
    /// Null: it was delivered.
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct OnCallNow {
    name: String,
    time_zone: String,
    /// The shift that is now; its person is null when nobody is on call.
    current: Shift,
    /// The next one in which somebody else is, within 60 days.
    next: Option<Shift>,
    /// Times of the next 30 days in which nobody is on call, and how many seconds they come to.
    gaps: Vec<Gap>,
    gap_seconds: i64,
    /// Turns of the next 30 days whose people are away then, by their own calendars.
    clashes: Vec<Clash>,
    /// Nobody needs to be warned of gaps.
    may_be_empty: bool,
    warnings: Vec<String>,
}

/// A time in which nothing changes.
#[derive(Serialize, ToSchema)]
pub struct Shift {
    start: i64,
    /// Null: not within 60 days.
    end: Option<i64>,
    /// Null: nobody.
    person: Option<String>,
    /// The layer that says so, from the topmost, which is 0.
    layer: Option<usize>,
    /// The number of the override that stands above it.
    r#override: Option<i64>,
    /// Whose turn it would be.
    instead_of: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Clash {
    person: String,
    start: i64,
    end: i64,
    /// Who is on call instead, in the order in which they are.
    stand_ins: Vec<String>,
    /// At times there is nobody: they stay on call, and may not answer.
    has_gap: bool,
}

#[derive(Serialize, ToSchema)]
struct Gap {
    start: i64,
    end: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Schedules {
    now: i64,
    schedules: Vec<Schedule>,
}

#[derive(Serialize, ToSchema)]
pub struct Schedule {
    name: String,
    /// `file:line`, which is where it is changed, or "ui".
    origin: String,
    made_by: Option<String>,
    /// With the keys of a `[[schedule]]`.
    #[schema(value_type = Object)]
    definition: ScheduleConfig,
    warnings: Vec<String>,
}

pub(super) fn shift(shift: &schedule::Shift) -> Shift {
    Shift {
        start: shift.start.0,
        end: Some(shift.end.0),
        person: shift.duty.person.as_deref().map(str::to_owned),
        layer: shift.duty.layer,
        r#override: shift.duty.override_id,
        instead_of: shift.duty.instead_of.as_deref().map(str::to_owned),
    }
}

fn gaps(known: &Known, from: Timestamp, until: Timestamp) -> Vec<Gap> {
    let gaps = known.schedule.gaps(from, until).into_iter();
    gaps.map(|(start, end)| Gap { start: start.0, end: end.0 }).collect()
}

fn clash(clash: &leave::Clash) -> Clash {
    Clash {
        person: clash.person.to_string(),
        start: clash.start.0,
        end: clash.end.0,
        stand_ins: clash.stand_ins.iter().map(ToString::to_string).collect(),
        has_gap: clash.has_gap,
    }
}

fn on_call_now(
    name: &str,
    known: &Known,
    roster: &Roster,
    clashes: &[leave::Clash],
    scope: &Scope,
    now: Timestamp,
) -> OnCallNow {
    let horizon = now.plus(AROUND_SECONDS);
    let shifts = known.schedule.shifts(now.minus(AROUND_SECONDS), horizon);
    let current = shifts.iter().position(|shift| shift.start <= now && now < shift.end).unwrap_or(0);
    let person = shifts.get(current).and_then(|shift| shift.duty.person.clone());
    let mut later = shifts.iter().skip(current + 1);
    let next = later.find(|shift| shift.duty.person.is_some() && shift.duty.person != person);
    let bounded =
        |one: &schedule::Shift| Shift { end: (one.end < horizon).then_some(one.end.0), ..shift(one) };
    let gaps = gaps(known, now, now.plus(GAPS_AHEAD_SECONDS));
    OnCallNow {
        name: name.to_owned(),
        time_zone: known.config.time_zone.clone(),
        current: shifts.get(current).map(bounded).unwrap_or_else(|| bounded(&nobody(now, horizon))),
        next: next.map(bounded),
        gap_seconds: gaps.iter().map(|gap| gap.end - gap.start).sum(),
        gaps,
        clashes: clashes.iter().filter(|clash| *clash.schedule == *name).map(clash).collect(),
        may_be_empty: known.config.may_be_empty,
        warnings: warnings(name, &roster.warnings, scope),
    }
}

fn nobody(start: Timestamp, end: Timestamp) -> schedule::Shift {
    schedule::Shift { start, end, duty: schedule::Duty::default() }
}

/// They may name others' policies and people, and so are for those who see everything.
fn warnings(name: &str, all: &[String], scope: &Scope) -> Vec<String> {
    if !scope.is_everything() {
        return Vec::new();
    }
    warnings_of("schedule", name, all)
}

/// Who is on call now and who is next, by schedule.
#[utoipa::path(get, path = "/oncall", responses((status = 200, body = OnCall)))]
pub async fn on_call(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<OnCall>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let roster = services.desk.roster(now);
        let answering = services.desk.answering(&caller.scope, now);
        let schedules = roster.schedules.iter().filter(|(name, _)| answering.contains_key(*name));
        let clashes = services.desk.clashes_ahead(now);
        let schedules: Vec<OnCallNow> = schedules
            .map(|(name, known)| on_call_now(name, known, &roster, &clashes, &caller.scope, now))
            .collect();
        let contacts = reached(services, &caller, &schedules)?;
        Ok(Json(OnCall { now: now.0, schedules, contacts }))
    })
    .await
}

fn reached(services: &Services, caller: &Caller, schedules: &[OnCallNow]) -> Answer<Vec<Reached>> {
    let shifts = schedules.iter().flat_map(|one| std::iter::once(&one.current).chain(&one.next));
    let names: BTreeSet<&String> = shifts.filter_map(|shift| shift.person.as_ref()).collect();
    names.into_iter().map(|name| reached_by(services, caller, name)).collect()
}

/// A test of one's own way goes beside the pages: the later word of both counts.
fn reached_by(services: &Services, caller: &Caller, name: &str) -> Answer<Reached> {
    let said = |why: String| why_shown_to(caller, name, why);
    let words = services.desk.last_words(name)?;
    let tested = services.control.tested(name)?;
    let by = |word: LastWord| {
        let later = tested.iter().find(|test| *test.channel == *word.channel && Some(test.at) > word.at);
        match later {
            Some(test) => ReachedBy {
                channel: test.channel.clone(),
                at: Some(test.at),
                error: Some(test.error.clone()).filter(|why| !why.is_empty()).map(said),
            },
            None => ReachedBy { channel: word.channel.to_string(), at: word.at, error: word.error.map(said) },
        }
    };
    let channels = words.map(|words| words.into_iter().map(by).collect());
    Ok(Reached { name: name.to_owned(), channels })
}

fn whole(name: &str, known: &Known, roster: &Roster, scope: &Scope) -> Schedule {
    let (origin, made_by) = origin(&known.origin);
    let definition = known.config.clone();
    let warnings = warnings(name, &roster.warnings, scope);
    Schedule { name: name.to_owned(), origin, made_by, definition, warnings }
}

pub(super) fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no schedule `{name}`")).hint("GET /api/v1/schedules lists them")
}

/// All schedules, as they are defined.
#[utoipa::path(get, path = "/schedules", responses((status = 200, body = Schedules)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Schedules>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let roster = services.desk.roster(now);
        let answering = services.desk.answering(&caller.scope, now);
        let theirs = roster.schedules.iter().filter(|(name, _)| answering.contains_key(*name));
        let schedules = theirs.map(|(name, known)| whole(name, known, &roster, &caller.scope)).collect();
        Ok(Json(Schedules { now: now.0, schedules }))
    })
    .await
}

#[utoipa::path(get, path = "/schedules/{name}", params(("name" = String, Path)),
    responses((status = 200, body = Schedule), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<Schedule>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        answering(services, &caller, &name)?;
        known(services, &name, &caller.scope)
    })
    .await
}

/// Whoever sees a part of all names is told of the schedules that answer for that; others are as if they were not there.
pub(super) fn answering(services: &Services, caller: &Caller, name: &str) -> Answer<Answering> {
    let answering = services.desk.answering(&caller.scope, services.clock.now());
    answering.get(name).copied().ok_or_else(|| unknown(name))
}

fn known(services: &Services, name: &str, scope: &Scope) -> Answer<Json<Schedule>> {
    let roster = services.desk.roster(services.clock.now());
    let known = roster.schedules.get(name).ok_or_else(|| unknown(name))?;
    Ok(Json(whole(name, known, &roster, scope)))
}

/// Makes a schedule, or another version of it, with the keys of a `[[schedule]]`; the past stays as it was. What stands
/// in a file is changed there.
#[utoipa::path(put, path = "/schedules/{name}", params(("name" = String, Path)),
    request_body(content = Object, description = "as written in a file; the name may be left out"),
    responses((status = 200, body = Schedule), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub async fn define(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(mut config): Body<ScheduleConfig>,
) -> Answer<Json<Schedule>> {
    watched::may(&caller, Role::Editor)?;
    check_name(&name, &config.name)?;
    config.name.clone_from(&name);
    off_thread(&services, move |services| {
        let put = services.desk.put_schedule(config, &caller.name, services.clock.now());
        put.map_err(|failed| refusal(failed, || unknown(&name)))?;
        known(services, &name, &caller.scope)
    })
    .await
}

/// Its past stays.
#[utoipa::path(delete, path = "/schedules/{name}", params(Removing, ("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn undefine(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(removing): Params<Removing>,
) -> Answer<StatusCode> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let needed_by = || services.desk.who_needs_schedule(&name, services.clock.now());
        removing.check(&format!("the schedule `{name}`"), needed_by)?;
        let removed = services.desk.remove_schedule(&name, services.clock.now());
        removed.map_err(|failed| refusal(failed, || unknown(&name)))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

#[derive(Deserialize, IntoParams)]
pub struct Window {
    /// Seconds since 1970; default: now.
    from: Option<i64>,
    /// Default: 30 days later.
    until: Option<i64>,
}

impl Window {
    fn read(&self, now: Timestamp) -> Answer<(Timestamp, Timestamp)> {
        let from = Timestamp(self.from.unwrap_or(now.0));
        let until = self.until.map_or_else(|| from.plus(GAPS_AHEAD_SECONDS), Timestamp);
        if until <= from {
            return Err(Problem::bad_request("`until` lies behind `from`"));
        }
        if until.since(from) > MAX_SHIFTS_SECONDS {
            let days = MAX_SHIFTS_SECONDS / 86_400;
            return Err(Problem::bad_request(format!("ask for {days} days at most at once")));
        }
        Ok((from, until))
    }
}

#[derive(Serialize, ToSchema)]
pub struct Shifts {
    now: i64,
    from: i64,
    until: i64,
    shifts: Vec<Shift>,
    /// What each layer says by itself, the topmost first.
    layers: Vec<LayerShifts>,
}

#[derive(Serialize, ToSchema)]
struct LayerShifts {
    name: String,
    shifts: Vec<Shift>,
}

/// Who is on call between two times, and what each layer says; of the past as it was defined then.
#[utoipa::path(get, path = "/schedules/{name}/shifts", params(("name" = String, Path), Window),
    responses((status = 200, body = Shifts), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn shifts(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(window): Params<Window>,
) -> Answer<Json<Shifts>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let (from, until) = window.read(now)?;
        answering(services, &caller, &name)?;
        let roster = services.desk.roster(now);
        let known = roster.schedules.get(name.as_str()).ok_or_else(|| unknown(&name))?;
        Ok(Json(Shifts::of(&known.schedule, now, from, until)))
    })
    .await
}

impl Shifts {
    pub(super) fn of(
        schedule: &schedule::Schedule,
        now: Timestamp,
        from: Timestamp,
        until: Timestamp,
    ) -> Shifts {
        let names = schedule.layer_names(from);
        let layers = names.iter().enumerate().map(|(index, name)| LayerShifts {
            name: (*name).to_owned(),
            shifts: schedule.shifts_of_layer(index, from, until).iter().map(shift).collect(),
        });
        let shifts = schedule.shifts(from, until).iter().map(shift).collect();
        Shifts { now: now.0, from: from.0, until: until.0, layers: layers.collect(), shifts }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Gaps {
    now: i64,
    gaps: Vec<Gap>,
}

/// The times in which nobody is on call.
#[utoipa::path(get, path = "/schedules/{name}/gaps", params(("name" = String, Path), Window),
    responses((status = 200, body = Gaps), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn gaps_of(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(window): Params<Window>,
) -> Answer<Json<Gaps>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let (from, until) = window.read(now)?;
        answering(services, &caller, &name)?;
        let roster = services.desk.roster(now);
        let known = roster.schedules.get(name.as_str()).ok_or_else(|| unknown(&name))?;
        Ok(Json(Gaps { now: now.0, gaps: gaps(known, from, until) }))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_for_those_who_see_everything() {
        let all = ["schedule `web`: policy `mail` goes by ben".to_owned(), "schedule `db`: x".to_owned()];
        assert_eq!(warnings("web", &all, &Scope::everything()), all[..1]);
        assert!(warnings("web", &all, &Scope::prefixes(vec!["shop.".into()])).is_empty());
    }
}
