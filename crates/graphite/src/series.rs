//! A series as functions see it: a row of values with a name, tags and a way to consolidate.

use std::borrow::Cow;
use std::sync::Arc;

use vocabulary::{Step, Timestamp};

use crate::error::EvaluationError;

/// "No value": Python's `None`. A NaN of its own, because calculation (infinity minus infinity) makes others,
/// which the original carries on as numbers. To everybody outside this room both are simply NaN.
pub const NULL: f64 = f64::from_bits(0x7ff8_6e75_6c6c_0000);

pub fn is_null(value: f64) -> bool {
    value.to_bits() == NULL.to_bits()
}

/// The store's NaN -> ours.
pub fn mark_nulls(values: &mut [f64]) {
    for value in values {
        *value = if value.is_nan() { NULL } else { *value };
    }
}

#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    /// The pattern or function that this came from: what names of combined series are made of.
    pub path_expression: Arc<str>,
    pub tags: Tags,
    pub start: Timestamp,
    pub end: Timestamp,
    pub step: Step,
    /// Shared until somebody writes: one fetched row may be used in several places of a request.
    pub values: Arc<Vec<f64>>,
    pub consolidation: Consolidation,
    /// How many values make one point when the series is read with [`Series::points`].
    pub values_per_point: usize,
    pub x_files_factor: f64,
    pub options: Options,
    pub numbers: Numbers,
}

/// Whether Python would hold the values as integers, which shows in json as `1` instead of `1.0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    #[default]
    Floats,
    Integers,
}

/// How a picture should draw the series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    pub color: Option<String>,
    pub alpha: Option<f64>,
    pub line_width: Option<f64>,
    pub dashed: Option<f64>,
    pub stacked: bool,
    pub invisible: bool,
    pub second_y_axis: bool,
    pub draw_as_infinite: bool,
    /// A line that was given no name: null in json, unless it got one since.
    pub nameless: bool,
}

impl Series {
    pub fn new(name: String, start: Timestamp, end: Timestamp, step: Step, values: Vec<f64>) -> Series {
        Series {
            path_expression: name.as_str().into(),
            tags: Tags::of_name(&name),
            name,
            start,
            end,
            step,
            values: Arc::new(values),
            consolidation: Consolidation::default(),
            values_per_point: 1,
            x_files_factor: 0.0,
            options: Options::default(),
            numbers: Numbers::Floats,
        }
    }

    /// The original's `copy`: what drawing options there were is forgotten, and the new name is the path.
    pub fn derived(&self, name: String, values: Vec<f64>) -> Series {
        Series {
            tags: self.tags.clone(),
            consolidation: self.consolidation.clone(),
            x_files_factor: self.x_files_factor,
            ..Series::new(name, self.start, self.end, self.step, values)
        }
    }

    pub fn with_numbers(self, numbers: Numbers) -> Series {
        Series { numbers, ..self }
    }

    /// A new name that is the path expression too, as most functions give.
    pub fn rename(&mut self, name: String) {
        self.path_expression = name.as_str().into();
        self.name = name;
    }

    pub fn values_mut(&mut self) -> &mut Vec<f64> {
        Arc::make_mut(&mut self.values)
    }

    /// Change what is known; points without a value stay so.
    pub fn map_known(&mut self, mut change: impl FnMut(f64) -> f64) {
        self.map_points(|value| if is_null(value) { NULL } else { change(value) });
        self.numbers = Numbers::Floats;
    }

    /// Change all values. Only functions that combine series give several values to a point, and what they
    /// return has one value a point again; so values are points here.
    pub fn map_points(&mut self, mut change: impl FnMut(f64) -> f64) {
        debug_assert_eq!(self.values_per_point, 1);
        for value in self.values_mut() {
            *value = change(*value);
        }
    }

