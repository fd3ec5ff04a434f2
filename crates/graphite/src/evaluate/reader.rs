//! What the paths of a request stand for: each pattern is looked up once, and all that one window needs is
//! fetched at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vocabulary::ports::{FetchRequest, FindQuery, Node, QueryLimits, SeriesMatch, StoreError, TagQuery};
use vocabulary::{SeriesRef, Step, Timestamp, ValueKind};

use super::explain::{Archive, Fetch};
use super::memory::{self, Meter};
use super::{Environment, Window};
use crate::error::EvaluationError;
use crate::series::{Series, Tags, mark_nulls};
use crate::stats::Trace;
use crate::tag_expressions;
use crate::timers::Timer;
use crate::value::Value;

/// A pattern or a `seriesByTag` in a window.
pub type Wanted = (Window, ValueKind, String);

pub struct Reader<'a> {
    now: Timestamp,
    environment: Environment<'a>,
    found: HashMap<(ValueKind, String), Arc<[SeriesMatch]>>,
    fetched: HashMap<Wanted, Arc<[Fetched]>>,
    pub trace: Trace,
    /// See [`super::Grounds`].
    pub reads: Vec<(Window, Arc<[SeriesRef]>)>,
    /// What was fetched, when somebody wants to know.
    log: Option<Vec<Fetch>>,
}

/// One stored series in one window.
struct Fetched {
    name: Arc<str>,
    start: Timestamp,
    step: Step,
    slots: Slots,
}

enum Slots {
    Numbers(Arc<Vec<f64>>),
    Sketches(Arc<Vec<Option<vocabulary::Sketch>>>),
}

type FetchedRow = (Timestamp, Step, Slots);

