//! What people deal with: incidents, and what they do with them.

mod told;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::desk::Failed;
use incidents::incident::Key;
use incidents::noise::Worth;
use incidents::{Deed, Incident, Refusal, Wanted};
use monitors::machine::Command;
use monitors::{Refused, Ticket};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::time::HumanDuration;

use self::told::{Told, told, whole};
use super::evidence::{self, Evidence};
use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::acknowledge;
use crate::alerts_in::by_hand;
use crate::answer::{Answer, Body, Id, Params, Problem, read};
use crate::guard::require;
use crate::services::Services;

pub use told::{PageItem, WholeIncident, page};

/// One answer holds at most so many.
const MAX_LISTED: usize = 10_000;
const USUAL_LISTED: usize = 100;
/// Instances that one acknowledgement acknowledges one by one; of more the incident's own says enough.
const MAX_ACKNOWLEDGED: usize = 1_000;
/// Until their acknowledgements are on the disk.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Deserialize, IntoParams)]
pub struct Which {
    /// `open` (default) or `all`.
    state: Option<String>,
    /// The first so many; default 100.
    limit: Option<usize>,
    /// `newest` first (default), or `worst`: what nobody has in hand, the worst of it, the oldest of that.
    order: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Incidents {
    now: i64,
    /// How many are open, whether they are listed here or not.
    open: usize,
    incidents: Vec<Told>,
}

/// All that a page about it needs.
#[derive(Serialize, ToSchema)]
pub struct IncidentPage {
    #[serde(flatten)]
    incident: WholeIncident,
    #[serde(flatten)]
    evidence: Evidence,
}

#[utoipa::path(get, path = "/incidents", params(Which), responses((status = 200, body = Incidents), (status = 400, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<Incidents>> {
    require(&caller, Role::Viewer)?;
    let wanted = match which.state.as_deref() {
        None | Some("open") => Wanted::Open,
        Some("all") => Wanted::All,
        Some(other) => {
            return Err(Problem::bad_request(format!("`state` is `{other}`")).hint("write open or all"));
        }
    };
    let worst_first = match which.order.as_deref() {
        None | Some("newest") => false,
        Some("worst") => true,
        Some(other) => {
            return Err(Problem::bad_request(format!("`order` is `{other}`")).hint("write newest or worst"));
        }
    };
    let limit = which.limit.unwrap_or(USUAL_LISTED).min(MAX_LISTED);
    off_thread(&services, move |services| {
        let scope = &caller.scope;
        let mut found = services.desk.list_in(scope, wanted, if worst_first { MAX_LISTED } else { limit })?;
        if worst_first {
            found.sort_by_key(|(incident, _)| urgency(incident));
            found.truncate(limit);
        }
        let incidents = found.into_iter().map(|(incident, instances)| told(incident, instances)).collect();
        let open = services.desk.open_in(scope)?;
        Ok(Json(Incidents { now: services.clock.now().0, open, incidents }))
    })
    .await
}

/// The least comes first: what is over comes last, the newest of it first.
fn urgency(incident: &Incident) -> (bool, bool, std::cmp::Reverse<u8>, i64) {
    let detail = &incident.detail;
    let in_hand = detail.acknowledged.is_some() || detail.snoozed_until.is_some();
    match incident.closed {
        None => (false, in_hand, std::cmp::Reverse(detail.severity.badness()), incident.opened.0),
        Some(closed) => (true, false, std::cmp::Reverse(0), -closed.0),
    }
}

#[utoipa::path(get, path = "/incidents/{id}", params(("id" = i64, Path)),
    responses((status = 200, body = IncidentPage), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<IncidentPage>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let Json(incident) = shown_to(services, &caller, id)?;
        Ok(Json(IncidentPage { incident, evidence: evidence::of(services, &caller.scope, id)? }))
    })
    .await
}

pub fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("there is no incident {id}"))
        .hint("GET /api/v1/incidents?state=all lists them")
}

/// All of it may be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Doing {
    /// In whose name; default: who asks.
    author: Option<String>,
    comment: String,
    /// Of a note.
    text: String,
    /// Of a resolve: what got it going again.
    helped: String,
    /// Of a snooze: until when, in seconds since 1970, or how long, such as `2h`.
    until: Option<i64>,
    #[serde(rename = "for")]
    lasting: Option<String>,
}