    /// The points: the values, or their consolidation when several make one point.
    pub fn points(&self) -> Result<Cow<'_, [f64]>, EvaluationError> {
        if self.values_per_point <= 1 {
            return Ok(Cow::Borrowed(&self.values));
        }
        let per_point = self.values_per_point;
        let mut points = Vec::with_capacity(self.values.len().div_ceil(per_point));
        for bucket in self.values.chunks(per_point) {
            points.push(self.consolidation.of_bucket(bucket, per_point, self.x_files_factor)?);
        }
        Ok(Cow::Owned(points))
    }

    /// What Python would hold the points as: it divides integers to floats.
    pub fn numbers_of_points(&self) -> Numbers {
        let divided = matches!(
            self.consolidation,
            Consolidation::Average | Consolidation::Avg | Consolidation::AvgZero
        );
        if self.values_per_point > 1 && divided { Numbers::Floats } else { self.numbers }
    }

    /// Seconds from one point to the next.
    pub fn seconds_per_point(&self) -> i64 {
        self.step.seconds().saturating_mul(self.values_per_point.max(1) as i64)
    }
}

/// How values become one point, by name. Names that are none are an error only when they are needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Consolidation {
    Sum,
    #[default]
    Average,
    /// Written `avg`; the name shows in pickles.
    Avg,
    AvgZero,
    Max,
    Min,
    First,
    Last,
    Unknown(String),
}

impl Consolidation {
    pub fn named(name: &str) -> Consolidation {
        match name {
            "sum" => Consolidation::Sum,
            "average" => Consolidation::Average,
            "avg" => Consolidation::Avg,
            "avg_zero" => Consolidation::AvgZero,
            "max" => Consolidation::Max,
            "min" => Consolidation::Min,
            "first" => Consolidation::First,
            "last" => Consolidation::Last,
            other => Consolidation::Unknown(other.to_owned()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Consolidation::Sum => "sum",
            Consolidation::Average => "average",
            Consolidation::Avg => "avg",
            Consolidation::AvgZero => "avg_zero",
            Consolidation::Max => "max",
            Consolidation::Min => "min",
            Consolidation::First => "first",
            Consolidation::Last => "last",
            Consolidation::Unknown(name) => name,
        }
    }

    /// One point, if a large enough share of it is known. A last, shorter bucket is measured against the
    /// full length, as in the original.
    fn of_bucket(&self, bucket: &[f64], per_point: usize, factor: f64) -> Result<f64, EvaluationError> {
        let known = || bucket.iter().copied().filter(|value| !is_null(*value));
        let count = known().count();
        if let Consolidation::Unknown(name) = self {
            let name = crate::python::quoted(name);
            return Err(EvaluationError::failed(format!("Invalid consolidation function: {name}")));
        }
        if count == 0 || (count as f64 / per_point as f64) < factor {
            return Ok(NULL);
        }
        Ok(match self {
            Consolidation::Sum => known().sum(),
            Consolidation::Average | Consolidation::Avg => known().sum::<f64>() / count as f64,
            Consolidation::AvgZero => known().sum::<f64>() / bucket.len() as f64,
            Consolidation::Max => known().reduce(|most, v| if v > most { v } else { most }).unwrap_or(NULL),
            Consolidation::Min => {
                known().reduce(|least, v| if v < least { v } else { least }).unwrap_or(NULL)
            }
            Consolidation::First => known().next().unwrap_or(NULL),
            Consolidation::Last | Consolidation::Unknown(_) => known().next_back().unwrap_or(NULL),
        })
    }
}

/// Tags in the order in which they came, as Python's dictionaries keep it: it shows in json.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags(Vec<(Cow<'static, str>, Arc<str>)>);

impl Tags {
    /// What a name says about its tags: those behind `;`, then `name`. A text that looks like a call, or
    /// cannot be read, is all name.
    pub fn of_name(name: &str) -> Tags {
        let all_name = || Tags(vec![("name".into(), name.into())]);
        if looks_like_call(name) || !(name.contains(';') || name.ends_with("\"}") || name.starts_with('~')) {
            return all_name();
        }
        Tags::of_series(name).unwrap_or_else(all_name)
    }

    /// The tags of a stored name, `None` if it has none of the two forms.
    pub fn of_series(name: &str) -> Option<Tags> {
        let (metric, pairs) = match name.ends_with("\"}") && name.contains('{') {
            true => open_metrics_pairs(name)?,
            false => carbon_pairs(name)?,
        };
        let mut tags = Tags::default();
        for (tag, value) in pairs {
            let valid = vocabulary::series::valid_tag(&tag) && vocabulary::series::valid_tag_value(&value);
            valid.then(|| tags.set(tag, value))?;
        }
        let metric = metric.trim_start_matches('~');
        (!metric.is_empty()).then(|| tags.set("name", metric))?;
        Some(tags)
    }

