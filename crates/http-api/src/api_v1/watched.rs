//! What checks and hosts have in common: how one is, and what can be done with it. `checks.rs` and `hosts.rs` say
//! which of the two is meant.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use formats::nagios::perfdata::{self, Breach};
use formats::nagios::plugin_output::Text;
use monitors::history::Run;
use monitors::kinds::check::perfdata::names;
use monitors::look::{Found, Planned};
use monitors::machine::{Command, Done, NewDowntime, ObjectId, ObjectName, Switch};
use monitors::{Monitors, Outcome, Refused, Ticket};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::state::{State, StateType, Withheld};

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::guard::require;
use crate::services::Services;

/// Whoever sends a result waits so long for the disk. Longer than any disk that works takes, and within the
/// timeouts of senders.
const DISK_PATIENCE: Duration = Duration::from_secs(8);
/// Whoever waits for a run waits at most so long: a connection is held open.
const LONGEST_WAIT_SECONDS: f64 = 300.0;
/// What a responder may hold back without an editor.
pub const RESPONDERS_SECONDS: i64 = 86_400;
/// A ribbon or list without `from`.
const USUAL_HISTORY_SECONDS: i64 = 7 * 86_400;

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        match refused {
            Refused::NotFound(text) => Problem::not_found(text),
            Refused::Wrong(text) => Problem::bad_request(text),
            Refused::Conflict(text) => Problem::new(StatusCode::CONFLICT, text),
            Refused::NotKept(text) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .hint("the state database cannot be written; see /api/v1/health"),
        }
    }
}

/// Whoever sees only a part of all names is not told of hosts, and of checks on them.
pub fn sees(caller: &Caller) -> Answer<()> {
    match caller.scope.is_everything() {
        true => Ok(()),
        false => Err(Problem::forbidden(format!(
            "{} is limited to prefixes of series, and checks are none",
            caller.name
        ))),
    }
}

pub fn may(caller: &Caller, role: Role) -> Answer<()> {
    require(caller, role)?;
    sees(caller)
}

/// How a check or a host is.
#[derive(Serialize, ToSchema)]
pub struct Watched {
    name: String,
    /// Of a check: the host that it is on.
    host: Option<String>,
    /// PENDING before the first result.
    #[schema(example = "CRITICAL")]
    state: &'static str,
    #[schema(value_type = String, example = "HARD")]
    state_type: StateType,
    attempt: u32,
    max_check_attempts: u32,
    /// Since when the state holds.
    since: Option<i64>,
    flapping: bool,
    /// Of the last results, in per cent.
    percent_state_change: f64,
    in_downtime: bool,
    acknowledged: bool,
    acknowledgement: Option<Acknowledged>,
    /// Why nobody would be told now.
    #[schema(value_type = Option<String>, example = "downtime")]
    withheld: Option<Withheld>,
    /// What is before it: of a check its host, of a host its parents.
    parents: Vec<Parent>,
    last_output: String,
    long_output: String,
    perfdata: Vec<PerfdataItem>,
    value: Option<f64>,
    /// When it was looked last, and when next if we do it.
    last_check: Option<i64>,
    next_check: Option<f64>,
    execution_seconds: f64,
    /// Problem notices since it is bad.
    notification_number: u32,
    last_notification: Option<i64>,
    next_notification: Option<i64>,
    notifications_enabled: bool,
    active_checks_enabled: bool,
    passive_results_enabled: bool,
    downtimes: Vec<Downtime>,
    comments: Vec<Comment>,
}

