//! An incident as it is told.

use incidents::desk::Whole;
use incidents::incident::Key;
use incidents::learning::Helped;
use incidents::{Incident, KeptEntry, KeptPage};
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::state::State as Word;

use crate::accounts::Caller;
use crate::answer::Answer;
use crate::api_v1::people::why_shown_to;
use crate::services::Services;

/// Instances that one answer names; the worst come first, and `bad` and `instances` count all.
const MAX_TROUBLES: usize = 1_000;

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
    /// Since when something is, or was, bad: senders of alerts may say that it was before it opened here.
    since: i64,
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
    /// What the sender of an alert says of it beside that, and where it says what to do.
    description: Option<String>,
    runbook: Option<String>,
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

pub fn told(incident: Incident, instances: usize) -> Told {
    let owner = incident.owner().map(|(name, _)| name.to_owned());
    let since = incident.since();
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
        since,
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

pub fn whole(services: &Services, caller: &Caller, found: Whole) -> Answer<WholeIncident> {
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
        since: trouble.began(),
        until: trouble.ended(),
        runbook: trouble.runbook().map(str::to_owned),
        description: trouble.of_sender.and_then(|said| said.description),
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

pub fn page(caller: &Caller, kept: KeptPage) -> PageItem {
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
