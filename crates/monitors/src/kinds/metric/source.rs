//! What a target finds, and its points: stored series by their names, anything else through `graphite::evaluate`.

use std::collections::HashMap;
use std::sync::Arc;

use graphite::target::Expression;
use graphite::{Environment, Events, Question, Window, tag_expressions};
use jiff::tz::TimeZone;
use vocabulary::ports::{
    FetchRequest, FindQuery, Node, QueryLimits, Row, Scope, SeriesInfo, SeriesMatch, SeriesSource,
    StoreError, TagExpression, TagQuery,
};
use vocabulary::retention::Aggregation;
use vocabulary::{SeriesRef, Timestamp, ValueKind};

use super::window::Point;
use crate::limits::{EXPRESSION_LEAD_SECONDS, MAX_INSTANCES_OF_MONITOR};
use crate::services::pattern::Glob;

/// Where points come from.
pub struct Look<'a> {
    pub source: &'a dyn SeriesSource,
    pub events: &'a dyn Events,
    pub zone: &'a TimeZone,
    pub limits: &'a QueryLimits,
    /// The real time: it decides which archives there are.
    pub now: Timestamp,
}

/// What a target is to us.
#[derive(Clone, Debug)]
pub enum Subject {
    Pattern(String),
    Tags(Vec<TagExpression>),
    Expression(String),
}

/// One series of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub name: Arc<str>,
    /// What it has in common with series of other targets that are about the same thing; empty: there is but one.
    pub key: Arc<str>,
    pub stored: Option<Stored>,
}

/// A series that is read without `graphite`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stored {
    pub series: SeriesRef,
    /// Of the finest archive.
    pub step: i64,
    /// A slot of a coarser archive holds the sum of finer ones, not their average.
    pub sums: bool,
    pub last: Option<Timestamp>,
}

/// Points of one input in slots of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Slots {
    pub start: i64,
    pub step: i64,
    pub values: Vec<f64>,
    /// How many of the finest slots one of these stands for.
    pub weight: f64,
}

impl Subject {
    pub fn of(target: &str) -> Subject {
        match graphite::parse::parse(target) {
            Ok(Expression::Path(path)) => Subject::Pattern(path.text),
            Ok(Expression::Call(call)) if call.function == "seriesByTag" && call.keywords.is_empty() => {
                match tag_expressions::of_call(&call.source) {
                    Some(Ok(expressions)) => Subject::Tags(expressions),
                    _ => Subject::Expression(target.to_owned()),
                }
            }
            _ => Subject::Expression(target.to_owned()),
        }
    }

    /// The same series as before, if it names only one and that is still there. Most monitors of a large site watch one
    /// series each; to look for its name again and again is what they would cost most.
    pub fn find_again(&self, before: &Stored, look: &Look<'_>) -> Option<Found> {
        let Subject::Pattern(pattern) = self else { return None };
        let info = look.source.describe(before.series).filter(|info| *info.name == **pattern)?;
        Some(Found {
            name: info.name.clone(),
            key: "".into(),
            stored: Some(Stored::of(before.series, &info)),
        })
    }

    /// The stored series that it names, in order of their names. Of an expression: none.
    pub fn find(&self, look: &Look<'_>) -> Result<Vec<Found>, StoreError> {
        let (scope, kind, limit) = (&Scope::everything(), ValueKind::Number, MAX_INSTANCES_OF_MONITOR);
        let matches = match self {
            Subject::Expression(_) => return Ok(Vec::new()),
            Subject::Pattern(pattern) => {
                let nodes = look.source.find(&FindQuery { pattern, kind, scope, limit })?;
                let leaf = |node| match node {
                    Node::Leaf(found) => Some(found),
                    Node::Branch { .. } => None,
                };
                nodes.into_iter().filter_map(leaf).collect()
            }
            Subject::Tags(expressions) => {
                look.source.find_tagged(&TagQuery { expressions, kind, scope, limit })?
            }
        };
        Ok(matches.iter().filter_map(|found| self.found(found, look)).collect())
    }

    /// Could it find a series of this name? `None`: only the store can tell.
    pub fn means(&self, name: &str) -> Option<bool> {
        let Subject::Pattern(pattern) = self else { return None };
        let written: Vec<&str> = pattern.split('.').collect();
        if written.contains(&"**") {
            return None;
        }
        let nodes: Vec<&str> = name.split('.').collect();
        let alike = || nodes.iter().zip(&written).all(|(node, written)| Glob::new(written).matches(node));
        Some(nodes.len() == written.len() && alike())
    }

    fn found(&self, found: &SeriesMatch, look: &Look<'_>) -> Option<Found> {
        let stored = Stored::of(found.series, &look.source.describe(found.series)?);
        let key = match self {
            Subject::Pattern(pattern) => wild_part(pattern, &found.name),
            _ => vocabulary::series::split(&found.name).1.to_owned(),
        };
        Some(Found { name: Arc::clone(&found.name), key: key.into(), stored: Some(stored) })
    }
}

/// The nodes of a name for which a pattern has wildcards.
fn wild_part(pattern: &str, name: &str) -> String {
    let wild = |node: &str| node.contains(['*', '?', '[', '{']);
    let written: Vec<&str> = pattern.split('.').collect();
    // `**` stands for any number of nodes: then the parts cannot be told apart by counting.
    if written.contains(&"**") {
        return name.to_owned();
    }
    let nodes = name.split('.').zip(written).filter(|(_, written)| wild(written)).map(|(node, _)| node);
    nodes.collect::<Vec<_>>().join(".")
}

