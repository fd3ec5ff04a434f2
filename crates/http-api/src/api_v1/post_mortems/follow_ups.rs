//! What is to be done. A new monitor is done when, tried on the outage, it catches it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::learning::follow_ups::Kind;
use incidents::learning::{About, FollowUp, NewFollowUp, Proof};
use monitors::config::MonitorKind;
use monitors::kinds::metric::Look;
use monitors::machine::ObjectName;
use monitors::replay::{Firing, Past, Replayed};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use super::{WholePostMortem, unknown, whole};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Params, Problem};
use crate::api_v1::proof::pager;
use crate::api_v1::refused::refusal;
use crate::api_v1::{off_thread, watched};
use crate::evaluate::StateEvents;
use crate::services::Services;

/// What is good and bad by this rule shows in the days before; a rule that wants something to last sees it last.
const DAYS_BEFORE: i64 = 7;
/// What is bad from its first points on, and these are older than the outage, was never seen good.
const LEAD_SECONDS: i64 = 3_600;
const FIRST_POINTS_SECONDS: i64 = 60;
const MAX_LISTED: usize = 1_000;

#[derive(Serialize, ToSchema)]
pub struct FollowUpItem {
    id: i64,
    post_mortem: i64,
    what: String,
    owner: String,
    /// A day, such as `2026-12-01`.
    due: String,
    /// `task` or `new_monitor`.
    #[schema(value_type = String)]
    kind: Kind,
    monitor: Option<String>,
    done: Option<i64>,
    done_by: Option<String>,
    /// Of a new monitor: when it would have fired in the outage.
    #[schema(value_type = Option<Object>)]
    proof: Option<Proof>,
}

impl FollowUpItem {
    pub fn is_open(&self) -> bool {
        self.done.is_none()
    }
}

pub fn item(one: FollowUp) -> FollowUpItem {
    let FollowUp { id, post_mortem, new, done, proof } = one;
    let (done, done_by) = done.unzip();
    FollowUpItem {
        id,
        post_mortem,
        what: new.what,
        owner: new.owner,
        due: new.due,
        kind: new.kind,
        monitor: new.monitor,
        done,
        done_by,
        proof,
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// Of this person only.
    owner: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct OpenFollowUps {
    now: i64,
    /// Those due first.
    follow_ups: Vec<OpenFollowUp>,
    /// Of these, those whose day is over.
    late: usize,
    more: bool,
}

#[derive(Serialize, ToSchema)]
struct OpenFollowUp {
    #[serde(flatten)]
    follow_up: FollowUpItem,
    late: bool,
}

/// All that is still to be done.
#[utoipa::path(get, path = "/follow-ups", params(Whose), responses((status = 200, body = OpenFollowUps)))]
pub async fn open(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(whose): Params<Whose>,
) -> Answer<Json<OpenFollowUps>> {
    watched::sees(&caller)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let moment = jiff::Timestamp::from_second(now.0).map_err(Problem::internal)?;
        let today = moment.to_zoned(services.zone.clone()).date();
        let all = services.desk.follow_ups_of(None)?.into_iter();
        let wanted = |one: &FollowUp| whose.owner.as_ref().is_none_or(|owner| one.new.owner == *owner);
        let all =
            all.filter(wanted).map(|one| OpenFollowUp { late: one.new.is_late(today), follow_up: item(one) });
        let mut follow_ups: Vec<OpenFollowUp> = all.collect();
        let (late, more) = (follow_ups.iter().filter(|one| one.late).count(), follow_ups.len() > MAX_LISTED);
        follow_ups.truncate(MAX_LISTED);
        Ok(Json(OpenFollowUps { now: now.0, follow_ups, late, more }))
    })
    .await
}

/// `{what, owner, due, kind?: task|new_monitor, monitor?}`
#[utoipa::path(post, path = "/post-mortems/{id}/follow-ups", params(("id" = i64, Path)), request_body = Object,
    responses((status = 200, body = WholePostMortem), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn add(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(new): Body<NewFollowUp>,
) -> Answer<Json<WholePostMortem>> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        services.desk.add_follow_up(id, &new).map_err(|failed| refusal(failed, || unknown(id)))?;
        whole(services, id).map(Json)
    })
    .await
}

/// What is left out stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    what: Option<String>,
    owner: Option<String>,
    due: Option<String>,
    /// `task`: nothing has to catch the outage, whoever says so says that it is done.
    #[schema(value_type = Option<String>)]
    kind: Option<Kind>,
    monitor: Option<String>,
    done: Option<bool>,
}