/// An empty body is one that says nothing.
pub struct MaybeBody(Doing);

impl<S: Send + Sync> axum::extract::FromRequest<S> for MaybeBody {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Answer<Self> {
        let bytes = axum::body::Bytes::from_request(request, state).await;
        let bytes =
            bytes.map_err(|rejection| Problem::unread_body(rejection.status(), rejection.body_text()))?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(MaybeBody(Doing::default()));
        }
        read(&bytes).map(MaybeBody)
    }
}

#[utoipa::path(post, path = "/incidents/{id}/acknowledge", params(("id" = i64, Path)), request_body = Doing,
    responses((status = 200, body = WholeIncident), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn acknowledge(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    MaybeBody(doing): MaybeBody,
) -> Answer<Json<WholeIncident>> {
    let deed = Deed::Acknowledge { comment: doing.comment.clone() };
    act(services, caller, id, doing, deed).await
}

#[utoipa::path(post, path = "/incidents/{id}/resolve", params(("id" = i64, Path)), request_body = Doing,
    responses((status = 200, body = WholeIncident), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn resolve(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    MaybeBody(doing): MaybeBody,
) -> Answer<Json<WholeIncident>> {
    let deed = Deed::Resolve { comment: doing.comment.clone(), helped: doing.helped.clone() };
    act(services, caller, id, doing, deed).await
}

/// What somebody says of an incident.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Was it worth being told of?
    useful: bool,
    /// It was, and the word of it came too late.
    #[serde(default)]
    too_late: bool,
    #[serde(default)]
    comment: String,
    /// In whose name; default: who asks.
    author: Option<String>,
}

/// Was it worth being told of? The last word counts; `/api/v1/noise` adds them up.
#[utoipa::path(post, path = "/incidents/{id}/judge", params(("id" = i64, Path)), request_body = Verdict,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn judge(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(verdict): Body<Verdict>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let Verdict { useful, too_late, comment, author } = verdict;
    let worth = match (useful, too_late) {
        (true, true) => Worth::TooLate,
        (true, false) => Worth::Useful,
        (false, false) => Worth::Useless,
        (false, true) => {
            return Err(Problem::bad_request("what was not `useful` cannot have come `too_late`")
                .hint("send {\"useful\": true, \"too_late\": true} or {\"useful\": false}"));
        }
    };
    let author = super::watched::author(&caller, author.unwrap_or_default());
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        let judged = services.desk.judge(id, &author, worth, &comment, services.clock.now());
        judged.map_err(|failed| refusal(id, failed))?;
        shown_to(services, &caller, id)
    })
    .await
}

#[utoipa::path(post, path = "/incidents/{id}/note", params(("id" = i64, Path)), request_body = Doing,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn note(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(doing): Body<Doing>,
) -> Answer<Json<WholeIncident>> {
    let text = if doing.text.is_empty() { doing.comment.clone() } else { doing.text.clone() };
    act(services, caller, id, doing, Deed::Note { text }).await
}

#[utoipa::path(post, path = "/incidents/{id}/snooze", params(("id" = i64, Path)), request_body = Doing,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn snooze(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(doing): Body<Doing>,
) -> Answer<Json<WholeIncident>> {
    let until = match (doing.until, doing.lasting.as_deref().map(str::parse::<HumanDuration>)) {
        (Some(until), None) => Timestamp(until),
        (None, Some(Ok(lasting))) => {
            services.clock.now().plus(i64::try_from(lasting.0.as_secs()).unwrap_or(i64::MAX))
        }
        (None, Some(Err(why))) => return Err(Problem::bad_request(format!("`for`: {why}"))),
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("`until` and `for` say the same: send one of them"));
        }
        (None, None) => {
            return Err(Problem::bad_request("a snooze needs an end")
                .hint("send {\"for\": \"2h\"} or {\"until\": SECONDS}"));
        }
    };
    let comment = doing.comment.clone();
    act(services, caller, id, doing, Deed::Snooze { until, comment }).await
}

