//! Cases are data: `cases/*.test` load series, evaluate targets, and say what comes out.
//!
//! ```text
//! load 10s                      values from the first step after 0 on; `_` is none, `1x3` three ones
//!     a.b  1 2 _ 4
//! timers 10s                    samples of each slot, with commas
//!     t.x  1,2,3 _ 4
//! eval scale(a.b, 2) @ from=0   parameters as in /render; now and until are where the longest series ends
//!     scale(a.b,2)  2 4 _ 8     names and values, in order; `@20/10` before the values checks start and step
//!     error 400 text            or a refusal
//! ```
//! A line without blanks at its start that is none of these is a comment. `clear` forgets all series.

#[path = "support/memory.rs"]
mod memory;

#[path = "support/pictures.rs"]
mod pictures;

#[path = "support/fuzz.rs"]
mod fuzz;

#[path = "support/hostile.rs"]
mod hostile;

use graphite::{Defaults, Environment, NoEvents, RenderRequest, Series};
use jiff::tz::TimeZone;
use vocabulary::ports::{QueryLimits, Scope};
use vocabulary::{Sketch, Timestamp};

#[test]
fn combine() {
    check(include_str!("cases/combine.test"));
}

#[test]
fn transform() {
    check(include_str!("cases/transform.test"));
}

#[test]
fn calculate() {
    check(include_str!("cases/calculate.test"));
}

#[test]
fn filter() {
    check(include_str!("cases/filter.test"));
}

#[test]
fn names() {
    check(include_str!("cases/names.test"));
}

#[test]
fn language() {
    check(include_str!("cases/language.test"));
}

#[test]
fn timers() {
    check(include_str!("cases/timers.test"));
}

#[test]
fn own() {
    check(include_str!("cases/own.test"));
}

/// One entry for each function means its cases too: ours stand in `cases/`, the original's among those that both
/// are asked.
#[test]
fn every_function_has_help_and_cases() {
    let originals = include_str!("../../../scenarios/graphite/targets.txt");
    let by_shape = include_str!("../../../scenarios/graphite/test_targets.py");
    let own = [include_str!("cases/own.test"), include_str!("cases/timers.test")].concat();
    let mut of_original = 0;
    for (name, function) in graphite::functions::TABLE {
        assert!(function.help.contains("Example") && function.help.contains('('), "no example of {name}");
        assert!(function.signature.starts_with('(') && function.signature.ends_with(')'), "{name}");
        let call = format!("{name}(");
        let named = |text: &str| {
            let begins = |at: usize| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            text.match_indices(&call).filter(|(at, _)| begins(*at)).count()
        };
        of_original += usize::from(named(originals) + named(by_shape) > 0);
        assert!(named(originals) + named(by_shape) + named(&own) > 0, "no case of {name}");
    }
    assert!(of_original >= 154, "{of_original} of graphite-web's functions are compared with it");
}

fn check(cases: &str) {
    let mut world = World::default();
    let mut lines = cases.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let mut block = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with(' ')) {
            block.push(line.trim());
        }
        match line.split_once(' ') {
            Some(("load", step)) => world.load(step, &block),
            Some(("timers", step)) => world.load_timers(step, &block),
            Some(("eval", what)) => {
                let answer = world.evaluate(what);
                assert_eq!(answer, wanted(&block), "line {}: {what}", number + 1);
            }
            _ if line == "clear" => world = World::default(),
            _ => assert!(block.is_empty(), "line {}: `{line}` has a block", number + 1),
        }
    }
}

#[derive(Default)]
struct World {
    series: memory::Memory,
    end: i64,
}

impl World {
    fn load(&mut self, step: &str, block: &[&str]) {
        let archive = memory::archive(&format!("{step}:10d"));
        for line in block {
            let (name, values) = line.split_once(' ').unwrap_or((line, ""));
            let points = self.points(archive.step.seconds(), repeated(values).map(number));
            let known = points.into_iter().filter(|(_, value)| !value.is_nan()).collect();
            self.series.add(name, vec![(archive, known)]);
        }
    }

    fn load_timers(&mut self, step: &str, block: &[&str]) {
        let archive = memory::archive(&format!("{step}:10d"));
        for line in block {
            let (name, slots) = line.split_once(' ').unwrap_or((line, ""));
            let samples =
                |slot: &str| slot.split(',').filter(|one| *one != "_").map(number).collect::<Vec<_>>();
            let slots = self.points(archive.step.seconds(), repeated(slots).map(samples));
            let known = slots.into_iter().filter(|(_, samples)| !samples.is_empty());
            let sketch =
                |samples: Vec<f64>| Sketch::from_values(samples.into_iter().map(|value| (value, 1.0)));
            let known = known.map(|(time, samples)| (time, sketch(samples))).collect();
            self.series.add_sketches(name, vec![(archive, known)]);
        }
    }