/// Changes one. A new monitor that is said to be done is tried on the outage first: unless it catches it, it is not (409). What
/// cannot be tried on the past, such as a check, is done as a task.
#[utoipa::path(put, path = "/post-mortems/{id}/follow-ups/{follow_up}", params(("id" = i64, Path), ("follow_up" = i64, Path)),
    request_body = Changes, responses((status = 200, body = WholePostMortem), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id((id, follow_up)): Id<(i64, i64)>,
    Body(changes): Body<Changes>,
) -> Answer<Json<WholePostMortem>> {
    watched::may(&caller, Role::Responder)?;
    let work = move |services: &Services, limits: &QueryLimits| {
        let (about, mut one) = find(services, id, follow_up)?;
        let Changes { what, owner, due, kind, monitor, done } = changes;
        let is_another = (monitor.is_some() && monitor != one.new.monitor)
            || kind.is_some_and(|kind| kind != one.new.kind);
        one.new.kind = kind.unwrap_or(one.new.kind);
        one.new.what = what.unwrap_or(one.new.what);
        one.new.owner = owner.unwrap_or(one.new.owner);
        one.new.due = due.unwrap_or(one.new.due);
        one.new.monitor = monitor.or(one.new.monitor.filter(|_| one.new.kind == Kind::NewMonitor));
        let now = services.clock.now();
        if done == Some(false) || (is_another && done.is_none()) {
            // What was proven of another rule, or of none, is not of this one.
            (one.done, one.proof) = (None, None);
        }
        if done == Some(true) {
            one.proof = match one.new.kind {
                Kind::Task => None,
                Kind::NewMonitor => Some(proof(services, limits, &about, one.new.monitor.as_deref())?),
            };
            one.done = Some((now.0, caller.name));
        }
        let changed = services.desk.change_follow_up(&one);
        changed.map_err(|failed| refusal(failed, || unknown_one(follow_up)))?;
        whole(services, id).map(Json)
    };
    services.query(work).await?
}

#[utoipa::path(delete, path = "/post-mortems/{id}/follow-ups/{follow_up}", params(("id" = i64, Path), ("follow_up" = i64, Path)),
    responses((status = 200, body = WholePostMortem), (status = 404, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id((id, follow_up)): Id<(i64, i64)>,
) -> Answer<Json<WholePostMortem>> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let removed = services.desk.remove_follow_up(id, follow_up);
        removed.map_err(|failed| refusal(failed, || unknown_one(follow_up)))?;
        whole(services, id).map(Json)
    })
    .await
}

fn find(services: &Services, id: i64, follow_up: i64) -> Answer<(About, FollowUp)> {
    let found = services.desk.post_mortem(id)?.ok_or_else(|| unknown(id))?;
    let one = found.follow_ups.into_iter().find(|one| one.id == follow_up);
    Ok((found.about, one.ok_or_else(|| unknown_one(follow_up))?))
}

fn unknown_one(follow_up: i64) -> Problem {
    Problem::not_found(format!("this post-mortem has no follow-up {follow_up}"))
}

/// That this rule would have caught it, or why it is not known to.
fn proof(services: &Services, limits: &QueryLimits, about: &About, monitor: Option<&str>) -> Answer<Proof> {
    let name = monitor.ok_or_else(|| {
        Problem::bad_request("this follow-up is done when a monitor catches what was missed")
            .hint("make the monitor, and send its name as `monitor`")
    })?;
    let definitions = services.monitors.definitions();
    let rule = definitions.monitors.iter().find(|rule| rule.name == name);
    let rule = rule.ok_or_else(|| no_monitor(services, name))?;
    if rule.kind != MonitorKind::Metric {
        return Err(cannot_be_tried(name, ""));
    }
    if rule.shadow {
        let why = format!("`{name}` is in shadow: it is recorded, and nobody would be told");
        return Err(Problem::new(StatusCode::CONFLICT, why)
            .hint("take `shadow` out of it, and say then that this is done"));
    }
    let now = services.clock.now();
    let until = Timestamp(about.ended.unwrap_or(now.0)).min(now);
    let from = Timestamp(about.began - DAYS_BEFORE * 86_400);
    let past = Past { from, until, blind: services.control.away() };
    let events = StateEvents { state: &services.state, scope: &Scope::everything() };
    let look = Look { source: services.source.as_ref(), events: &events, zone: &services.zone, limits, now };
    let replayed = pager::tried(services, rule, &definitions, &look, &past)?;
    match caught(&replayed, about.began) {
        Ok((fired, instance)) => Ok(Proof {
            monitor: name.to_owned(),
            at: now.0,
            fired,
            instance,
            sentence: format!("{}{}", replayed.sentence(), besides(&replayed, about.began)),
        }),
        Err(missed) => Err(missed.problem(name, &replayed)),
    }
}

fn no_monitor(services: &Services, name: &str) -> Problem {
    let now = services.clock.now();
    let is_there = |name: ObjectName| services.monitors.status(&name, now).is_some();
    if is_there(ObjectName::Check(name.to_owned())) {
        return cannot_be_tried(name, "is a check: it ");
    }
    if is_there(ObjectName::Host(name.to_owned())) {
        return cannot_be_tried(name, "is a host: it ");
    }
    Problem::bad_request(format!("there is no monitor `{name}`"))
        .hint("make it first; GET /api/v1/monitors lists them")
}

/// Nobody looked then, and nothing is kept from which one could tell what would have been seen.
fn cannot_be_tried(name: &str, is: &str) -> Problem {
    let why = format!("`{name}` {is}cannot be tried on the past: only monitors of kind \"metric\" can");
    Problem::bad_request(why).hint(
        "keep the number that would have told, and watch that; or say by hand that this is done, untried: {\"kind\": \"task\", \"done\": true}",
    )
}