#[derive(Serialize, ToSchema)]
struct Parent {
    host: String,
    #[schema(example = "UP")]
    state: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Acknowledged {
    author: String,
    comment: String,
    at: i64,
    sticky: bool,
    expires: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct PerfdataItem {
    label: String,
    /// null for `U`: it could not be measured.
    value: Option<f64>,
    uom: String,
    /// As written: ranges such as `@10:20`.
    warn: Option<String>,
    crit: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
    #[schema(example = "none")]
    breach: &'static str,
    /// Where it is stored, in the base unit: seconds, bytes, per cent.
    #[schema(example = "checks.web1.http.time_seconds")]
    series: String,
    /// What is stored is so many times the value; the thresholds' numbers as well.
    scale: f64,
}

#[derive(Serialize, ToSchema)]
pub struct Downtime {
    id: u64,
    check: Option<String>,
    host: Option<String>,
    monitor: Option<String>,
    instance: Option<String>,
    start: i64,
    end: i64,
    fixed: bool,
    duration: i64,
    author: String,
    comment: String,
    in_effect: bool,
    /// The `[[downtime]]` that it comes from.
    recurring: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Comment {
    id: u64,
    at: i64,
    author: String,
    comment: String,
}

pub fn perfdata_items(host: &str, service: &str, text: &str) -> Vec<PerfdataItem> {
    let items = perfdata::parse(text).items;
    let names = names(host, service, &items);
    let item = |(item, series): (perfdata::Item, String)| PerfdataItem {
        breach: match item.breach() {
            Breach::None => "none",
            Breach::Warning => "warning",
            Breach::Critical => "critical",
        },
        series,
        scale: item.base_unit().1,
        label: item.label,
        value: item.value,
        uom: item.uom,
        warn: item.warn,
        crit: item.crit,
        min: item.min,
        max: item.max,
    };
    items.into_iter().zip(names).map(item).collect()
}

impl From<&Planned> for Downtime {
    fn from(planned: &Planned) -> Downtime {
        let (mut check, mut host, mut monitor, mut instance) = (None, None, None, None);
        match planned.of.clone() {
            ObjectName::Check(name) => check = Some(name),
            ObjectName::Host(name) => host = Some(name),
            ObjectName::Instance(name, of) => (monitor, instance) = (Some(name), Some(of)),
        }
        let downtime = &planned.downtime;
        Downtime {
            id: downtime.id,
            check,
            host,
            monitor,
            instance,
            start: downtime.start,
            end: downtime.end,
            fixed: downtime.fixed,
            duration: downtime.duration,
            author: downtime.author.to_string(),
            comment: downtime.comment.to_string(),
            in_effect: downtime.in_effect,
            recurring: downtime.recurring.as_deref().map(str::to_owned),
        }
    }
}

pub fn word(state: Option<State>) -> &'static str {
    state.map_or("PENDING", State::word)
}

impl Watched {
    fn of(services: &Services, name: &ObjectName, found: Found) -> Watched {
        let status = found.status;
        let host = match name {
            ObjectName::Host(name) => name.as_str(),
            _ => status.host.as_deref().unwrap_or_default(),
        };
        let service = found.service.as_deref().unwrap_or_default();
        let at = |at: Option<Timestamp>| at.map(|at| at.0);
        Watched {
            name: found.name,
            host: status.host.as_deref().map(str::to_owned),
            state: word(status.state),
            state_type: status.state_type,
            attempt: status.attempt,
            max_check_attempts: status.max_attempts,
            since: at(status.last_state_change),
            flapping: status.flapping,
            percent_state_change: status.percent_state_change,
            in_downtime: status.downtime_depth > 0,
            acknowledged: status.acknowledgement.is_some(),
            acknowledgement: status.acknowledgement.map(|of| Acknowledged {
                author: of.author.to_string(),
                comment: of.comment.to_string(),
                at: of.at,
                sticky: of.sticky,
                expires: of.expires,
            }),
            withheld: found.withheld,
            parents: found
                .parents
                .into_iter()
                .map(|(host, state)| Parent { host, state: word(state) })
                .collect(),
            last_output: status.output.to_string(),
            long_output: status.long_output.to_string(),
            perfdata: perfdata_items(host, service, &status.perfdata),
            value: status.value,
            last_check: at(status.last_check),
            next_check: services.control.next_check(name),
            execution_seconds: status.seconds,
            notification_number: status.notification_number,
            last_notification: at(status.last_notification),
            next_notification: at(status.next_notification),
            notifications_enabled: status.notifications_enabled,
            active_checks_enabled: status.active_checks_enabled,
            passive_results_enabled: status.passive_results_enabled,
            downtimes: found.downtimes.iter().map(Downtime::from).collect(),
            comments: found
                .comments
                .iter()
                .map(|comment| Comment {
                    id: comment.id,
                    at: comment.at,
                    author: comment.author.to_string(),
                    comment: comment.comment.to_string(),
                })
                .collect(),
        }
    }
}

pub fn show(services: &Services, name: &ObjectName) -> Answer<Json<Watched>> {
    let found = services.monitors.look(name, services.clock.now())?;
    Ok(Json(Watched::of(services, name, found)))
}

/// A result as a program sends it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResult {
    /// 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; of a host 0 UP, 1 DOWN, 2 UNREACHABLE.
    status: i64,
    /// As a plugin prints it: text, `|` and performance data, further lines.
    #[serde(default)]
    output: String,
    /// When it was looked; left out: now.
    at: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct Taken {
    #[schema(example = "OK")]
    state: &'static str,
    #[schema(value_type = String)]
    state_type: StateType,
    attempt: u32,
}

/// It is on the disk when this is answered.
pub async fn take_result(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    new: NewResult,
) -> Answer<Json<Taken>> {
    may(caller, Role::Editor)?;
    let now = services.clock.now();
    let outcome = outcome(&name, &new, now)?;
    change(services, move |monitors| {
        let ticket = monitors.result(&name, &outcome, now)?;
        let status = monitors.look(&name, now)?.status;
        let taken =
            Taken { state: word(status.state), state_type: status.state_type, attempt: status.attempt };
        Ok((Json(taken), ticket))
    })
    .await
}

fn outcome(name: &ObjectName, new: &NewResult, now: Timestamp) -> Answer<Outcome> {
    let (most, meaning) = match name {
        ObjectName::Host(_) => (2, "0 (UP), 1 (DOWN) or 2 (UNREACHABLE)"),
        _ => (3, "0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN)"),
    };
    let status = u8::try_from(new.status).ok().filter(|status| *status <= most);
    let status = status.ok_or_else(|| {
        Problem::bad_request(format!("`status` is {}", new.status)).hint(format!("write {meaning}"))
    })?;
    let at = match new.at {
        None => now,
        // To the end of the year 9999.
        Some(at) if (0.0..253_402_300_800.0).contains(&at) => Timestamp(at as i64),
        Some(at) => {
            let hint = "write seconds since 1970, or leave it out for now";
            return Err(Problem::bad_request(format!("`at` is no time: {at}")).hint(hint));
        }
    };
    let text = Text::of(new.output.as_bytes());
    Ok(Outcome {
        status,
        output: text.output,
        long_output: text.long_output,
        perfdata: text.perfdata,
        at,
        ..Outcome::default()
    })
}

/// Something that is on the disk when it is answered.
pub async fn change<T: Send + 'static>(
    services: &Arc<Services>,
    work: impl FnOnce(&Monitors) -> Result<(T, Ticket), Refused> + Send + 'static,
) -> Answer<T> {
    off_thread(services, move |services| {
        let (answer, ticket) = work(&services.monitors)?;
        services.monitors.wait(ticket, DISK_PATIENCE)?;
        Ok(answer)
    })
    .await
}

pub async fn command(
    services: &Arc<Services>,
    name: ObjectName,
    command: impl FnOnce(ObjectId) -> Command + Send + 'static,
) -> Answer<Done> {
    let now = services.clock.now();
    change(services, move |monitors| monitors.command(&name, command, now)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewAcknowledgement {
    /// Until it is good again; else until the state changes.
    sticky: bool,
    /// Tell the contacts.
    notify: bool,
    /// The comment outlives the acknowledgement.
    persistent: bool,
    author: String,
    comment: String,
    /// It ends by itself then; seconds since 1970.
    expires: Option<i64>,
}

impl Default for NewAcknowledgement {
    /// Nagios's own form is sticky, and tells.
    fn default() -> Self {
        NewAcknowledgement {
            sticky: true,
            notify: true,
            persistent: false,
            author: String::new(),
            comment: String::new(),
            expires: None,
        }
    }
}

/// Whether it is acknowledged now, and if not why not: what is fine cannot be.
#[derive(Serialize, ToSchema)]
pub struct AcknowledgementAnswer {
    acknowledged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

pub async fn acknowledge(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    new: NewAcknowledgement,
) -> Answer<Json<AcknowledgementAnswer>> {
    may(caller, Role::Responder)?;
    let author = author(caller, new.author);
    let (sticky, notify, persistent, comment) = (new.sticky, new.notify, new.persistent, new.comment);
    let expires = new.expires.map(Timestamp);
    let command =
        move |object| Command::Acknowledge { object, sticky, notify, persistent, expires, author, comment };
    settle(services, name, command, true).await
}

pub async fn remove_acknowledgement(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
) -> Answer<Json<AcknowledgementAnswer>> {
    may(caller, Role::Responder)?;
    settle(services, name, |object| Command::RemoveAcknowledgement { object }, false).await
}

/// As in Nagios, to acknowledge what is fine, or to take back what was not done, changes nothing and is no mistake: the
/// check may have recovered a moment before.
async fn settle(
    services: &Arc<Services>,
    name: ObjectName,
    command: impl FnOnce(ObjectId) -> Command + Send + 'static,
    wanted: bool,
) -> Answer<Json<AcknowledgementAnswer>> {
    let now = services.clock.now();
    off_thread(services, move |services| match services.monitors.command(&name, command, now) {
        Ok((_, ticket)) => {
            services.monitors.wait(ticket, DISK_PATIENCE)?;
            Ok(Json(AcknowledgementAnswer { acknowledged: wanted, note: None }))
        }
        Err(Refused::Conflict(note)) => {
            Ok(Json(AcknowledgementAnswer { acknowledged: false, note: Some(note) }))
        }
        Err(refused) => Err(refused.into()),
    })
    .await
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enabled {
    enabled: bool,
}

pub async fn switch(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    wanted: Enabled,
) -> Answer<Json<Enabled>> {
    may(caller, Role::Editor)?;
    let on = wanted.enabled;
    command(services, name, move |object| Command::Switch { object, what: Switch::Notifications, on })
        .await?;
    Ok(Json(wanted))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNotice {
    #[serde(default)]
    author: String,
    #[serde(default)]
    comment: String,
    /// Past every filter.
    #[serde(default)]
    forced: bool,
    /// To the contacts of every escalation too.
    #[serde(default)]
    broadcast: bool,
}

pub async fn notify(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    new: NewNotice,
) -> Answer<StatusCode> {
    may(caller, Role::Responder)?;
    let author = author(caller, new.author);
    let (comment, forced, broadcast) = (new.comment, new.forced, new.broadcast);
    command(services, name, move |object| Command::Notify {
        object,
        author,
        comment,
        forced,
        broadcast,
        increment: false,
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    #[serde(default)]
    author: String,
    comment: String,
}

pub async fn comment(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    new: NewComment,
) -> Answer<Json<super::downtimes::Made>> {
    may(caller, Role::Responder)?;
    let author = author(caller, new.author);
    let comment = new.comment;
    let done =
        command(services, name, move |object| Command::Comment { object, author, comment, persistent: true })
            .await?;
    Ok(Json(super::downtimes::Made::of(done)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// Wait so many seconds for the result, and answer how it is then.
    wait: Option<f64>,
}

/// Runs it now; its result comes as others do. Whoever waits for it gets 200 and how it is, or 202 if it takes longer.
pub async fn run_now(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    patience: Patience,
) -> Answer<Response> {
    may(caller, Role::Responder)?;
    let longest = 0.0..=LONGEST_WAIT_SECONDS;
    if let Some(wait) = patience.wait.filter(|wait| !longest.contains(wait)) {
        let hint = format!("write seconds, at most {LONGEST_WAIT_SECONDS}");
        return Err(Problem::bad_request(format!("`wait` is {wait}")).hint(hint));
    }
    let asked = name.clone();
    let told = off_thread(services, move |services| {
        services.monitors.look(&asked, services.clock.now())?;
        let no_way = |why: String| Problem::new(StatusCode::CONFLICT, why);
        services.control.run_check(&asked).map_err(no_way)
    })
    .await?;
    let wait = Duration::from_secs_f64(patience.wait.unwrap_or(0.0));
    match tokio::time::timeout(wait, told).await {
        Ok(Ok(())) => Ok(show(services, &name)?.into_response()),
        // It takes longer, or the server stops.
        Ok(Err(_)) | Err(_) => Ok(StatusCode::ACCEPTED.into_response()),
    }
}

/// Whoever is signed in is the author; where nobody has to be, programs may say for whom they ask.
pub fn author(caller: &Caller, said: String) -> String {
    match said.is_empty() {
        true => caller.name.clone(),
        false => said,
    }
}

#[derive(Deserialize, IntoParams)]
pub struct Window {
    /// Seconds since 1970; default: a week ago.
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub limit: Option<usize>,
}

impl Window {
    pub fn bounds(&self, now: Timestamp) -> (i64, i64) {
        let until = self.until.unwrap_or(now.0);
        (self.from.unwrap_or(until - USUAL_HISTORY_SECONDS), until)
    }
}

/// What was seen, in runs of equal results.
#[derive(Serialize, ToSchema)]
pub struct History {
    from: i64,
    until: i64,
    runs: Vec<RunItem>,
    /// One stretch for each state, without gaps from the first result on.
    ribbon: Vec<Stretch>,
    /// There are older ones in the window.
    more: bool,
}

#[derive(Serialize, ToSchema)]
pub struct RunItem {
    from: i64,
    until: i64,
    /// Results.
    count: u64,
    status: u8,
    #[schema(value_type = String)]
    state: State,
    #[schema(value_type = String)]
    state_type: StateType,
    attempt: u32,
    active: bool,
    /// As the first of them said it.
    text: String,
    value: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct Stretch {
    from: i64,
    until: i64,
    #[schema(value_type = String)]
    state: State,
    #[schema(value_type = String)]
    state_type: StateType,
}

pub fn stretches(runs: &[Run], from: i64, until: i64) -> Vec<Stretch> {
    let stretch = |one: monitors::history::Stretch| Stretch {
        from: one.from,
        until: one.until,
        state: one.state,
        state_type: one.state_type,
    };
    monitors::history::ribbon(runs, from, until).into_iter().map(stretch).collect()
}

pub async fn history(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    window: Window,
) -> Answer<Json<History>> {
    sees(caller)?;
    off_thread(services, move |services| {
        let now = services.clock.now();
        let (from, until) = window.bounds(now);
        let (runs, more) = services.monitors.history(&name, from, until, window.limit)?;
        let item = |run: &Run| RunItem {
            from: run.began,
            until: run.ended,
            count: run.count,
            status: run.status,
            state: run.state,
            state_type: run.state_type,
            attempt: run.attempt,
            active: run.active,
            text: run.text.clone(),
            value: run.value,
        };
        Ok(Json(History {
            from,
            until,
            ribbon: stretches(&runs, from, until.min(now.0)),
            runs: runs.iter().map(item).collect(),
            more,
        }))
    })
    .await
}

/// A downtime as somebody plans it.
pub fn new_downtime(object: ObjectId, plan: &super::downtimes::NewDowntime, author: &str) -> NewDowntime {
    NewDowntime {
        object,
        start: plan.start as i64,
        end: plan.end as i64,
        fixed: plan.fixed,
        duration: plan.duration.unwrap_or(0.0) as i64,
        triggered_by: plan.triggered_by,
        author: author.into(),
        comment: plan.comment.as_str().into(),
    }
}
