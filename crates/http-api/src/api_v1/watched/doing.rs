//! What programs send, and what people do.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use formats::nagios::plugin_output::Text;
use monitors::machine::{Command, Done, ObjectId, ObjectName, Switch};
use monitors::{Outcome, Refused};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::state::StateType;

use super::{DISK_PATIENCE, author, change, command, decides_for_others, show, theirs, word};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::downtimes::Made;
use crate::api_v1::status::off_thread;
use crate::services::Services;

/// Whoever waits for a run waits at most so long: a connection is held open.
const LONGEST_WAIT_SECONDS: f64 = 300.0;

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
    theirs(caller, Role::Editor, &name)?;
    refuse_for_others(services, caller, &name)?;
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

/// Whoever is limited holds nothing of others' back.
fn refuse_for_others(services: &Services, caller: &Caller, name: &ObjectName) -> Answer<()> {
    if !decides_for_others(services, &caller.scope, name) {
        return Ok(());
    }
    Err(match name {
        ObjectName::Host(host) => Problem::forbidden(format!(
            "how `{host}` is holds back checks on it, or hosts behind it, that are not yours"
        ))
        .hint("send results of your own checks on it, or have somebody who sees all of the host send this"),
        ObjectName::Check(own) | ObjectName::Instance(own, _) => Problem::forbidden(format!(
            "how `{own}` is holds back checks that depend on it and are not yours"
        ))
        .hint("have somebody who sees those, too, send this, or take the dependency out"),
    })
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
        Some(at) => {
            super::check_time("at", at)?;
            Timestamp(at as i64)
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
    theirs(caller, Role::Responder, &name)?;
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
    theirs(caller, Role::Responder, &name)?;
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
    theirs(caller, Role::Editor, &name)?;
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

/// Of a notice that reached nobody.
#[derive(Serialize, ToSchema)]
pub struct NotTold {
    told: usize,
    note: &'static str,
}

const NOBODY_TOLD: &str = "nobody was told: it has no contacts, or none of them is to be told now; \
     `forced` tells them in a downtime, outside of their hours and with notifications switched off, too";

/// Whoever wanted somebody to know is told if nobody does.
pub async fn notify(
    services: &Arc<Services>,
    caller: &Caller,
    name: ObjectName,
    new: NewNotice,
) -> Answer<Response> {
    theirs(caller, Role::Responder, &name)?;
    let author = author(caller, new.author);
    let (comment, forced, broadcast) = (new.comment, new.forced, new.broadcast);
    let done = command(services, name, move |object| Command::Notify {
        object,
        author,
        comment,
        forced,
        broadcast,
        increment: false,
    })
    .await?;
    Ok(match done {
        Done::Told(0) => Json(NotTold { told: 0, note: NOBODY_TOLD }).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
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
) -> Answer<Json<Made>> {
    theirs(caller, Role::Responder, &name)?;
    let author = author(caller, new.author);
    let comment = new.comment;
    let done =
        command(services, name, move |object| Command::Comment { object, author, comment, persistent: true })
            .await?;
    Ok(Json(Made::of(done)))
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
    theirs(caller, Role::Responder, &name)?;
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
    // However fast it is: who does not wait is answered alike each time.
    let Some(wait) = patience.wait else { return Ok(StatusCode::ACCEPTED.into_response()) };
    match tokio::time::timeout(Duration::from_secs_f64(wait), told).await {
        Ok(Ok(())) => Ok(show(services, &caller.scope, &name)?.into_response()),
        // It takes longer, or the server stops.
        Ok(Err(_)) | Err(_) => Ok(StatusCode::ACCEPTED.into_response()),
    }
}