    pub fn from_pairs(pairs: impl IntoIterator<Item = (Cow<'static, str>, Arc<str>)>) -> Tags {
        Tags(pairs.into_iter().collect())
    }

    pub fn get(&self, tag: &str) -> Option<&Arc<str>> {
        self.0.iter().find(|(name, _)| name == tag).map(|(_, value)| value)
    }

    pub fn set(&mut self, tag: impl Into<Cow<'static, str>>, value: impl Into<Arc<str>>) {
        let tag = tag.into();
        match self.0.iter_mut().find(|(name, _)| *name == tag) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((tag, value.into())),
        }
    }

    pub fn remove(&mut self, tag: &str) {
        self.0.retain(|(name, _)| name != tag);
    }

    /// Keep what the other has too, with the same value.
    pub fn keep_common(&mut self, other: &Tags) {
        self.0.retain(|(tag, value)| other.get(tag).is_some_and(|theirs| theirs == value));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.0.iter().map(|(tag, value)| (tag.as_ref(), value))
    }
}

/// `letters(something)`
fn looks_like_call(name: &str) -> bool {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let rest = &name[letters..];
    letters > 0 && rest.len() > 2 && rest.starts_with('(') && rest.ends_with(')') && !rest.contains('\n')
}

type Pairs = Vec<(String, String)>;

fn carbon_pairs(name: &str) -> Option<(&str, Pairs)> {
    let (metric, tags) = vocabulary::series::split(name);
    if tags.is_empty() && !name.contains(';') {
        return Some((metric, Vec::new()));
    }
    let pair = |segment: &str| segment.split_once('=').map(|(tag, value)| (tag.into(), value.into()));
    let pairs = tags.split(';').map(pair).collect::<Option<Pairs>>()?;
    (!metric.is_empty()).then_some((metric, pairs))
}

/// `metric{tag="value",...}`
fn open_metrics_pairs(name: &str) -> Option<(&str, Pairs)> {
    let (metric, rest) = name.strip_suffix('}')?.split_once('{')?;
    let mut pairs = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        let (tag, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at + 1,
                (_, '\\') => value.push(characters.next().map(|(_, c)| c).filter(|c| "\"\\".contains(*c))?),
                (_, plain) => value.push(plain),
            }
        };
        pairs.push((tag.to_owned(), value));
        rest = quoted[end..].strip_prefix(',').or_else(|| quoted[end..].is_empty().then_some(""))?;
    }
    Some((metric, pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_names() {
        let check = |name: &str, wanted: &[(&str, &str)]| {
            let tags = Tags::of_name(name);
            let found: Vec<_> = tags.iter().map(|(tag, value)| (tag, value.as_ref())).collect();
            assert_eq!(found, wanted, "{name}");
        };
        check("a.b", &[("name", "a.b")]);
        check("a;x=1;b=2=3", &[("x", "1"), ("b", "2=3"), ("name", "a")]);
        check("sum(a;x=1)", &[("name", "sum(a;x=1)")]);
        check("~a", &[("name", "a")]);
        check("a;x", &[("name", "a;x")]);
        check("a;x=", &[("name", "a;x=")]);
        check("a{x=\"1\",y=\"a\\\"b\"}", &[("x", "1"), ("y", "a\"b"), ("name", "a")]);
    }

    #[test]
    fn points_are_consolidated() {
        let check = |name: &str, wanted: [f64; 2]| {
            let mut series = Series::new("a".into(), Timestamp(0), Timestamp(5), Step::ONE_SECOND, vec![]);
            series.values = Arc::new(vec![1.0, NULL, 5.0, NULL, NULL]);
            (series.values_per_point, series.consolidation) = (3, Consolidation::named(name));
            let points = series.points().unwrap();
            assert_eq!(points.len(), 2);
            assert_eq!(points[0], wanted[0], "{name}");
            assert!(is_null(points[1]));
            series.x_files_factor = 0.7;
            assert!(is_null(series.points().unwrap()[0]));
        };
        check("sum", [6.0, NULL]);
        check("average", [3.0, NULL]);
        check("avg", [3.0, NULL]);
        check("avg_zero", [2.0, NULL]);
        check("max", [5.0, NULL]);
        check("min", [1.0, NULL]);
        check("first", [1.0, NULL]);
        check("last", [5.0, NULL]);
    }
}
