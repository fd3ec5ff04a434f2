//! What else moved: all series, ranked by how far they were in a window from what they were before it.
//!
//! Each is compared by medians: how many of its usual deviations (median absolute deviation) the window's median lies
//! from that of the time before, which is four times as long, and half an hour at least. What has reached its limit in
//! the window comes first: that is a reason, where the rest may be a consequence.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use incidents::Incident;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::ports::{FetchRequest, QueryLimits, Scope, StoreError};
use vocabulary::retention::Aggregation;
use vocabulary::{SeriesRef, Step, Timestamp};

use super::closest;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Id, Params, Problem};
use crate::guard::require;
use crate::services::Services;

const USUAL_LISTED: usize = 20;
const MOST_LISTED: usize = 200;
/// Series that are looked at for one answer: some seconds of work. What is beyond is counted.
const MOST_SERIES: usize = 20_000;
/// Read together, so that the memory is bounded.
const AT_ONCE: usize = 500;
/// What leads to an incident begins before it does.
const LEAD_SECONDS: i64 = 300;
/// Of a long incident the beginning says why.
const LONGEST_SECONDS: i64 = 3_600;
const LEAST_BEFORE_SECONDS: i64 = 1_800;
/// Points without which nothing can be told.
const POINTS_LEAST: usize = 5;
/// Points of one series that are looked at, some more or less.
const POINTS_MOST: i64 = 600;
/// A number so close to its limit has reached it.
const AT_LIMIT: f64 = 0.95;
/// Below so many deviations nothing moved.
const SCORE_LEAST: f64 = 3.0;
/// A series that never changed before has no deviation to speak of; none is further off than this.
const SCORE_MOST: f64 = 1_000.0;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// At most so many; default 20.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct MovedAnswer {
    /// The window, and since when the time before it was looked at.
    from: i64,
    until: i64,
    before_from: i64,
    /// What is at its limit first, then what moved furthest.
    moved: Vec<Moved>,
    looked_at: usize,
    /// Series that were not looked at, as there are too many.
    left_out: usize,
}

#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Moved {
    series: String,
    /// The medians of the time before and of the window.
    before: f64,
    during: f64,
    /// How many of its usual deviations lie between them; 1000 at most.
    score: f64,
    /// How much of its limit it had reached at its highest, if it has one that is known.
    share_of_limit: Option<f64>,
    limit: Option<f64>,
}

/// What else moved while this incident was open, and shortly before.
#[utoipa::path(get, path = "/incidents/{id}/moved", params(("id" = i64, Path), Wanted),
    responses((status = 200, body = MovedAnswer), (status = 404, body = Problem)))]
pub async fn of_incident(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<MovedAnswer>> {
    require(&caller, Role::Viewer)?;
    let limit = wanted.limit.unwrap_or(USUAL_LISTED).clamp(1, MOST_LISTED);
    let answer = services.query(move |services, limits| {
        let found = services.desk.one_in(&caller.scope, id)?.ok_or_else(|| super::incidents::unknown(id))?;
        rank(services, &caller.scope, &found.incident, limits, limit)
    });
    answer.await?.map(Json)
}

struct Window {
    before: i64,
    from: i64,
    until: i64,
    now: Timestamp,
}

impl Window {
    fn of(incident: &Incident, now: Timestamp) -> Window {
        let since = incident.troubles.values().map(|trouble| trouble.since).min();
        let begin = since.unwrap_or(incident.opened.0).min(incident.opened.0);
        let end = incident.closed.unwrap_or(now).0.min(begin + LONGEST_SECONDS);
        let from = begin - LEAD_SECONDS.min((end - begin).max(60));
        let until = end.max(begin + 1);
        Window { before: from - (4 * (until - from)).max(LEAST_BEFORE_SECONDS), from, until, now }
    }
}

impl Window {
    /// Fine enough to see a minute, coarse enough to read many series.
    fn step(&self) -> Option<Step> {
        let seconds = (self.until - self.before) / POINTS_MOST;
        Step::new([1, 5, 10, 30].into_iter().find(|step| i64::from(*step) >= seconds).unwrap_or(60))
    }
}

fn rank(
    services: &Services,
    scope: &Scope,
    incident: &Incident,
    limits: &QueryLimits,
    limit: usize,
) -> Answer<MovedAnswer> {
    let window = Window::of(incident, services.clock.now());
    let itself: HashSet<&str> = incident.troubles.keys().map(|key| &*key.instance).collect();
    let bounds: HashMap<String, (f64, f64)> =
        closest::all(services).0.into_iter().map(|near| (near.series.clone(), near.bound())).collect();
    // What has a limit is looked at in any case, however many others there are.
    let (mut series, mut others, mut left_out) = (Vec::new(), Vec::new(), 0);
    services.control.for_each_series(scope, &mut |id, name| {
        if itself.contains(name) || is_own(name) {
            return;
        }
        match (bounds.contains_key(name), others.len() < MOST_SERIES) {
            (true, _) => series.push((id, name.to_owned())),
            (false, true) => others.push((id, name.to_owned())),
            (false, false) => left_out += 1,
        }
    });
    series.extend(others);
    let (mut moved, mut looked_at) = (Vec::new(), 0);
    // A second of each may be a point.
    let seconds = usize::try_from(window.until - window.before).unwrap_or(1).max(1);
    for some in series.chunks((limits.max_points / seconds).clamp(1, AT_ONCE)) {
        match compare(services, scope, &window, some, &bounds, limits, &mut moved) {
            Ok(()) => looked_at += some.len(),
            // Better a part of it than nothing; how much is missing is said.
            Err(StoreError::Deadline) if looked_at > 0 => break,
            Err(error) => return Err(error.into()),
        }
    }
    left_out += series.len() - looked_at;
    let at_limit = |one: &Moved| one.share_of_limit.is_some_and(|share| share >= AT_LIMIT);
    moved.sort_by(|a, b| {
        (at_limit(b), b.score).partial_cmp(&(at_limit(a), a.score)).unwrap_or(std::cmp::Ordering::Equal)
    });
    moved.truncate(limit);
    let Window { before, from, until, .. } = window;
    Ok(MovedAnswer { from, until, before_from: before, moved, looked_at, left_out })
}

/// What we count of ourselves and of checks as such moves with every incident.
fn is_own(name: &str) -> bool {
    name.starts_with("bellwether.")
        || (name.starts_with("checks.")
            && [".result.state", ".result.latency_seconds"].iter().any(|end| name.ends_with(end)))
}

fn compare(
    services: &Services,
    scope: &Scope,
    window: &Window,
    some: &[(SeriesRef, String)],
    bounds: &HashMap<String, (f64, f64)>,
    limits: &QueryLimits,
    moved: &mut Vec<Moved>,
) -> Result<(), StoreError> {
    let ids: Vec<SeriesRef> = some.iter().map(|(id, _)| *id).collect();
    let rows = services.source.fetch(&FetchRequest {
        series: &ids,
        from: Timestamp(window.before),
        until: Timestamp(window.until),
        now: window.now,
        step: window.step(),
        consolidation: Aggregation::Average,
        scope,
        limits,
    })?;
    for ((_, name), row) in some.iter().zip(rows) {
        let at = |index: usize| row.start.0 + index as i64 * row.step.seconds();
        let (mut before, mut during) = (Vec::new(), Vec::new());
        for (index, value) in row.slots.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            if at(index) < window.from { before.push(*value) } else { during.push(*value) }
        }
        moved.extend(judge(name, &mut before, &mut during, bounds.get(name).copied()));
    }
    Ok(())
}

