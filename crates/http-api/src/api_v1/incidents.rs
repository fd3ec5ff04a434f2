//! What people deal with: incidents, and what they do with them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::desk::{Failed, Whole};
use incidents::incident::Key;
use incidents::learning::Helped;
use incidents::noise::Worth;
use incidents::{Deed, Incident, KeptEntry, KeptPage, Refusal, Wanted};
use monitors::Refused;
use monitors::machine::Command;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::state::State as Word;
use vocabulary::time::HumanDuration;

use super::evidence::{self, Evidence};
use super::people::why_shown_to;
use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::alerts_in;
use crate::answer::{Answer, Body, Id, Params, Problem, read};
use crate::guard::require;
use crate::services::Services;

/// One answer holds at most so many.
const MAX_LISTED: usize = 10_000;
const USUAL_LISTED: usize = 100;
/// Instances that one answer names; the worst come first, and `bad` and `instances` count all.
const MAX_TROUBLES: usize = 1_000;
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

#[derive(Serialize, ToSchema)]
pub struct Told {
    id: i64,
    /// What they have in common, such as `monitor:api-latency` or `host:web1`.
    reason: String,
    title: String,
    /// `open`, `acknowledged` or `resolved`.
    phase: &'static str,
    /// The worst that any instance is now, and that there was.
    #[schema(value_type = String)]
    severity: Word,
    #[schema(value_type = String)]
    worst: Word,
    opened: i64,
    closed: Option<i64>,
    acknowledged: Option<By>,
    snoozed_until: Option<i64>,
    /// Nobody did anything: it went away by itself.
    self_healed: bool,
    resolved_by: Option<String>,
    /// Who has it: the first who acknowledged it, or who took it or was given it since.
    owner: Option<String>,
    /// Who has said how bad it is, if somebody has.
    severity_by: Option<String>,
    declared_by: Option<String>,
    /// The incident in which its members are now.
    merged_into: Option<i64>,
    /// Further reasons that it stands for.
    also: Vec<String>,
    /// How often it was opened again.
    reopened: u32,
    /// Members of other reasons than its own, for which nobody who knows of it was paged.
    grouped: usize,
    /// Instances that are bad now, that were, and how often one went bad.
    bad: usize,
    instances: usize,
    breaches: u64,
    playbook: Option<String>,
    /// As a tag or `[[environment]]` says.
    environment: Option<String>,
    production: bool,
    /// Contacts who were told of it.
    told: Vec<String>,
    /// Contacts who are told in the morning, if it is still bad and in nobody's hands then.
    held: Vec<HeldBack>,
    /// How far its policy has come.
    escalation: Option<EscalationNow>,
    /// What got it going again: `{text, who, at}`.
    #[schema(value_type = Option<Object>)]
    helped: Option<Helped>,
}

#[derive(Serialize, ToSchema)]
pub struct HeldBack {
    contact: String,
    until: i64,
    why: String,
}

#[derive(Serialize, ToSchema)]
pub struct EscalationNow {
    policy: String,
    /// The step that runs next, from 1, and how often the policy has begun again.
    step: usize,
    round: u32,
    /// When it runs, unless somebody acknowledges; null: all has been tried.
    next_at: Option<i64>,
    /// Whom the step would reach sleeps: it waits for their morning.
    held: bool,
}

#[derive(Serialize, ToSchema)]
pub struct By {
    by: String,
    at: i64,
    comment: String,
}

#[derive(Serialize, ToSchema)]
pub struct WholeIncident {
    #[serde(flatten)]
    incident: Told,
    troubles: Vec<TroubleItem>,
    timeline: Vec<Entry>,
    /// What the timeline had no room for.
    unlisted: u64,
    pages: Vec<PageItem>,
    /// The last word on whether it was worth being told of: `useful`, `too late` or `not useful`.
    judged: Option<&'static str>,
}

/// All that a page about it needs.
#[derive(Serialize, ToSchema)]
pub struct IncidentPage {
    #[serde(flatten)]
    incident: WholeIncident,
    #[serde(flatten)]
    evidence: Evidence,
}

#[derive(Serialize, ToSchema)]
pub struct TroubleItem {
    host: bool,
    monitor: String,
    instance: String,
    #[schema(value_type = String)]
    state: Word,
    #[schema(value_type = String)]
    worst: Word,
    since: i64,
    until: Option<i64>,
    value: Option<f64>,
    text: String,
    /// Why it is in an incident of another reason.
    why: Option<String>,
    /// Why nobody is told of it for now.
    #[schema(value_type = Option<String>)]
    withheld: Option<vocabulary::state::Withheld>,
    /// By itself; of what is bad in an incident that is open.
    acknowledged: Option<By>,
}

#[derive(Serialize, ToSchema)]
pub struct Entry {
    at: i64,
    kind: String,
    who: String,
    text: String,
}

/// One attempt to reach one contact through one channel.
#[derive(Serialize, ToSchema)]
pub struct PageItem {
    id: i64,
    kind: &'static str,
    contact: String,
    channel: String,
    at: i64,
    /// `waiting`, `delivered`, `listed` or `given_up`.
    state: String,
    tries: u32,
    ended: Option<i64>,
    error: String,
}

