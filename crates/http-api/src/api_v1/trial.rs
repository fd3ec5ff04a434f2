//! One run of a check that changes nothing: what it says, and what is read of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use monitors::config::{CheckConfig, CheckType};
use monitors::kinds::check::{Finished, executor, perfdata};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use vocabulary::state::State as WatchedState;

use super::monitors::{may_choose_commands, may_look_at_files};
use super::watched::{self, PerfdataItem, perfdata_items};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::services::Services;

/// Each may wait for its timeout; what is watched must not wait for them.
const MAX_AT_ONCE: usize = 8;
static AT_ONCE: Semaphore = Semaphore::const_new(MAX_AT_ONCE);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// A check with the keys that it has in a file; or
    #[schema(value_type = Option<Object>)]
    check: Option<CheckConfig>,
    /// one that is defined.
    name: Option<String>,
}

/// What came of it. Nobody is told, no state changes, no point is stored.
#[derive(Serialize, ToSchema)]
pub struct TrialAnswer {
    #[schema(example = "OK")]
    state: &'static str,
    status: u8,
    output: String,
    long_output: String,
    perfdata: Vec<PerfdataItem>,
    /// Parts of its performance data that could not be read.
    perfdata_skipped: Vec<String>,
    /// Each would be an instance with a state of its own.
    parts: Vec<TrialPart>,
    seconds: f64,
    timed_out: bool,
    /// Of its output, beyond what is kept.
    output_bytes_cut: u64,
}

#[derive(Serialize, ToSchema)]
struct TrialPart {
    name: String,
    state: &'static str,
    output: String,
}

/// Runs a check once, as it is defined or as it might be.
#[utoipa::path(post, path = "/trial", request_body = Trial,
    responses((status = 200, body = TrialAnswer), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn trial(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<Trial>,
) -> Answer<Json<TrialAnswer>> {
    let check = match (wanted.check, wanted.name) {
        (Some(check), None) => {
            watched::may(&caller, Role::Editor)?;
            let definition = monitors::made::Definition::Check(Box::new(check.clone()));
            if definition.runs_commands() {
                may_choose_commands(&services, &caller)?;
            }
            if definition.looks_at_files() {
                may_look_at_files(&caller)?;
            }
            check
        }
        (None, Some(name)) => {
            watched::may(&caller, Role::Responder)?;
            let all = services.monitors.definitions();
            let defined = all.checks.iter().find(|check| check.name == name).cloned();
            defined.ok_or_else(|| Problem::not_found(format!("there is no check `{name}`")))?
        }
        _ => {
            return Err(Problem::bad_request("write either `check` or `name`")
                .hint("{\"check\": {\"type\": \"http\", \"url\": \"https://www.example.com/\"}}"));
        }
    };
    if check.kind == CheckType::Passive && check.command.is_empty() {
        return Err(Problem::bad_request("a passive check runs nothing: its results are sent to it"));
    }
    let busy = || {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{MAX_AT_ONCE} trials are running already"))
            .hint("try again in a moment")
    };
    let _permit = AT_ONCE.try_acquire().map_err(|_| busy())?;
    let job = services.control.trial(check).map_err(Problem::bad_request)?;
    Ok(Json(told(executor::run(job).await)))
}

fn told(finished: Finished) -> TrialAnswer {
    let outcome = finished.outcome;
    let (_, perfdata_skipped) = perfdata::shown(&outcome.perfdata);
    let part = |part: monitors::outcome::Part| TrialPart {
        name: part.name,
        state: WatchedState::of_status(part.outcome.status).word(),
        output: part.outcome.output,
    };
    TrialAnswer {
        state: WatchedState::of_status(outcome.status).word(),
        status: outcome.status,
        perfdata: perfdata_items(&outcome.perfdata),
        perfdata_skipped,
        parts: outcome.parts.into_iter().map(part).collect(),
        output: outcome.output,
        long_output: outcome.long_output,
        seconds: outcome.seconds,
        timed_out: finished.timed_out,
        output_bytes_cut: finished.cut,
    }
}
