//! Who would be woken if something went bad: each step to the second, by whom and by which channel.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use incidents::incident::Key;
use incidents::limits::{MAX_SHIFTS_SECONDS, REHEARSAL_SECONDS};
use incidents::oncall::rehearsal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::state::{State as Health, Withheld};

use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Deserialize, IntoParams)]
pub struct Wanted {
    /// The name of a monitor, a check or a host.
    monitor: String,
    /// Of a monitor, if it matters, such as for its environment.
    instance: Option<String>,
    /// Seconds since 1970; default: now.
    at: Option<i64>,
    /// `critical` (default), `warning`, `unknown`; of a host `down` or `unreachable`.
    state: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Rehearsal {
    now: i64,
    monitor: String,
    /// Whether it is a host.
    host: bool,
    at: i64,
    state: String,
    /// Null: it goes by none, and contacts are told.
    policy: Option<String>,
    /// Why by that one: its own, its team's, that of `[incidents]`.
    policy_why: Option<String>,
    /// Contacts of a check, who are told by its own rules, as Nagios does; these are not among the calls.
    by_own_rules: Vec<String>,
    /// In order, with the seconds since it went bad.
    moments: Vec<Moment>,
    /// More would follow, after a day or the 500th moment.
    goes_on: bool,
    /// Downtimes and silences of that day, which hold back the word of it.
    held: Vec<HoldItem>,
}

#[derive(Serialize, ToSchema)]
struct HoldItem {
    from: i64,
    until: i64,
    #[schema(value_type = String)]
    why: Withheld,
    what: String,
}

#[derive(Serialize, ToSchema)]
struct Moment {
    at: i64,
    after: i64,
    calls: Vec<Call>,
    /// What the timeline would say.
    said: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Call {
    contact: String,
    channel: String,
    /// `problem`, `still` for who knows of it already.
    event: &'static str,
}

/// Who would be woken if this went bad then and nobody acknowledged, with the downtimes and silences of then. Nothing else
/// is wrong.
#[utoipa::path(get, path = "/oncall/rehearsal", params(Wanted),
    responses((status = 200, body = Rehearsal), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn rehearse(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<Rehearsal>> {
    require(&caller, Role::Viewer)?;
    watched::sees(&caller)?;
    off_thread(&services, move |services| answer(services, &wanted).map(Json)).await
}

fn answer(services: &Services, wanted: &Wanted) -> Answer<Rehearsal> {
    let now = services.clock.now();
    let at = Timestamp(wanted.at.unwrap_or(now.0));
    if at.0 < 0 || at.since(now) > MAX_SHIFTS_SECONDS {
        let days = MAX_SHIFTS_SECONDS / 86_400;
        return Err(Problem::bad_request(format!("`at` is from 1970 to {days} days from now, in seconds")));
    }
    let said = wanted.state.as_deref().map(state).transpose()?;
    // A host may be called as a check is: what is said to be down is the host.
    let hosts_first = matches!(said, Some(Health::Down | Health::Unreachable));
    for host in [hosts_first, !hosts_first] {
        let state = said.unwrap_or(if host { Health::Down } else { Health::Critical });
        let instance = wanted.instance.as_deref().unwrap_or_default().into();
        let key = Key { host, monitor: wanted.monitor.as_str().into(), instance };
        let held = held(services, &key, at);
        let Some(found) = services.desk.rehearse(&key, state, at, &held, now) else { continue };
        if matches!(state, Health::Down | Health::Unreachable) != host {
            let why = format!("`{}` cannot be {state}", wanted.monitor);
            return Err(Problem::bad_request(why).hint(STATES));
        }
        return Ok(told(found, &key, state, now, held));
    }
    Err(Problem::not_found(format!("there is no monitor, check or host `{}`", wanted.monitor))
        .hint("/api/v1/monitors lists them"))
}

const STATES: &str = "a host is down or unreachable; anything else is critical, warning or unknown";

fn state(word: &str) -> Answer<Health> {
    match word.to_ascii_lowercase().as_str() {
        "critical" => Ok(Health::Critical),
        "warning" => Ok(Health::Warning),
        "unknown" => Ok(Health::Unknown),
        "down" => Ok(Health::Down),
        "unreachable" => Ok(Health::Unreachable),
        _ => Err(Problem::bad_request(format!("`state` is `{word}`")).hint(STATES)),
    }
}

/// As it is known now.
fn held(services: &Services, key: &Key, at: Timestamp) -> Vec<rehearsal::Held> {
    let holds = services.monitors.holds(&key.id(), at, at.plus(REHEARSAL_SECONDS)).into_iter();
    holds.map(|it| rehearsal::Held { from: it.start, until: it.end, why: it.why, what: it.what }).collect()
}

fn told(
    found: incidents::oncall::Rehearsal,
    key: &Key,
    state: Health,
    now: Timestamp,
    held: Vec<rehearsal::Held>,
) -> Rehearsal {
    let hold = |held: rehearsal::Held| HoldItem {
        from: held.from.0,
        until: held.until.0,
        why: held.why,
        what: held.what,
    };
    let began = found.moments.first().map_or(now, |moment| moment.at);
    Rehearsal {
        now: now.0,
        monitor: key.monitor.to_string(),
        host: key.host,
        at: began.0,
        state: state.word().to_owned(),
        policy: found.policy,
        policy_why: found.policy_why,
        by_own_rules: found.by_own_rules.iter().map(ToString::to_string).collect(),
        moments: found.moments.into_iter().map(|one| moment(one, began)).collect(),
        goes_on: found.goes_on,
        held: held.into_iter().map(hold).collect(),
    }
}

fn moment(moment: rehearsal::Moment, began: Timestamp) -> Moment {
    let call = |call: rehearsal::Call| Call {
        contact: call.contact.to_string(),
        channel: call.channel.to_string(),
        event: call.kind.word(),
    };
    Moment {
        at: moment.at.0,
        after: moment.at.since(began),
        calls: moment.calls.into_iter().map(call).collect(),
        said: moment.said,
    }
}