/// Nothing, if it did not move.
fn judge(name: &str, before: &mut [f64], during: &mut [f64], bound: Option<(f64, f64)>) -> Option<Moved> {
    if before.len() < POINTS_LEAST || during.is_empty() {
        return None;
    }
    let highest = during.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (was, is) = (median(before), median(during));
    let mut off: Vec<f64> = before.iter().map(|value| (value - was).abs()).collect();
    // As much as a standard deviation for what is spread as by chance; a hundredth of the value is noise in any case.
    let usual = 1.4826 * median(&mut off) + 0.01 * was.abs();
    // The median of a window that begins before the trouble may still be the old one: half of its points are enough.
    let late = quantile(during, 0.9).max(was) - was;
    let early = was - quantile(during, 0.1).min(was);
    let far = (is - was).abs().max(late.max(early) / 2.0);
    let score =
        if usual > 0.0 { far / usual } else { far.signum() * SCORE_MOST * f64::from(u8::from(far > 0.0)) };
    let share = bound.and_then(|(limit, least)| (limit > least).then(|| (highest - least) / (limit - least)));
    let score = score.min(SCORE_MOST);
    (score >= SCORE_LEAST).then(|| Moved {
        series: name.to_owned(),
        before: was,
        during: is,
        score: (score * 10.0).round() / 10.0,
        share_of_limit: share.map(|share| (share * 1e3).round() / 1e3),
        limit: bound.map(|(limit, _)| limit),
    })
}

fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Never of nothing.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    let place = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable_by(place, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_told_by_how_much() {
        let check = |before: &[f64], during: &[f64], bound, wanted: Option<(f64, Option<f64>)>| {
            let found = judge("a", &mut before.to_vec(), &mut during.to_vec(), bound);
            let found = found.map(|one| (one.score, one.share_of_limit));
            assert_eq!(found, wanted, "{before:?} {during:?}");
        };
        let noise = [10.0, 11.0, 9.0, 10.0, 12.0, 8.0, 10.0];
        check(&noise, &[10.0, 11.0, 9.0], None, None);
        check(&noise, &[100.0; 5], Some((100.0, 0.0)), Some((56.9, Some(1.0))));
        check(&noise, &[10.0, 10.0, 10.0, 60.0, 100.0], None, Some((28.4, None)));
        check(&[5.0; 6], &[5.0; 6], None, None);
        check(&[0.0; 6], &[1.0; 6], None, Some((SCORE_MOST, None)));
        check(&[0.0; 6], &[0.0; 6], None, None);
        check(&[1.0; 4], &[9.0; 6], None, None);
        check(&noise, &[], None, None);
    }
}