async fn act(
    services: Arc<Services>,
    caller: Caller,
    id: i64,
    doing: Doing,
    deed: Deed,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = super::watched::author(&caller, doing.author.unwrap_or_default());
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        do_within(services, &caller.scope, id, &author, &deed)?;
        let shown = if matches!(deed, Deed::Acknowledge { .. }) { where_it_is(services, id)? } else { id };
        shown_to(services, &caller, shown)
    })
    .await
}

/// What is acknowledged by the number of one that was merged away is the one that its members are in.
fn where_it_is(services: &Services, id: i64) -> Answer<i64> {
    let mut root = id;
    while let Some(into) = services.desk.one(root)?.and_then(|whole| whole.incident.detail.merged_into) {
        root = into;
    }
    Ok(root)
}

/// Whoever sees nothing of an incident does nothing with it, and hears what they would if it were not there.
pub fn theirs(services: &Services, caller: &Caller, id: i64) -> Answer<()> {
    match services.desk.is_in(&caller.scope, id)? {
        true => Ok(()),
        false => Err(unknown(id)),
    }
}

/// As it is now, with what this caller sees of it.
pub fn shown_to(services: &Services, caller: &Caller, id: i64) -> Answer<Json<WholeIncident>> {
    let found = match caller.scope.is_everything() {
        true => services.desk.one(id)?,
        false => services.desk.one_in(&caller.scope, id)?,
    };
    whole(services, caller, found.ok_or_else(|| unknown(id))?).map(Json)
}

/// Why what somebody does by a channel comes to nothing, in words.
#[derive(Debug, PartialEq, Eq)]
pub enum Undone {
    /// Nothing can be kept at present: it is to be tried again.
    NotNow(String),
    Never(String),
}

/// What a contact does by a channel, such as the answer to a page: no more than by the link in it.
pub fn act_on(services: &Services, id: i64, contact: &str, deed: &Deed) -> Result<(), Undone> {
    let done = acknowledge::only_looks(services, contact).and_then(|only_looks| match only_looks {
        true => Err(Problem::forbidden(format!("{contact} may look here, and not act"))),
        false => do_unless_taken(services, id, contact, deed),
    });
    done.map_err(|problem| match problem.is(StatusCode::SERVICE_UNAVAILABLE) {
        true => Undone::NotNow(problem.error),
        false => Undone::Never(problem.error),
    })
}

pub fn do_it(services: &Services, id: i64, author: &str, deed: &Deed) -> Answer<()> {
    do_within(services, &Scope::everything(), id, author, deed)
}

/// By somebody who sees this much.
pub fn do_within(services: &Services, scope: &Scope, id: i64, author: &str, deed: &Deed) -> Answer<()> {
    done(services, scope, id, author, deed)?.map_err(|refused| refusal(id, Failed::Refused(refused)))
}

/// Whoever comes second sees who was first, which needs no error.
pub fn do_unless_taken(services: &Services, id: i64, author: &str, deed: &Deed) -> Answer<()> {
    match done(services, &Scope::everything(), id, author, deed)? {
        Err(Refusal::Taken { .. }) => Ok(()),
        Err(refused) => Err(refusal(id, Failed::Refused(refused))),
        Ok(()) => Ok(()),
    }
}

fn done(
    services: &Services,
    scope: &Scope,
    id: i64,
    author: &str,
    deed: &Deed,
) -> Answer<Result<(), Refusal>> {
    let now = services.clock.now();
    if matches!(deed, Deed::Resolve { .. } | Deed::Reopen { .. }) {
        by_hand::refuse_while_failing(services)?;
    }
    let bad = match services.desk.act(id, author, deed, now) {
        Ok(bad) => bad,
        Err(Failed::Refused(refused)) => return Ok(Err(refused)),
        Err(failed) => return Err(refusal(id, failed)),
    };
    match deed {
        Deed::Acknowledge { comment } | Deed::Take { comment } | Deed::HandOver { comment, .. } => {
            acknowledge_parts(services, &bad, author, comment, now)?;
        }
        Deed::Resolve { .. } => {
            // The disk may have filled since it was looked at.
            let ended = by_hand::end(services, &bad, author, scope, now).map_err(|problem| {
                problem.hint("it is closed; what its alerts say is news once their senders have said that they are over")
            })?;
            say_left(services, id, author, ended.left, now)?;
            wait(services, ended.ticket)?;
        }
        Deed::Reopen { back, .. } => wait(services, by_hand::bring_back(services, id, back, now)?)?,
        _ => {}
    }
    Ok(Ok(()))
}

