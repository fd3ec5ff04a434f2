//! The one place where this room asks `graphite` to evaluate.

use std::collections::BTreeMap;

use graphite::target::{Call, Expression, Literal};
use graphite::{
    Environment, EvaluationError, Events, InputError, Question, Window, functions, tag_expressions,
};
use graphite::{attime, parse};
use serde::Serialize;
use state_store::StateStore;
use utoipa::ToSchema;
use vocabulary::ports::{FindQuery, Node, QueryLimits, Scope, SeriesMatch, TagExpression, TagQuery};
use vocabulary::{Timestamp, ValueKind};

use crate::allowance::Allowance;
use crate::annotations::{Query, TagSet};
use crate::answer::{Answer, Problem, nearest};
use crate::marks;
use crate::services::Services;

/// One series of an answer, without what only functions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub start: i64,
    pub step: i64,
    /// NaN is "no value".
    pub values: Vec<f64>,
}

/// Why a target has no answer, and which of its characters are to blame.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TargetError {
    pub message: String,
    pub start: Option<usize>,
    pub end: Option<usize>,
    pub hint: Option<String>,
}

/// Annotations, for the function `events`: those that whoever asks may see.
pub struct StateEvents<'s> {
    pub state: &'s StateStore,
    pub scope: &'s Scope,
}

impl Events for StateEvents<'_> {
    fn moments(&self, from: Timestamp, until: Timestamp, tags: &[String]) -> Vec<Timestamp> {
        let tags = (!tags.is_empty()).then_some(tags);
        let query = Query { from: from.0 as f64, until: until.0 as f64 + 0.999_999, tags, set: TagSet::All };
        let seen = marks::moments(self.state, self.scope, &query).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read annotations");
            Vec::new()
        });
        seen.iter().map(|annotation| Timestamp(annotation.at.floor() as i64)).collect()
    }
}

pub fn evaluate(
    services: &Services,
    target: &str,
    scope: &Scope,
    from: Timestamp,
    until: Timestamp,
    now: Timestamp,
    limits: &QueryLimits,
) -> Result<Vec<Evaluated>, TargetError> {
    let window = Window { from, until };
    let read = series_of(services, target, scope, window, now, limits);
    read.map(|(series, _)| series).map_err(|error| explain(error, target))
}

/// One of several targets of one answer, which together may take what one may.
pub fn evaluate_within(
    services: &Services,
    target: &str,
    scope: &Scope,
    window: Window,
    now: Timestamp,
    allowance: &mut Allowance<'_>,
) -> Result<Vec<Evaluated>, TargetError> {
    let read = series_of(services, target, scope, window, now, &allowance.left());
    let (series, points_read) = read.map_err(|error| explain(allowance.whole(error), target))?;
    let made = series.iter().map(|series| series.values.len()).sum();
    allowance.read(points_read.max(made));
    Ok(series)
}

/// With the number of points that were read for it.
fn series_of(
    services: &Services,
    target: &str,
    scope: &Scope,
    window: Window,
    now: Timestamp,
    limits: &QueryLimits,
) -> Result<(Vec<Evaluated>, usize), EvaluationError> {
    let question = Question {
        targets: vec![target.to_owned()],
        window,
        now,
        zone: services.zone.clone(),
        server_zone: services.zone.clone(),
        x_files_factor: 0.0,
        template: Vec::new(),
    };
    let events = StateEvents { state: &services.state, scope };
    let environment = Environment { source: services.source.as_ref(), events: &events, scope, limits };
    let evaluated = graphite::evaluate(&question, environment)?;
    let series: Result<_, _> = evaluated.series.into_iter().map(plain).collect();
    Ok((series?, evaluated.trace.points_read))
}

fn plain(series: graphite::Series) -> Result<Evaluated, EvaluationError> {
    let values = series.points()?.into_owned();
    Ok(Evaluated {
        start: series.start.0,
        step: series.seconds_per_point(),
        tags: series.tags.iter().map(|(tag, value)| (tag.to_string(), value.to_string())).collect(),
        name: series.name,
        values,
    })
}

/// Where the mistake is: the parser knows the places of mistakes of form, the tree those of functions.
pub fn explain(error: EvaluationError, target: &str) -> TargetError {
    if let Some(mistake) = mistake_of_form(target) {
        return mistake;
    }
    let named = match &error {
        EvaluationError::Input(InputError { function: Some(call), .. }) => call.split('(').next(),
        _ => None,
    };
    let call = parse::parse(target).ok().and_then(|tree| {
        let mut calls = Vec::new();
        calls_of(&tree, &mut calls);
        let blamed =
            |call: &&Call| functions::find(&call.function).is_none() || named == Some(&call.function);
        calls.into_iter().find(blamed).map(|call| (call.function.clone(), call.span.clone()))
    });
    let message = graphite::Refusal::of(error, &[]).text;
    let Some((function, span)) = call else {
        return TargetError { message, start: None, end: None, hint: None };
    };
    let (start, whole) = (characters(target, span.start), characters(target, span.end));
    match functions::find(&function) {
        Some(_) => TargetError { message, start: Some(start), end: Some(whole), hint: None },
        None => TargetError {
            message: format!("there is no function `{function}`"),
            start: Some(start),
            end: Some(start + function.chars().count()),
            hint: nearest_function(&function).map(|name| format!("did you mean `{name}`?")),
        },
    }
}