impl Slots {
    fn len(&self) -> usize {
        match self {
            Slots::Numbers(values) => values.len(),
            Slots::Sketches(sketches) => sketches.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Reader<'a> {
    pub fn new(now: Timestamp, environment: Environment<'a>) -> Reader<'a> {
        let (found, fetched, trace) = (HashMap::new(), HashMap::new(), Trace::default());
        Reader { now, environment, found, fetched, trace, reads: Vec::new(), log: None }
    }

    pub fn write_down_fetches(&mut self) {
        self.log = Some(Vec::new());
    }

    pub fn fetches_written_down(&mut self) -> Vec<Fetch> {
        self.log.take().unwrap_or_default()
    }

    /// One `find` for each pattern and one fetch for each window.
    pub fn prefetch(&mut self, mut wanted: Vec<Wanted>, meter: &Meter) -> Result<(), EvaluationError> {
        wanted.sort();
        wanted.dedup();
        wanted.retain(|key| !self.fetched.contains_key(key));
        for group in wanted.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let Some(over) = self.environment.limits.over() {
                return Err(over.into());
            }
            self.fetch(group, meter)?;
        }
        Ok(())
    }

    fn fetch(&mut self, group: &[Wanted], meter: &Meter) -> Result<(), EvaluationError> {
        let started = Instant::now();
        let (window, kind) = (group[0].0, group[0].1);
        let mut matches = Vec::with_capacity(group.len());
        let mut all: Vec<SeriesMatch> = Vec::new();
        let mut row_of = HashMap::new();
        for (_, _, pattern) in group {
            let found = self.find(kind, pattern, meter)?;
            for series in found.iter() {
                row_of.entry(series.series).or_insert_with(|| {
                    all.push(series.clone());
                    all.len() - 1
                });
            }
            matches.push(found);
        }
        let rows = self.fetch_rows(window, kind, &all, meter)?;
        let took = started.elapsed();
        for ((_, _, pattern), found) in group.iter().zip(matches) {
            if self.log.is_some() {
                let rows: Vec<_> = found.iter().map(|one| (one.series, &rows[row_of[&one.series]])).collect();
                let fetch = self.described(pattern, window, kind, &rows, took);
                self.log.get_or_insert_default().push(fetch);
            }
            let mut of_pattern: Vec<Fetched> = Vec::with_capacity(found.len());
            for series in found.iter() {
                let (start, step, slots) = &rows[row_of[&series.series]];
                // The window lies outside of what is kept: as if there were no such series.
                if slots.is_empty() {
                    continue;
                }
                let slots = match slots {
                    Slots::Numbers(values) => Slots::Numbers(values.clone()),
                    Slots::Sketches(sketches) => Slots::Sketches(sketches.clone()),
                };
                of_pattern.push(Fetched { name: series.name.clone(), start: *start, step: *step, slots });
            }
            self.fetched.insert((window, kind, pattern.clone()), of_pattern.into());
        }
        Ok(())
    }

    fn described(
        &self,
        pattern: &str,
        window: Window,
        kind: ValueKind,
        rows: &[(SeriesRef, &FetchedRow)],
        took: Duration,
    ) -> Fetch {
        let mut archives: BTreeMap<(Step, String), usize> = BTreeMap::new();
        let known = rows.iter().filter(|(_, (_, _, slots))| !slots.is_empty());
        for (series, (_, step, _)) in known.clone() {
            let info = self.environment.source.describe(*series);
            let archive = info.and_then(|info| {
                let archive = info.policy.archives.as_slice().iter().find(|archive| archive.step == *step);
                archive.map(ToString::to_string)
            });
            *archives
                .entry((*step, archive.unwrap_or_else(|| format!("{}s", step.seconds()))))
                .or_default() += 1;
        }
        let archives = archives.into_iter();
        Fetch {
            path: pattern.to_owned(),
            window,
            kind,
            series: known.clone().count(),
            points: known.map(|(_, (_, _, slots))| slots.len()).sum(),
            archives: archives.map(|((step, archive), series)| Archive { archive, series, step }).collect(),
            took,
        }
    }

    fn fetch_rows(
        &mut self,
        window: Window,
        kind: ValueKind,
        all: &[SeriesMatch],
        meter: &Meter,
    ) -> Result<Vec<FetchedRow>, EvaluationError> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let limits = self.environment.limits;
        let (points_left, room) =
            (limits.max_points.saturating_sub(self.trace.points_read), meter.left() / 8);
        let limits = QueryLimits {
            max_series: limits.max_series,
            max_points: points_left.min(room),
            max_bytes: meter.left(),
            deadline: limits.deadline,
            cancelled: limits.cancelled.clone(),
        };
        let series: Vec<_> = all.iter().map(|series| series.series).collect();
        let request = FetchRequest {
            series: &series,
            from: window.from,
            until: window.until,
            now: self.now,
            step: None,
            consolidation: Default::default(),
            scope: self.environment.scope,
            limits: &limits,
        };
        self.reads.push((window, series.as_slice().into()));
        self.trace.fetches += 1;
        let mut rows = Vec::with_capacity(all.len());
        match kind {
            ValueKind::Number => {
                let fetched = self.environment.source.fetch(&request);
                for mut row in fetched.map_err(|error| self.of_whole_request(error, room < points_left))? {
                    mark_nulls(&mut row.slots);
                    self.trace.points_read += row.slots.len();
                    meter.keep(row.slots.capacity() * 8 + size_of::<FetchedRow>())?;
                    rows.push((row.start, row.step, Slots::Numbers(Arc::new(row.slots))));
                }
            }
            ValueKind::Sketch => {
                let fetched = self.environment.source.fetch_sketches(&request);
                for row in fetched.map_err(|error| self.of_whole_request(error, room < points_left))? {
                    self.trace.points_read += row.slots.len();
                    meter.keep(memory::of_slots(&row.slots) + size_of::<FetchedRow>())?;
                    rows.push((row.start, row.step, Slots::Sketches(Arc::new(row.slots))));
                }
            }
        }
        if rows.len() != all.len() {
            let what = format!("the store gave {} rows for {} series", rows.len(), all.len());
            return Err(EvaluationError::failed(what));
        }
        Ok(rows)
    }

    /// The store is told what is left of the limits; people are told the limits.
    fn of_whole_request(&self, error: StoreError, short_of_memory: bool) -> StoreError {
        let limits = self.environment.limits;
        match error {
            StoreError::TooMuch { what: "points", .. } if short_of_memory => {
                StoreError::TooMuch { what: "bytes of memory", limit: limits.max_bytes }
            }
            StoreError::TooMuch { what: "points", .. } => {
                StoreError::TooMuch { what: "points", limit: limits.max_points }
            }
            StoreError::TooMuch { what: what @ ("series" | "nodes"), .. } => {
                StoreError::TooMuch { what, limit: limits.max_series }
            }
            other => other,
        }
    }

    /// The series that a pattern or a `seriesByTag` stands for, by name.
    fn find(
        &mut self,
        kind: ValueKind,
        pattern: &str,
        meter: &Meter,
    ) -> Result<Arc<[SeriesMatch]>, EvaluationError> {
        let key = (kind, pattern.to_owned());
        if let Some(found) = self.found.get(&key) {
            return Ok(found.clone());
        }
        let Environment { source, scope, limits, .. } = self.environment;
        let limit = limits.max_series.saturating_sub(self.trace.series_matched);
        let found = match tag_expressions::of_call(pattern) {
            Some(expressions) => {
                let expressions = expressions?;
                source.find_tagged(&TagQuery { expressions: &expressions, kind, scope, limit })
            }
            None => {
                let nodes = source.find(&FindQuery { pattern, kind, scope, limit });
                nodes.map(|nodes| nodes.into_iter().filter_map(leaf).collect())
            }
        };
        let mut found: Vec<SeriesMatch> = found.map_err(|error| self.of_whole_request(error, false))?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        self.trace.patterns += 1;
        self.trace.series_matched += found.len();
        let names: usize = found.iter().map(|one| one.name.len() + 2 * size_of::<SeriesMatch>()).sum();
        meter.keep(names + pattern.len())?;
        let found: Arc<[SeriesMatch]> = found.into();
        self.found.insert(key, found.clone());
        Ok(found)
    }

    /// What was fetched for the path in this window. What nobody fetched (a path in a keyword) is nothing.
    pub fn value(&self, window: Window, path: &str, kind: ValueKind, x_files_factor: f64) -> Value {
        let key = (window, kind, path.to_owned());
        let fetched = self.fetched.get(&key).map(AsRef::as_ref).unwrap_or_default();
        let path: Arc<str> = path.into();
        let mut series = Vec::new();
        let mut timers = Vec::new();
        for Fetched { name, start, step, slots } in fetched {
            let (start, step) = (*start, *step);
            match slots {
                Slots::Numbers(values) => {
                    let end = start.plus(values.len() as i64 * step.seconds());
                    series.push(Series {
                        path_expression: path.clone(),
                        x_files_factor,
                        values: values.clone(),
                        ..Series::new(name.to_string(), start, end, step, Vec::new())
                    });
                }
                Slots::Sketches(slots) => timers.push(Timer {
                    name: name.to_string(),
                    path_expression: path.clone(),
                    tags: Tags::of_name(name),
                    start,
                    step,
                    slots: slots.clone(),
                }),
            }
        }
        match kind {
            ValueKind::Number => Value::Series(series),
            ValueKind::Sketch => Value::Timers(timers),
        }
    }
}

fn leaf(node: Node) -> Option<SeriesMatch> {
    match node {
        Node::Leaf(series) => Some(series),
        Node::Branch { .. } => None,
    }
}
