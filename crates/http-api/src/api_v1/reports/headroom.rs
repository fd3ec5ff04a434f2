//! How close to its limit each number came in a window, by its kept series.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::ports::{FetchRequest, QueryLimits, Row, Scope, StoreError};
use vocabulary::retention::Aggregation;
use vocabulary::{SeriesRef, Step, Timestamp};

use crate::answer::Answer;
use crate::api_v1::closest::{self, Near};
use crate::services::Services;

/// The closest ones; the rest had room.
const MAX_LISTED: usize = 50;
/// Numbers that are looked at, those closest now first: a second of work.
const MAX_LOOKED_AT: usize = 2_000;
const AT_ONCE: usize = 200;
/// Slots that a window is cut into: one of a month is about 40 minutes.
const SLOTS: i64 = 1_000;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeadroomItem {
    /// `check`, `host` or `monitor`.
    pub kind: &'static str,
    pub name: String,
    pub label: String,
    /// In the unit of `series`.
    pub limit: f64,
    /// What kind of limit it is: `max`, `critical` or `warning`.
    pub of: &'static str,
    /// The value that was closest to it, as far as the archives have kept it, and when.
    pub worst: f64,
    pub at: i64,
    /// 1: it was there.
    pub share: f64,
    pub series: String,
}

/// The least headroom first, and how many were not looked at.
pub fn worst(
    services: &Services,
    scope: &Scope,
    window: (i64, i64),
    limits: &QueryLimits,
) -> Answer<(Vec<HeadroomItem>, usize)> {
    let (mut all, monitors_left_out) = closest::all(services);
    let mut left_out = monitors_left_out + all.len().saturating_sub(MAX_LOOKED_AT);
    all.truncate(MAX_LOOKED_AT);
    let ids = ids(services, scope, &all);
    let known: Vec<(SeriesRef, &Near)> =
        all.iter().filter_map(|near| Some((*ids.get(near.series.as_str())?, near))).collect();
    let mut found = Vec::new();
    for (index, some) in known.chunks(AT_ONCE).enumerate() {
        match look(services, scope, window, some, limits, &mut found) {
            Ok(()) => {}
            // Better a part of it than nothing; how much is missing is said.
            Err(StoreError::Deadline | StoreError::TooMuch { .. }) => {
                left_out += known.len() - index * AT_ONCE;
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    found.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.name.cmp(&b.name)));
    found.truncate(MAX_LISTED);
    Ok((found, left_out))
}

fn ids<'n>(services: &Services, scope: &Scope, all: &'n [Near]) -> HashMap<&'n str, SeriesRef> {
    let mut ids: HashMap<&str, Option<SeriesRef>> =
        all.iter().map(|near| (near.series.as_str(), None)).collect();
    services.control.for_each_series(scope, &mut |id, name| {
        if let Some(place) = ids.get_mut(name) {
            *place = Some(id);
        }
    });
    ids.into_iter().filter_map(|(name, id)| Some((name, id?))).collect()
}

fn look(
    services: &Services,
    scope: &Scope,
    (from, until): (i64, i64),
    some: &[(SeriesRef, &Near)],
    limits: &QueryLimits,
    found: &mut Vec<HeadroomItem>,
) -> Result<(), StoreError> {
    // What must stay below its limit is worst at its highest, the rest at its lowest.
    for above in [true, false] {
        let some: Vec<_> = some.iter().filter(|(_, near)| near.is_above() == above).collect();
        if some.is_empty() {
            continue;
        }
        let series: Vec<SeriesRef> = some.iter().map(|(id, _)| *id).collect();
        let mut worst: Vec<Option<HeadroomItem>> = vec![None; some.len()];
        for (from, seconds) in looks(from, until) {
            let rows = services.source.fetch(&FetchRequest {
                series: &series,
                from: Timestamp(from),
                until: Timestamp(until),
                now: services.clock.now(),
                step: Step::new(u32::try_from(seconds).unwrap_or(u32::MAX)),
                consolidation: if above { Aggregation::Max } else { Aggregation::Min },
                scope,
                limits,
            })?;
            for ((place, (_, near)), row) in worst.iter_mut().zip(&some).zip(&rows) {
                let both = place.take().into_iter().chain(item(near, row));
                *place = both.reduce(|one, other| if other.share > one.share { other } else { one });
            }
        }
        found.extend(worst.into_iter().flatten());
    }
    Ok(())
}

/// (from, seconds of a slot). The slot that a long window ends in may have no value yet: its end is looked at closely.
fn looks(from: i64, until: i64) -> Vec<(i64, i64)> {
    let slot = |from: i64| ((until - from) / SLOTS).max(1);
    let wide = slot(from);
    let end = from.max(until - 2 * wide);
    if wide == 1 { vec![(from, wide)] } else { vec![(from, wide), (end, slot(end))] }
}

fn item(near: &Near, row: &Row<f64>) -> Option<HeadroomItem> {
    let (limit, least) = near.bound();
    let share = |value: f64| match near.is_above() {
        true => (value - least) / (limit - least),
        false => limit / value,
    };
    let shares = row.slots.iter().enumerate().filter(|(_, value)| value.is_finite());
    let shares = shares.map(|(index, value)| (index, *value, share(*value)));
    let (index, worst, share) =
        shares.filter(|(.., share)| share.is_finite()).max_by(|a, b| a.2.total_cmp(&b.2))?;
    Some(HeadroomItem {
        kind: near.kind,
        name: near.name.clone(),
        label: near.label.clone(),
        limit,
        of: near.of,
        worst,
        at: row.start.plus(index as i64 * row.step.seconds()).0,
        share: (share * 1e4).round() / 1e4,
        series: near.series.clone(),
    })
}