fn wait(services: &Services, ticket: Option<Ticket>) -> Answer<()> {
    ticket.map_or(Ok(()), |ticket| services.monitors.wait(ticket, PATIENCE)).map_err(Problem::from)
}

/// Whoever closes what they see a part of does not end what they do not see.
fn say_left(services: &Services, id: i64, author: &str, left: usize, now: Timestamp) -> Answer<()> {
    if left == 0 {
        return Ok(());
    }
    let text = format!(
        "{left} alerts of others in it are not ended by this: what is said of them is news once their senders have said that they are over"
    );
    match services.desk.act(id, author, &Deed::Note { text }, now) {
        // There may be no room for one more line: it is closed all the same.
        Ok(_) | Err(Failed::Refused(_)) => Ok(()),
        Err(failed) => Err(refusal(id, failed)),
    }
}

/// What is bad in an incident that somebody has in hand is in hand: its own rules tell nobody again either, until it
/// changes. What has been acknowledged by itself stays so.
fn acknowledge_parts(
    services: &Services,
    bad: &[Key],
    author: &str,
    comment: &str,
    now: Timestamp,
) -> Answer<()> {
    let mut last = None;
    for id in bad.iter().take(MAX_ACKNOWLEDGED).map(Key::id) {
        let Some(name) = services.monitors.name_of(&id) else { continue };
        if services.monitors.acknowledgement(&id).is_some() {
            continue;
        }
        let acknowledge = |object| Command::Acknowledge {
            object,
            sticky: false,
            notify: false,
            persistent: false,
            expires: None,
            author: author.to_owned(),
            comment: comment.to_owned(),
        };
        match services.monitors.command(&name, acknowledge, now) {
            Ok((_, ticket)) => last = Some(ticket),
            // It has become well, or was taken out, in this moment.
            Err(Refused::Conflict(_) | Refused::NotFound(_)) => {}
            Err(why) => return Err(why.into()),
        }
    }
    wait(services, last)
}

/// What was in the hands of somebody who is removed is nobody's, and told anew: what they acknowledged holds nothing back.
pub fn give_back(services: &Services, person: &str, by: &str) -> Answer<()> {
    let now = services.clock.now();
    let failed = |failed| refusal(0, failed);
    let bad = services.desk.give_back_all_of(person, by, now).map_err(failed)?;
    let mut last = None;
    for name in bad.iter().filter_map(|key| services.monitors.name_of(&key.id())) {
        match services.monitors.command(&name, |object| Command::RemoveAcknowledgement { object }, now) {
            Ok((_, ticket)) => last = Some(ticket),
            // It was not acknowledged by itself, or is not there any more.
            Err(Refused::Conflict(_) | Refused::NotFound(_)) => {}
            Err(why) => return Err(why.into()),
        }
    }
    wait(services, last)
}

pub fn refusal(id: i64, failed: Failed) -> Problem {
    match failed {
        Failed::Refused(Refusal::Unknown) => unknown(id),
        Failed::Refused(Refusal::No(why)) => Problem::new(StatusCode::CONFLICT, why),
        Failed::Refused(Refusal::Bad(why)) => Problem::bad_request(why),
        Failed::Refused(Refusal::Taken { by, at }) => {
            let since = jiff::Timestamp::from_second(at).unwrap_or_default();
            let has = if by == crate::guard::WHOEVER_OWNS_IT { "have" } else { "has" };
            Problem::new(StatusCode::CONFLICT, format!("{by} {has} it, since {since}"))
                .hint(format!("POST /api/v1/incidents/{id}/take takes it from whoever has it"))
        }
        Failed::State(error) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .hint("nothing was done; the state database cannot be written, see /api/v1/health"),
    }
}
