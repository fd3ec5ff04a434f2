//! How far to believe a graph: resolution, age, gaps, late and dropped points of the series behind it.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::ports::{FetchRequest, FindQuery, Node, QueryLimits, Row, Scope, SeriesInfo, SeriesMatch};
use vocabulary::retention::Aggregation;
use vocabulary::{SeriesRef, Timestamp};

use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::evaluate;
use crate::guess::{self, Level};
use crate::levels::Levels;
use crate::services::Services;

/// Gaps are looked for in at most so many of the series behind a graph.
const MAX_SERIES: usize = 100;
const MAX_GAPS: usize = 50;

#[derive(Deserialize, IntoParams)]
pub struct About {
    target: String,
    from: Option<String>,
    until: Option<String>,
    tz: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Trust {
    /// Stored series behind the target; with `more` there are further ones that were not looked at.
    series: usize,
    more: bool,
    step: Option<i64>,
    archives: Vec<String>,
    /// The archive that serves this window.
    archive: Option<String>,
    #[schema(value_type = Option<String>)]
    aggregation: Option<Aggregation>,
    x_files_factor: Option<f32>,
    last_point: Option<i64>,
    /// Seconds since then.
    age: Option<f64>,
    /// Times within the window for which none of the series has a point, though there are some before and
    /// after, and though the usual pause between points is much shorter.
    gaps: Vec<(i64, i64)>,
    late: u64,
    dropped: DroppedInWindow,
    source: Option<&'static str>,
    unit: Option<&'static str>,
    level: Option<Level>,
    help: Option<String>,
}

/// What was lost within the window on the way that the series' points come.
#[derive(Default, Serialize, ToSchema)]
struct DroppedInWindow {
    /// By the kernel: the socket's buffer was full.
    kernel: u64,
    /// Of what was held on the way: unfinished lines, events, points of too large a flush.
    queue: u64,
    /// Lines that could not be read.
    parser: u64,
    /// By source, by name, or beyond a limit.
    refused: u64,
}

#[utoipa::path(get, path = "/trust", params(About),
    responses((status = 200, body = Trust), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn trust(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(about): Params<About>,
) -> Answer<Json<Trust>> {
    services.query(move |services, limits| judge(services, &caller.scope, &about, limits)).await?.map(Json)
}

fn judge(services: &Services, scope: &Scope, about: &About, limits: &QueryLimits) -> Answer<Trust> {
    let now = services.clock.now();
    let zone = about.tz.as_deref().unwrap_or("UTC");
    let time = |text: &Option<String>, otherwise: Timestamp| match text {
        Some(text) => evaluate::parse_time(text, now, zone),
        None => Ok(otherwise),
    };
    let from = time(&about.from, now.minus(3_600))?;
    let window = Window { from, until: time(&about.until, now)?, now, limits };
    let mut behind = series_behind(services, scope, &about.target, limits)?;
    let more = behind.len() > MAX_SERIES;
    behind.truncate(MAX_SERIES);
    let infos: Vec<SeriesInfo> =
        behind.iter().filter_map(|found| services.source.describe(found.series)).collect();
    let series: Vec<_> = behind.iter().map(|found| found.series).collect();
    let rows = window.fetch(services, &series, Aggregation::Average, scope)?;
    let first = infos.first();
    let name = first.map(|info| info.name.to_string()).unwrap_or_default();
    let last_point = infos.iter().filter_map(|info| info.last_point).max().map(|at| at.0);
    let help = services.control.help(&name);
    let source = first.map(|_| guess::source(&name));
    Ok(Trust {
        series: behind.len(),
        more,
        step: rows.iter().map(|row| row.step.seconds()).max(),
        archives: first
            .map(|info| info.policy.archives.as_slice().iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        archive: first.map(|info| info.policy.archives.serving(from, now).to_string()),
        aggregation: first.map(|info| info.policy.aggregation),
        x_files_factor: first.map(|info| info.policy.x_files_factor),
        last_point,
        age: last_point.map(|at| services.clock.since_epoch().as_secs_f64() - at as f64),
        gaps: gaps(&rows),
        late: infos.iter().map(|info| info.late).sum(),
        dropped: dropped(services, source, &window)?,
        source,
        unit: help.as_ref().and_then(|help| help.unit).or_else(|| guess::unit(&name)),
        level: first
            .is_some()
            .then(|| Levels::load(&services.state))
            .transpose()?
            .map(|levels| levels.of(&name)),
        help: help.map(|help| help.text.to_owned()),
    })
}

/// The stored series that the paths of a target stand for.
fn series_behind(
    services: &Services,
    scope: &Scope,
    target: &str,
    limits: &QueryLimits,
) -> Answer<Vec<SeriesMatch>> {
    let mut found: Vec<SeriesMatch> = Vec::new();
    for pattern in evaluate::patterns_of(target)? {
        found.extend(pattern.find(services, scope, limits.max_series)?);
        if found.len() > MAX_SERIES {
            break;
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.series == b.series);
    Ok(found)
}

/// Runs of slots that are empty in all rows, between the first and the last that are not, and longer than the
/// rhythm of the points explains: what is sent once a minute has no gap in each.
fn gaps(rows: &[Row<f64>]) -> Vec<(i64, i64)> {
    let Some(step) = rows.iter().map(|row| row.step.seconds()).max() else { return Vec::new() };
    let mut known: Vec<i64> = rows
        .iter()
        .flat_map(|row| {
            let at = move |index: usize| row.start.0 + index as i64 * row.step.seconds();
            row.slots
                .iter()
                .enumerate()
                .filter(|(_, value)| !value.is_nan())
                .map(move |(index, _)| at(index).div_euclid(step))
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    let longest = longest_pause(&known);
    let holes = known.windows(2).filter(|pair| pair[1] - pair[0] > longest);
    holes.map(|pair| ((pair[0] + 1) * step, pair[1] * step)).take(MAX_GAPS).collect()
}

/// Slots from one point to the next that still count as coming regularly. Graphs in the page draw by the same rule.
fn longest_pause(known: &[i64]) -> i64 {
    let mut distances: Vec<i64> = known.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let dense = distances.iter().filter(|distance| **distance == 1).count();
    if 2 * dense >= distances.len() {
        return 1;
    }
    let middle = distances.len() / 2;
    let usual = *distances.select_nth_unstable(middle).1;
    usual * 5 / 2 + usual * 5 % 2
}

/// The server's own counters of what was lost of points of this source: by the listeners that bring them, and
/// between those and the store.
fn dropped(services: &Services, source: Option<&str>, window: &Window<'_>) -> Answer<DroppedInWindow> {
    let Some(source @ ("statsd" | "carbon")) = source else { return Ok(DroppedInWindow::default()) };
    let listeners = |ending: &str| window.sum(services, &format!("ingest.{source}_*.{ending}"));
    let aggregation = |what: &str| match source {
        "statsd" => window.sum(services, &format!("statsd.{what}")),
        _ => Ok(0),
    };
    Ok(DroppedInWindow {
        kernel: listeners("dropped.kernel")?,
        queue: listeners("dropped.memory")? + aggregation("dropped.*")?,
        parser: listeners("bad.*")?,
        refused: listeners("refused.*")? + aggregation("refused.*")?,
    })
}

/// The time that is asked about.
struct Window<'l> {
    from: Timestamp,
    until: Timestamp,
    now: Timestamp,
    limits: &'l QueryLimits,
}

impl Window<'_> {
    fn fetch(
        &self,
        services: &Services,
        series: &[SeriesRef],
        how: Aggregation,
        scope: &Scope,
    ) -> Answer<Vec<Row<f64>>> {
        Ok(services.source.fetch(&FetchRequest {
            series,
            from: self.from,
            until: self.until,
            now: self.now,
            step: None,
            consolidation: how,
            scope,
            limits: self.limits,
        })?)
    }

    /// By how much own counters have grown. Whose they are does not matter: they tell of no names.
    fn sum(&self, services: &Services, counters: &str) -> Answer<u64> {
        let (pattern, scope) = (format!("bellwether.{counters}.count"), Scope::everything());
        let query =
            FindQuery { pattern: &pattern, kind: Default::default(), scope: &scope, limit: MAX_SERIES };
        let series: Vec<_> = services.source.find(&query)?.into_iter().filter_map(leaf).collect();
        let rows = self.fetch(services, &series, Aggregation::Sum, &scope)?;
        Ok(rows.iter().flat_map(|row| &row.slots).filter(|value| value.is_finite()).sum::<f64>() as u64)
    }
}

fn leaf(node: Node) -> Option<SeriesRef> {
    match node {
        Node::Leaf(found) => Some(found.series),
        Node::Branch { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::Step;

    #[test]
    fn gaps_are_empty_in_all_series_and_have_something_on_both_sides() {
        let nan = f64::NAN;
        let row = |start: i64, slots: &[f64]| Row {
            start: Timestamp(start),
            step: Step::ONE_SECOND,
            slots: slots.to_vec(),
        };
        let rows = [row(10, &[nan, 1.0, nan, nan, 2.0, nan]), row(10, &[nan, nan, 5.0, nan, nan, nan])];
        assert_eq!(gaps(&rows), [(13, 14)]);
        assert_eq!(gaps(&[row(10, &[1.0, 1.0, nan, 1.0])]), [(12, 13)]);
        assert_eq!(gaps(&[]), []);
        let each_third: Vec<f64> = (0..60).map(|at| if at % 3 == 0 { 1.0 } else { nan }).collect();
        assert_eq!(gaps(&[row(0, &each_third)]), []);
        let mut paused = each_third;
        paused[30..45].fill(nan);
        assert_eq!(gaps(&[row(0, &paused)]), [(28, 45)]);
    }
}