/// Why a rule would not have told of the outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missed {
    NotFired,
    /// It fired, and reached nobody.
    Untold,
    /// It was bad before, too, as long as anything is known of it.
    Always,
}

impl Missed {
    fn problem(self, name: &str, replayed: &Replayed) -> Problem {
        let (what, hint) = match self {
            Missed::NotFired => (
                "would not have fired",
                "change its target or its limits until it does: POST /api/v1/monitors/test shows each try",
            ),
            Missed::Untold => (
                "would have fired and told nobody",
                "what only warns pages nobody unless [incidents] page_warnings is on, and no environment but production does; \
                 give it a `critical` and contacts",
            ),
            Missed::Always => (
                "would have told nothing of it: it was bad all the time before, too",
                "change its limits until it is fine on a good day: POST /api/v1/monitors/test shows each try",
            ),
        };
        let why = format!("tried on the outage, `{name}` {what}: {}", replayed.sentence());
        Problem::new(StatusCode::CONFLICT, why).hint(hint)
    }
}

/// The first firing that reached into the outage, and somebody.
fn caught(replayed: &Replayed, began: i64) -> Result<(i64, String), Missed> {
    let within = || {
        let within =
            replayed.firings.iter().filter(move |firing| firing.ended.is_none_or(|ended| ended > began));
        within.filter(|firing| firing.fired.is_some())
    };
    let reaches_somebody = replayed.pages.keys().any(|contact| !contact.is_empty());
    let telling = || within().filter(move |firing| firing.told && reaches_somebody);
    let known = replayed.known_from.filter(|known| *known < began - LEAD_SECONDS);
    let is_news = |firing: &&Firing| known.is_none_or(|known| firing.began > known + FIRST_POINTS_SECONDS);
    let news = telling().filter(is_news);
    let first = news.filter_map(|firing| Some((firing.fired?, firing.instance.clone()))).min();
    first.ok_or(match (within().count(), telling().count()) {
        (0, _) => Missed::NotFired,
        (_, 0) => Missed::Untold,
        _ => Missed::Always,
    })
}

/// How noisy it would have been otherwise.
fn besides(replayed: &Replayed, began: i64) -> String {
    let is_over = |firing: &&Firing| firing.told && firing.ended.is_some_and(|ended| ended <= began);
    match replayed.firings.iter().filter(is_over).count() {
        0 => format!(" It would have told of nothing else in the {DAYS_BEFORE} days before."),
        1 => format!(" It would have told of something else once in the {DAYS_BEFORE} days before."),
        times => {
            format!(" It would have told of something else {times} times in the {DAYS_BEFORE} days before.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::state::State as Word;

    #[test]
    fn only_what_reaches_into_the_outage_has_caught_it() {
        let firing = |began, fired, ended, instance: &str| Firing {
            instance: instance.into(),
            state: Word::Critical,
            began,
            fired,
            ended,
            told: !instance.starts_with("only warns"),
            text: String::new(),
            value: None,
        };
        const BEGAN: i64 = 100_000;
        let of = |firings: Vec<Firing>| Replayed {
            firings,
            known_from: Some(BEGAN - 86_400),
            pages: [("ana".to_owned(), 1)].into(),
            ..Replayed::default()
        };
        let at = |after: i64| BEGAN + after;
        let check = |firings: Vec<Firing>, wanted: Result<(i64, &str), Missed>| {
            let wanted = wanted.map(|(after, name)| (at(after), name.to_owned()));
            assert_eq!(caught(&of(firings), BEGAN), wanted);
        };
        check(vec![], Err(Missed::NotFired));
        let before = firing(at(-500), Some(at(-470)), Some(at(-100)), "before");
        check(vec![before.clone()], Err(Missed::NotFired));
        check(vec![firing(BEGAN, None, Some(at(20)), "too short")], Err(Missed::NotFired));
        check(vec![firing(at(5), Some(at(9)), None, "only warns")], Err(Missed::Untold));
        check(vec![firing(at(-86_400), Some(at(-86_390)), None, "always")], Err(Missed::Always));
        let early = firing(at(-7_200), Some(at(-7_170)), Some(at(200)), "early");
        check(vec![early.clone()], Ok((-7_170, "early")));
        check(
            vec![
                firing(at(100), Some(at(160)), None, "late"),
                firing(at(10), Some(at(70)), Some(at(300)), "a"),
            ],
            Ok((70, "a")),
        );
        let nobody = Replayed { pages: [(String::new(), 1)].into(), ..of(vec![early.clone()]) };
        assert_eq!(caught(&nobody, BEGAN), Err(Missed::Untold));
        // A series that comes with the trouble has no days before.
        let new = firing(at(1), Some(at(2)), None, "new");
        let young = Replayed { known_from: Some(at(1)), ..of(vec![new]) };
        assert_eq!(caught(&young, BEGAN), Ok((at(2), "new".to_owned())));
        assert!(besides(&of(vec![before, early]), BEGAN).contains("something else once"));
    }
}