    fn points<V>(&mut self, step: i64, values: impl Iterator<Item = V>) -> Vec<(i64, V)> {
        let points: Vec<_> =
            values.enumerate().map(|(index, value)| ((index as i64 + 1) * step, value)).collect();
        self.end = self.end.max(points.last().map_or(0, |(time, _)| *time));
        points
    }

    fn evaluate(&self, what: &str) -> Vec<Shown> {
        let (targets, params) = what.split_once(" @ ").unwrap_or((what, ""));
        let mut pairs = vec![("from".to_owned(), "0".to_owned()), ("until".to_owned(), self.end.to_string())];
        pairs.push(("now".to_owned(), self.end.to_string()));
        pairs.extend(targets.split(" & ").map(|target| ("target".to_owned(), target.to_owned())));
        let given = params.split_whitespace().filter_map(|param| param.split_once('='));
        pairs.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
        match evaluate(&self.series, &pairs) {
            Ok(series) => series.iter().map(Shown::of).collect(),
            Err(refusal) => vec![Shown::Refusal(refusal.status, refusal.text)],
        }
    }
}

pub fn evaluate(
    source: &memory::Memory,
    params: &[(String, String)],
) -> Result<Vec<Series>, graphite::Refusal> {
    let defaults = Defaults::of_zone(TimeZone::UTC);
    let request = RenderRequest::from_params(params, Timestamp(0), &defaults)?;
    let (scope, limits) = (Scope::everything(), QueryLimits { max_points: 1_000_000, ..Default::default() });
    let environment = Environment { source, events: &NoEvents, scope: &scope, limits: &limits };
    let refused = |error| graphite::Refusal::of(error, &request.question.targets);
    Ok(graphite::evaluate(&request.question, environment).map_err(refused)?.series)
}

/// `1x3` is `1 1 1`.
fn repeated(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|word| match word.split_once('x') {
        Some((value, times)) => std::iter::repeat_n(value, times.parse().expect("a count")),
        None => std::iter::repeat_n(word, 1),
    })
}

fn number(text: &str) -> f64 {
    if text == "_" { f64::NAN } else { text.parse().unwrap_or_else(|_| panic!("{text} is no number")) }
}

/// What came out, or should.
#[derive(Debug)]
enum Shown {
    Series { name: String, span: Option<(i64, i64)>, values: Vec<f64> },
    Refusal(u16, String),
}

impl Shown {
    fn of(series: &Series) -> Shown {
        Shown::Series {
            name: series.name.clone(),
            span: Some((series.start.0, series.step.seconds())),
            values: series.points().expect("a known consolidation").into_owned(),
        }
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Shown) -> bool {
        match (self, other) {
            (Shown::Refusal(status, text), Shown::Refusal(theirs, part)) => {
                status == theirs && (text.contains(part.as_str()) || part.contains(text.as_str()))
            }
            (
                Shown::Series { name, span, values },
                Shown::Series { name: their_name, span: their_span, values: their_values },
            ) => {
                let spans = span.zip(*their_span).is_none_or(|(ours, theirs)| ours == theirs);
                let close = |(a, b): (&f64, &f64)| {
                    (a - b).abs() <= b.abs() * 1e-9 || a == b || a.is_nan() && b.is_nan()
                };
                name == their_name
                    && spans
                    && values.len() == their_values.len()
                    && values.iter().zip(their_values).all(close)
            }
            _ => false,
        }
    }
}

/// The names may hold blanks: two of them end one.
fn wanted(block: &[&str]) -> Vec<Shown> {
    block.iter().map(|line| wanted_line(line)).collect()
}

fn wanted_line(line: &str) -> Shown {
    if let Some(refusal) = line.strip_prefix("error ") {
        let (status, text) = refusal.split_once(' ').unwrap_or((refusal, ""));
        return Shown::Refusal(status.parse().expect("a status"), text.to_owned());
    }
    let (name, rest) = line.split_once("  ").unwrap_or((line, ""));
    let (span, values) = match rest.trim().strip_prefix('@') {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None => ("", rest),
    };
    let span = span.split_once('/').map(|(start, step)| (number(start) as i64, number(step) as i64));
    Shown::Series { name: name.to_owned(), span, values: repeated(values).map(number).collect() }
}