impl Stored {
    fn of(series: SeriesRef, info: &SeriesInfo) -> Stored {
        Stored {
            series,
            step: info.policy.archives.finest().step.seconds(),
            sums: matches!(info.policy.aggregation, Aggregation::Sum | Aggregation::Count),
            last: info.last_point,
        }
    }
}

impl Slots {
    pub fn of_row(row: Row<f64>, stored: &Stored) -> Slots {
        let step = row.step.seconds();
        let weight = (step as f64 / stored.step as f64).max(1.0);
        let mut values = row.slots;
        if stored.sums && weight > 1.0 {
            values.iter_mut().for_each(|value| *value /= weight);
        }
        Slots { start: row.start.0, step, values, weight }
    }

    pub fn end(&self) -> i64 {
        self.start + self.step * self.values.len() as i64
    }

    /// The slot that begins in (after, until]. `None`: there is none; `Some(None)`: it has no point.
    pub fn beginning(&self, after: i64, until: i64) -> Option<Option<Point>> {
        let index = (until - self.start).div_euclid(self.step);
        let begin = self.start + index * self.step;
        let value = *self.values.get(usize::try_from(index).ok().filter(|_| begin > after)?)?;
        Some((!value.is_nan()).then_some(Point { at: Timestamp(begin), value, weight: self.weight }))
    }
}

impl Look<'_> {
    /// Points in (from, until] of stored series, one row each.
    pub fn fetch(&self, series: &[SeriesRef], from: i64, until: i64) -> Result<Vec<Row<f64>>, StoreError> {
        self.source.fetch(&FetchRequest {
            series,
            from: Timestamp(from),
            until: Timestamp(until),
            now: self.now,
            step: None,
            consolidation: Aggregation::Average,
            scope: &Scope::everything(),
            limits: self.limits,
        })
    }

    /// The series of an expression, by name, with points in (from, until]. Functions that look at the point before
    /// get to see a few more.
    pub fn evaluate(&self, target: &str, from: i64, until: i64) -> Result<Vec<(Found, Slots)>, String> {
        let window = Window { from: Timestamp(from - EXPRESSION_LEAD_SECONDS), until: Timestamp(until) };
        let question = Question {
            targets: vec![target.to_owned()],
            window,
            now: self.now,
            zone: self.zone.clone(),
            server_zone: self.zone.clone(),
            x_files_factor: 0.0,
            template: Vec::new(),
        };
        let environment = Environment {
            source: self.source,
            events: self.events,
            scope: &Scope::everything(),
            limits: self.limits,
        };
        let evaluated = graphite::evaluate(&question, environment)
            .map_err(|error| graphite::Refusal::of(error, &[]).text)?;
        let read = evaluated.grounds.reads.iter().flat_map(|(_, series)| series.iter());
        let steps = read.take(64).filter_map(|series| self.source.describe(*series));
        let finest = steps.map(|info| info.policy.archives.finest().step.seconds()).min();
        let alone = evaluated.series.len() == 1;
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut out = Vec::with_capacity(evaluated.series.len());
        for series in evaluated.series.into_iter().take(MAX_INSTANCES_OF_MONITOR) {
            let values =
                series.points().map_err(|error| graphite::Refusal::of(error, &[]).text)?.into_owned();
            let step = series.seconds_per_point().max(1);
            let weight = finest.map_or(1.0, |finest| (step as f64 / finest as f64).max(1.0));
            let slots = Slots { start: series.start.0, step, values, weight };
            // Aliases can give several series one name; each is an instance.
            let count = seen.entry(series.name.clone()).or_default();
            *count += 1;
            let name = if *count == 1 { series.name } else { format!("{} ({count})", series.name) };
            let name: Arc<str> = name.into();
            let key = if alone { "".into() } else { Arc::clone(&name) };
            out.push((Found { name, key, stored: None }, slots));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_told_apart_by_what_the_wildcards_stand_for() {
        assert_eq!(wild_part("a.*.c.{d,e}", "a.b.c.d"), "b.d");
        assert_eq!(wild_part("a.b", "a.b"), "");
        assert_eq!(wild_part("a.**", "a.b.c"), "a.b.c");
    }

    #[test]
    fn a_pattern_tells_which_names_it_means() {
        let means = |target: &str, name: &str| Subject::of(target).means(name);
        assert_eq!(means("a.*.c{d,e}", "a.b.ce"), Some(true));
        assert_eq!(means("a.*.c{d,e}", "a.b.cf"), Some(false));
        assert_eq!(means("a.*", "a.b.c"), Some(false));
        assert_eq!([means("a.**", "b"), means("sumSeries(a.*)", "b")], [None; 2]);
    }

    #[test]
    fn slots_are_found_by_their_time() {
        let slots = Slots { start: 100, step: 10, values: vec![1.0, f64::NAN], weight: 10.0 };
        assert_eq!(slots.beginning(99, 100).flatten().map(|point| point.value), Some(1.0));
        assert_eq!(slots.beginning(99, 105).flatten().map(|point| point.value), Some(1.0));
        assert_eq!(slots.beginning(105, 110), Some(None));
        assert_eq!(
            [slots.beginning(104, 105), slots.beginning(89, 90), slots.beginning(119, 120)],
            [None; 3]
        );
        assert_eq!(slots.end(), 120);
    }
}