fn told(incident: Incident, instances: usize) -> Told {
    let owner = incident.owner().map(|(name, _)| name.to_owned());
    let detail = incident.detail;
    let runs = incident.phase == incidents::Phase::Open;
    let escalation = detail.escalation.map(|at| EscalationNow {
        policy: at.policy,
        step: at.step + 1,
        round: at.round,
        next_at: at.next_at.filter(|_| runs),
        held: at.held && runs,
    });
    let held = detail.told.iter().filter_map(|(contact, told)| {
        let held = told.held.as_ref().filter(|_| runs)?;
        Some(HeldBack { contact: contact.clone(), until: held.until, why: held.why.clone() })
    });
    let held = held.collect();
    Told {
        owner,
        severity_by: detail.by_hand.map(|said| said.who),
        declared_by: detail.declared_by,
        merged_into: detail.merged_into,
        also: detail.also.into_iter().collect(),
        reopened: detail.reopened,
        escalation,
        held,
        helped: detail.helped,
        grouped: detail.grouped,
        id: incident.id,
        reason: incident.reason,
        title: incident.title,
        phase: incident.phase.word(),
        severity: detail.severity,
        worst: detail.worst,
        opened: incident.opened.0,
        closed: incident.closed.map(|closed| closed.0),
        acknowledged: detail.acknowledged.map(|by| By { by: by.by, at: by.at, comment: by.comment }),
        snoozed_until: detail.snoozed_until,
        self_healed: detail.self_healed,
        resolved_by: detail.resolved_by,
        bad: detail.bad,
        instances,
        breaches: detail.breaches,
        playbook: detail.playbook,
        environment: detail.environment,
        production: detail.production,
        told: detail
            .told
            .into_iter()
            .filter(|(_, told)| !told.channels.is_empty())
            .map(|(name, _)| name)
            .collect(),
    }
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

fn whole(services: &Services, caller: &Caller, found: Whole) -> Answer<WholeIncident> {
    let Whole { mut incident, timeline, pages } = found;
    let mut troubles: Vec<_> = std::mem::take(&mut incident.troubles).into_iter().collect();
    troubles.sort_by_key(|(_, trouble)| (std::cmp::Reverse(trouble.state.badness()), trouble.since));
    let instances = troubles.len();
    let judged = services.desk.verdict(incident.id)?.map(|judged| judged.worth.word());
    let unlisted = incident.detail.unlisted;
    let open = incident.closed.is_none();
    let trouble = |(key, trouble): (Key, incidents::Trouble)| TroubleItem {
        acknowledged: open.then(|| services.monitors.acknowledgement(&key.id())).flatten().map(|by| By {
            by: by.author.to_string(),
            at: by.at,
            comment: by.comment.to_string(),
        }),
        host: key.host,
        monitor: key.monitor.to_string(),
        instance: key.instance.to_string(),
        state: trouble.state,
        worst: trouble.worst,
        since: trouble.since,
        until: trouble.until,
        value: trouble.value,
        text: trouble.text,
        why: trouble.why,
        withheld: trouble.withheld,
    };
    let entry = |entry: KeptEntry| Entry { at: entry.at, kind: entry.kind, who: entry.who, text: entry.text };
    Ok(WholeIncident {
        incident: told(incident, instances),
        troubles: troubles.into_iter().take(MAX_TROUBLES).map(trouble).collect(),
        timeline: timeline.into_iter().map(entry).collect(),
        unlisted,
        pages: pages.into_iter().map(|kept| page(caller, kept)).collect(),
        judged,
    })
}

pub(super) fn page(caller: &Caller, kept: KeptPage) -> PageItem {
    PageItem {
        error: why_shown_to(caller, &kept.page.contact, kept.error),
        id: kept.page.id,
        kind: kept.page.kind.word(),
        contact: kept.page.contact.to_string(),
        channel: kept.page.channel.to_string(),
        at: kept.page.at.0,
        state: kept.state,
        tries: kept.tries,
        ended: kept.ended,
    }
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
        do_it(services, id, &author, &deed)?;
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

/// For the rest of the process, such as an answer that came by a channel. What is wrong is said in words.
pub fn act_on(services: &Services, id: i64, author: &str, deed: &Deed) -> Result<(), String> {
    do_unless_taken(services, id, author, deed).map_err(|problem| problem.error)
}

pub fn do_it(services: &Services, id: i64, author: &str, deed: &Deed) -> Answer<()> {
    done(services, id, author, deed)?.map_err(|refused| refusal(id, Failed::Refused(refused)))
}

/// Whoever comes second sees who was first, which needs no error.
pub fn do_unless_taken(services: &Services, id: i64, author: &str, deed: &Deed) -> Answer<()> {
    match done(services, id, author, deed)? {
        Err(Refusal::Taken { .. }) => Ok(()),
        Err(refused) => Err(refusal(id, Failed::Refused(refused))),
        Ok(()) => Ok(()),
    }
}

fn done(services: &Services, id: i64, author: &str, deed: &Deed) -> Answer<Result<(), Refusal>> {
    let now = services.clock.now();
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
            let ticket = alerts_in::end_by_hand(services, &bad, author, now)?;
            ticket.map_or(Ok(()), |ticket| services.monitors.wait(ticket, PATIENCE))?;
        }
        _ => {}
    }
    Ok(Ok(()))
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
    last.map_or(Ok(()), |ticket| services.monitors.wait(ticket, PATIENCE)).map_err(Problem::from)
}

pub fn refusal(id: i64, failed: Failed) -> Problem {
    match failed {
        Failed::Refused(Refusal::Unknown) => unknown(id),
        Failed::Refused(Refusal::No(why)) => Problem::new(StatusCode::CONFLICT, why),
        Failed::Refused(Refusal::Bad(why)) => Problem::bad_request(why),
        Failed::Refused(Refusal::Taken { by, at }) => {
            let since = jiff::Timestamp::from_second(at).unwrap_or_default();
            Problem::new(StatusCode::CONFLICT, format!("{by} has it, since {since}"))
                .hint(format!("POST /api/v1/incidents/{id}/take takes it from whoever has it"))
        }
        Failed::State(error) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .hint("nothing was done; the state database cannot be written, see /api/v1/health"),
    }
}