/// All calls of a target, outermost first.
fn calls_of<'e>(expression: &'e Expression, found: &mut Vec<&'e Call>) {
    let inside = |call: &'e Call, found: &mut Vec<&'e Call>| {
        found.push(call);
        call.arguments.iter().for_each(|argument| calls_of(argument, found));
        call.keywords.iter().for_each(|(_, argument)| calls_of(argument, found));
    };
    match expression {
        Expression::Literal(_) | Expression::Path(_) => {}
        Expression::Call(call) => inside(call, found),
        Expression::Template(template) => calls_of(&template.inner, found),
        Expression::Piped { base, calls } => {
            calls_of(base, found);
            calls.iter().for_each(|call| inside(call, found));
        }
    }
}

fn characters(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(0, |before| before.chars().count())
}

fn nearest_function(name: &str) -> Option<&'static str> {
    nearest(name, functions::TABLE.iter().map(|(known, _)| *known))
}

/// Graphite takes a call that is not closed for a path, and ignores what follows a target; people who type
/// want to be told.
pub fn mistake_of_form(target: &str) -> Option<TargetError> {
    let (message, at) = match parse::parse_prefix(target) {
        Err(error) => (error.message, error.at),
        Ok(parsed) => match parsed.stuck {
            Some(stuck) => (stuck.message, stuck.at),
            None if target[parsed.end.min(target.len())..].trim().is_empty() => return None,
            None => ("this is not part of the target any more".to_owned(), parsed.end),
        },
    };
    let start = characters(target, at);
    let hint = target
        .contains('(')
        .then(|| "close every parenthesis and quote; arguments are separated by commas".to_owned());
    Some(TargetError { message, start: Some(start), end: Some(target.chars().count().max(start + 1)), hint })
}

/// What stands for stored series in a target.
pub enum Pattern {
    Path(String),
    Tags(Vec<TagExpression>),
}

/// All patterns of a target, functions left out.
pub fn patterns_of(target: &str) -> Answer<Vec<Pattern>> {
    let expression = parse::parse(target).map_err(|error| Problem::bad_request(error.to_string()))?;
    let mut found = Vec::new();
    collect(&expression, &mut found);
    Ok(found)
}

fn collect(expression: &Expression, found: &mut Vec<Pattern>) {
    match expression {
        Expression::Literal(_) => {}
        Expression::Path(path) => found.push(Pattern::Path(path.text.clone())),
        Expression::Template(template) => collect(&template.inner, found),
        Expression::Call(call) => collect_call(call, found),
        Expression::Piped { base, calls } => {
            collect(base, found);
            calls.iter().for_each(|call| collect_call(call, found));
        }
    }
}

fn collect_call(call: &Call, found: &mut Vec<Pattern>) {
    if call.function == "seriesByTag" {
        let texts = call.arguments.iter().filter_map(|argument| match argument {
            Expression::Literal(Literal::Text(text)) => Some(text.as_str()),
            _ => None,
        });
        found.extend(tag_expressions::parse_all(texts).ok().map(Pattern::Tags));
    }
    call.arguments.iter().for_each(|argument| collect(argument, found));
    call.keywords.iter().for_each(|(_, argument)| collect(argument, found));
}

impl Pattern {
    pub fn find(&self, services: &Services, scope: &Scope, limit: usize) -> Answer<Vec<SeriesMatch>> {
        let kind = ValueKind::Number;
        let found = match self {
            Pattern::Path(pattern) => {
                let nodes = services.source.find(&FindQuery { pattern, kind, scope, limit })?;
                let leaves = nodes.into_iter().filter_map(|node| match node {
                    Node::Leaf(found) => Some(found),
                    Node::Branch { .. } => None,
                });
                leaves.collect()
            }
            Pattern::Tags(expressions) => {
                services.source.find_tagged(&TagQuery { expressions, kind, scope, limit })?
            }
        };
        Ok(found)
    }
}

/// Graphite's time grammar.
pub fn parse_time(text: &str, now: Timestamp, zone: &str) -> Answer<Timestamp> {
    let zone = attime::zone(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    attime::parse(text, &zone, now).map_err(|error| {
        Problem::bad_request(format!("`{text}` is not a time: {}", error.0))
            .hint("write -1h, 20261121, 14:00_yesterday or seconds since 1970")
    })
}

/// `2026-11-21T10:00:00Z`
pub fn iso_time(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.0).map_or_else(|_| moment.to_string(), |moment| moment.to_string())
}
