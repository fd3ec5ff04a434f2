//! What was seen of a check or a host, in runs of equal results.

use std::sync::Arc;

use axum::Json;
use monitors::history::Run;
use monitors::machine::ObjectName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::state::{State, StateType};

use super::{check_window, theirs};
use crate::accounts::{Caller, Role};
use crate::answer::Answer;
use crate::api_v1::status::off_thread;
use crate::services::Services;

/// A ribbon or list without `from`.
const USUAL_HISTORY_SECONDS: i64 = 7 * 86_400;

#[derive(Deserialize, IntoParams)]
pub struct Window {
    /// Seconds since 1970; default: a week ago.
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub limit: Option<usize>,
}

impl Window {
    pub fn bounds(&self, now: Timestamp) -> Answer<(i64, i64)> {
        check_window(self.from, self.until)?;
        let until = self.until.unwrap_or(now.0);
        Ok((self.from.unwrap_or(until - USUAL_HISTORY_SECONDS), until))
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
    theirs(caller, Role::Viewer, &name)?;
    off_thread(services, move |services| {
        let now = services.clock.now();
        let (from, until) = window.bounds(now)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_of_times_that_clocks_show() {
        let bounds = |from, until| Window { from, until, limit: None }.bounds(Timestamp(1_000_000)).ok();
        assert_eq!(bounds(None, None), Some((1_000_000 - USUAL_HISTORY_SECONDS, 1_000_000)));
        assert_eq!(bounds(Some(5), Some(7)), Some((5, 7)));
        assert_eq!((bounds(None, Some(i64::MIN)), bounds(Some(i64::MAX), None)), (None, None));
    }
}
