//! Targets -> series: fetch what all of them name, then call the functions from the inside out.
//!
//! What the original does here shows in answers, so ours does it too: data is fetched before the evaluation,
//! once for each window of time, for the paths in positional arguments only; functions that need other times
//! (`movingAverage`, `timeShift`, ...) evaluate their first argument again, and that second evaluation knows
//! neither the values of a surrounding `template` nor the pipes inside of the argument.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::ports::{
    FetchRequest, FindQuery, Node, QueryLimits, Scope, SeriesMatch, SeriesSource, StoreError, TagQuery,
};
use vocabulary::{Step, Timestamp, ValueKind};

use crate::attime;
use crate::error::EvaluationError;
use crate::events::Events;
use crate::functions::{self, Arguments, Function, Kind, Named};
use crate::limits;
use crate::parse;
use crate::series::{Series, Tags, mark_nulls};
use crate::tag_expressions;
use crate::target::{Call, Expression, Template};
use crate::timers::Timer;
use crate::value::Value;

/// The time that an evaluation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Window {
    pub fn shifted(self, seconds: i64) -> Window {
        Window { from: self.from.plus(seconds), until: self.until.plus(seconds) }
    }

    pub fn starting_earlier(self, seconds: i64) -> Window {
        Window { from: self.from.minus(seconds), ..self }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub targets: Vec<String>,
    pub window: Window,
    pub now: Timestamp,
    /// For dates in arguments and calendar bounds.
    pub zone: TimeZone,
    /// The zone of the server, which a few functions use whatever the request says.
    pub server_zone: TimeZone,
    pub x_files_factor: f64,
    /// Values for `template()` that win over those in the target.
    pub template: Vec<(String, String)>,
}

/// Where data comes from, and how much of it.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    pub source: &'a dyn SeriesSource,
    pub events: &'a dyn Events,
    pub scope: &'a Scope,
    pub limits: &'a QueryLimits,
}

/// The answer, with what it took.
#[derive(Debug)]
pub struct Evaluated {
    pub series: Vec<Series>,
    pub trace: Trace,
}

/// What an evaluation did: the beginning of an answer that explains itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    pub patterns: usize,
    pub series_matched: usize,
    pub fetches: usize,
    pub points_read: usize,
    pub calls: usize,
    pub reevaluations: usize,
}

pub fn evaluate(question: &Question, environment: Environment<'_>) -> Result<Evaluated, EvaluationError> {
    let targets = question.targets.iter().filter(|target| !target.trim().is_empty());
    let targets = targets.map(|target| parse::parse(target)).collect::<Result<Vec<_>, _>>()?;
    let mut evaluator = Evaluator::new(question, environment);
    let mut context =
        Context { window: question.window, x_files_factor: question.x_files_factor, stacks: None };
    let targets: Vec<&Expression> = targets.iter().collect();
    let series = evaluator.evaluate_targets(&mut context, &targets, Surroundings::default())?;
    Ok(Evaluated { series, trace: evaluator.trace })
}

/// Running totals of `stacked`, by name.
pub type Stacks = HashMap<String, Vec<f64>>;

/// What functions can change for those evaluated after them; a re-evaluation works on a copy.
#[derive(Clone, Debug)]
pub struct Context {
    pub window: Window,
    pub x_files_factor: f64,
    /// Copies of a context share them once they are there.
    pub stacks: Option<Rc<RefCell<Stacks>>>,
}

/// What an expression is evaluated within.
#[derive(Clone, Copy, Default)]
struct Surroundings<'t> {
    /// Values of the template around it.
    values: Option<&'t [(String, Value)]>,
    /// In a second evaluation: pipes have been used up.
    spent: bool,
    /// What paths stand for.
    kind: ValueKind,
}

pub struct Evaluator<'a> {
    pub question: &'a Question,
    pub environment: Environment<'a>,
    found: HashMap<(ValueKind, String), Arc<[SeriesMatch]>>,
    fetched: HashMap<(Window, ValueKind, String), Arc<[Fetched]>>,
    trace: Trace,
    /// Points that functions made out of nothing or in greater number than they got.
    points_made: usize,
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

impl Slots {
    fn is_empty(&self) -> bool {
        match self {
            Slots::Numbers(values) => values.is_empty(),
            Slots::Sketches(sketches) => sketches.is_empty(),
        }
    }
}

impl<'a> Evaluator<'a> {
    fn new(question: &'a Question, environment: Environment<'a>) -> Evaluator<'a> {
        Evaluator {
            question,
            environment,
            found: HashMap::new(),
            fetched: HashMap::new(),
            trace: Trace::default(),
            points_made: 0,
        }
    }

    /// Has the time run out, or the asker gone?
    pub fn check(&self) -> Result<(), EvaluationError> {
        self.environment.limits.over().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Call before making points that nobody fetched.
    pub fn make_room(&mut self, points: usize) -> Result<(), EvaluationError> {
        self.points_made = self.points_made.saturating_add(points);
        let limit = self.environment.limits.max_points;
        if self.points_made > limit {
            return Err(StoreError::TooMuch { what: "points", limit }.into());
        }
        Ok(())
    }

    fn evaluate_targets(
        &mut self,
        context: &mut Context,
        targets: &[&Expression],
        surroundings: Surroundings<'_>,
    ) -> Result<Vec<Series>, EvaluationError> {
        let mut wanted = Vec::new();
        for target in targets {
            self.extract(target, context.window, surroundings, &mut wanted);
        }
        self.prefetch(wanted)?;
        let mut series = Vec::new();
        for target in targets {
            match self.evaluate(context, target, surroundings)? {
                Value::Series(list) => series.extend(list),
                value if !value.is_truthy() => {}
                value => {
                    return Err(EvaluationError::failed(format!("{} is not a list of series", value.repr())));
                }
            }
        }
        Ok(series)
    }

    fn evaluate(
        &mut self,
        context: &mut Context,
        expression: &Expression,
        surroundings: Surroundings<'_>,
    ) -> Result<Value, EvaluationError> {
        match expression {
            Expression::Literal(literal) => Ok(Value::of_literal(literal)),
            Expression::Path(path) => match substituted(&path.text, surroundings.values)? {
                Substituted::Value(value) => Ok(value),
                Substituted::Path(path) => Ok(self.fetched(context, &path, surroundings.kind)),
            },
            Expression::Call(call) => self.call(context, call, None, surroundings),
            Expression::Template(template) => {
                let values = self.template_values(template);
                let surroundings = Surroundings { values: Some(&values), ..surroundings };
                self.evaluate(context, &template.inner, surroundings)
            }
            Expression::Piped { base, calls } => {
                let calls = if surroundings.spent { &[] } else { calls.as_slice() };
                self.piped(context, base, calls, surroundings)
            }
        }
    }

    fn piped(
        &mut self,
        context: &mut Context,
        base: &Expression,
        calls: &[Call],
        surroundings: Surroundings<'_>,
    ) -> Result<Value, EvaluationError> {
        match calls.split_last() {
            None => self.evaluate(context, base, surroundings),
            Some((last, before)) => self.call(context, last, Some((base, before)), surroundings),
        }
    }

    fn call(
        &mut self,
        context: &mut Context,
        call: &Call,
        piped: Option<(&Expression, &[Call])>,
        surroundings: Surroundings<'_>,
    ) -> Result<Value, EvaluationError> {
        if call.function == "template" {
            let what = "invalid template() syntax, only string/numeric arguments are allowed";
            return Err(EvaluationError::input(what));
        }
        if call.function == "seriesByTag" {
            return Ok(self.fetched(context, &call.source, surroundings.kind));
        }
        let function = functions::named(&call.function)?;
        let (positional, keywords) = self.arguments(context, function.1, call, piped, surroundings)?;
        self.check()?;
        self.trace.calls += 1;
        let first = piped.or_else(|| Some((call.arguments.first()?, &[])));
        let first = first.map(|(base, calls)| First { base, calls, surroundings });
        let arguments = Arguments::bind(function, positional, keywords)?;
        let not_looked_at = arguments.are_not_looked_at();
        let answer = (function.1.run)(&mut Invocation { evaluator: self, context, arguments, first });
        match answer {
            Err(EvaluationError::Failed(_)) if not_looked_at => Ok(Value::nothing()),
            answer => {
                answer.map_err(|error| self.located(error, context, function, call, piped, surroundings))
            }
        }
    }

    /// The values of all arguments. For timers there stands an empty list: which times of them are wanted, the
    /// function says when it calls [`Invocation::timers`].
    fn arguments(
        &mut self,
        context: &mut Context,
        function: &Function,
        call: &Call,
        piped: Option<(&Expression, &[Call])>,
        surroundings: Surroundings<'_>,
    ) -> Result<(Vec<Value>, Keywords), EvaluationError> {
        let mut positional = Vec::with_capacity(call.arguments.len() + 1);
        let surroundings = Surroundings { kind: ValueKind::Number, ..surroundings };
        if let Some((base, before)) = piped {
            positional.push(match takes_timers(function, 0) {
                true => Value::Timers(Vec::new()),
                false => self.piped(context, base, before, surroundings)?,
            });
        }
        for argument in &call.arguments {
            positional.push(match takes_timers(function, positional.len()) {
                true => Value::Timers(Vec::new()),
                false => self.evaluate(context, argument, surroundings)?,
            });
        }
        let mut keywords = Vec::with_capacity(call.keywords.len());
        for (name, value) in &call.keywords {
            keywords.push((name.clone(), self.evaluate(context, value, surroundings)?));
        }
        Ok((positional, keywords))
    }

    /// Add to an input error which call it came from. The arguments are gone by then, so they are made anew.
    fn located(
        &mut self,
        error: EvaluationError,
        context: &Context,
        function: Named,
        call: &Call,
        piped: Option<(&Expression, &[Call])>,
        surroundings: Surroundings<'_>,
    ) -> EvaluationError {
        let EvaluationError::Input(mut input) = error else { return error };
        let again = self.arguments(&mut context.clone(), function.1, call, piped, surroundings);
        let (positional, keywords) = again.unwrap_or_default();
        input.function =
            Some(format!("{}({})", call.function, Arguments::shown(function, positional, keywords)));
        EvaluationError::Input(input)
    }

    /// Named values first, then numbered ones, then those of the request, which win.
    fn template_values(&self, template: &Template) -> Vec<(String, Value)> {
        let named = template.named.iter().map(|(name, value)| (name.clone(), Value::of_literal(value)));
        let numbered = template.values.iter().enumerate();
        let numbered = numbered.map(|(index, value)| ((index + 1).to_string(), Value::of_literal(value)));
        let requested = self.question.template.iter();
        let requested = requested.map(|(name, value)| (name.clone(), Value::Text(value.clone())));
        let mut values: Vec<(String, Value)> = Vec::new();
        for (name, value) in named.chain(numbered).chain(requested) {
            match values.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => values.push((name, value)),
            }
        }
        values
    }

    /// The paths that an expression names, with the windows that can be told beforehand.
    fn extract(
        &self,
        expression: &Expression,
        window: Window,
        surroundings: Surroundings<'_>,
        out: &mut Vec<Wanted>,
    ) {
        match expression {
            Expression::Literal(_) => {}
            Expression::Path(path) => {
                let path = match surroundings.values {
                    None => path.text.clone(),
                    Some(values) => substituted_in_part(&path.text, values),
                };
                out.push((window, surroundings.kind, path));
            }
            Expression::Template(template) => {
                let values = self.template_values(template);
                let surroundings = Surroundings { values: Some(&values), ..surroundings };
                self.extract(&template.inner, window, surroundings, out);
            }
            Expression::Call(call) => self.extract_call(call, None, window, surroundings, out),
            Expression::Piped { base, .. } if surroundings.spent => {
                self.extract(base, window, surroundings, out);
            }
            Expression::Piped { base, calls } => {
                let first = calls.first().and_then(|call| functions::find(&call.function));
                if !first.is_some_and(|(_, function)| takes_timers(function, 0)) {
                    let surroundings = Surroundings { kind: ValueKind::Number, ..surroundings };
                    self.extract(base, window, surroundings, out);
                }
                for call in calls {
                    self.extract_call(call, Some(base), window, surroundings, out);
                }
            }
        }
    }

    fn extract_call(
        &self,
        call: &Call,
        piped: Option<&Expression>,
        window: Window,
        surroundings: Surroundings<'_>,
        out: &mut Vec<Wanted>,
    ) {
        if call.function == "seriesByTag" {
            out.push((window, surroundings.kind, call.source.clone()));
            return;
        }
        let function = functions::find(&call.function);
        for (index, argument) in call.arguments.iter().enumerate() {
            let index = index + usize::from(piped.is_some());
            if !function.is_some_and(|(_, function)| takes_timers(function, index)) {
                let surroundings = Surroundings { kind: ValueKind::Number, ..surroundings };
                self.extract(argument, window, surroundings, out);
            }
        }
        let first = piped.or_else(|| call.arguments.first());
        for window in functions::windows_needed(call, piped.is_some(), window) {
            if let Some(first) = first {
                let surroundings = Surroundings { spent: true, ..Surroundings::default() };
                self.extract(first, window, surroundings, out);
            }
        }
    }

    /// One `find` for each pattern and one fetch for each window.
    fn prefetch(&mut self, mut wanted: Vec<Wanted>) -> Result<(), EvaluationError> {
        wanted.sort();
        wanted.dedup();
        wanted.retain(|key| !self.fetched.contains_key(key));
        for group in wanted.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            self.check()?;
            self.fetch(group)?;
        }
        Ok(())
    }

    fn fetch(&mut self, group: &[Wanted]) -> Result<(), EvaluationError> {
        let (window, kind) = (group[0].0, group[0].1);
        let mut matches = Vec::with_capacity(group.len());
        let mut all: Vec<SeriesMatch> = Vec::new();
        let mut row_of = HashMap::new();
        for (_, _, pattern) in group {
            let found = self.find(kind, pattern)?;
            for series in found.iter() {
                row_of.entry(series.series).or_insert_with(|| {
                    all.push(series.clone());
                    all.len() - 1
                });
            }
            matches.push(found);
        }
        let rows = self.fetch_rows(window, kind, &all)?;
        for ((_, _, pattern), found) in group.iter().zip(matches) {
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

    fn fetch_rows(
        &mut self,
        window: Window,
        kind: ValueKind,
        all: &[SeriesMatch],
    ) -> Result<Vec<(Timestamp, Step, Slots)>, EvaluationError> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let limits = self.environment.limits;
        let limits = QueryLimits {
            max_series: limits.max_series,
            max_points: limits.max_points.saturating_sub(self.trace.points_read),
            deadline: limits.deadline,
            cancelled: limits.cancelled.clone(),
        };
        let series: Vec<_> = all.iter().map(|series| series.series).collect();
        let request = FetchRequest {
            series: &series,
            from: window.from,
            until: window.until,
            now: self.question.now,
            step: None,
            consolidation: Default::default(),
            scope: self.environment.scope,
            limits: &limits,
        };
        self.trace.fetches += 1;
        let mut rows = Vec::with_capacity(all.len());
        match kind {
            ValueKind::Number => {
                for mut row in self.environment.source.fetch(&request)? {
                    mark_nulls(&mut row.slots);
                    self.trace.points_read += row.slots.len();
                    rows.push((row.start, row.step, Slots::Numbers(Arc::new(row.slots))));
                }
            }
            ValueKind::Sketch => {
                for row in self.environment.source.fetch_sketches(&request)? {
                    self.trace.points_read += row.slots.len();
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

    /// The series that a pattern or a `seriesByTag` stands for, by name.
    fn find(&mut self, kind: ValueKind, pattern: &str) -> Result<Arc<[SeriesMatch]>, EvaluationError> {
        let key = (kind, pattern.to_owned());
        if let Some(found) = self.found.get(&key) {
            return Ok(found.clone());
        }
        let Environment { source, scope, limits, .. } = self.environment;
        let limit = limits.max_series.saturating_sub(self.trace.series_matched);
        let mut found = match tag_expressions::of_call(pattern) {
            Some(expressions) => {
                let expressions = expressions?;
                source.find_tagged(&TagQuery { expressions: &expressions, kind, scope, limit })?
            }
            None => {
                let nodes = source.find(&FindQuery { pattern, kind, scope, limit })?;
                nodes.into_iter().filter_map(leaf).collect()
            }
        };
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        self.trace.patterns += 1;
        self.trace.series_matched += found.len();
        let found: Arc<[SeriesMatch]> = found.into();
        self.found.insert(key, found.clone());
        Ok(found)
    }

    /// What was fetched for the path in this window. What nobody fetched (a path in a keyword) is nothing.
    fn fetched(&self, context: &Context, path: &str, kind: ValueKind) -> Value {
        let key = (context.window, kind, path.to_owned());
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
                        x_files_factor: context.x_files_factor,
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

type Wanted = (Window, ValueKind, String);
type Keywords = Vec<(String, Value)>;

impl PartialOrd for Window {
    fn partial_cmp(&self, other: &Window) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Window {
    fn cmp(&self, other: &Window) -> std::cmp::Ordering {
        (self.from, self.until).cmp(&(other.from, other.until))
    }
}

fn leaf(node: Node) -> Option<SeriesMatch> {
    match node {
        Node::Leaf(series) => Some(series),
        Node::Branch { .. } => None,
    }
}

/// Are paths in this argument those of timers?
fn takes_timers(function: &Function, argument: usize) -> bool {
    function.params.get(argument).is_some_and(|param| param.kind == Kind::TimerList)
}

enum Substituted {
    Path(String),
    Value(Value),
}

/// A path in a template. One that is `$name` and nothing else becomes the value itself, and a number if it
/// looks like one.
fn substituted(path: &str, values: Option<&[(String, Value)]>) -> Result<Substituted, EvaluationError> {
    let mut path = path.to_owned();
    for (name, value) in values.unwrap_or_default() {
        if path.strip_prefix('$') != Some(name) {
            path = path.replace(&format!("${name}"), &value.text());
            continue;
        }
        let Value::Text(text) = value else { return Ok(Substituted::Value(value.clone())) };
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Ok(Substituted::Value(value.clone()));
        }
        let number = text.parse().map_err(|_| {
            let text = crate::python::quoted(text);
            EvaluationError::failed(format!("could not convert string to float: {text}"))
        })?;
        return Ok(Substituted::Value(Value::Float(number)));
    }
    Ok(Substituted::Path(path))
}

fn substituted_in_part(path: &str, values: &[(String, Value)]) -> String {
    let mut path = path.to_owned();
    for (name, value) in values {
        if path.strip_prefix('$') != Some(name) {
            path = path.replace(&format!("${name}"), &value.text());
        }
    }
    path
}

/// What a function gets to work with.
pub struct Invocation<'e, 'a> {
    pub evaluator: &'e mut Evaluator<'a>,
    pub context: &'e mut Context,
    pub arguments: Arguments,
    first: Option<First<'e>>,
}

/// The first argument as it was written, to be evaluated again: an expression, with the calls that it goes
/// through before this one.
#[derive(Clone, Copy)]
struct First<'e> {
    base: &'e Expression,
    calls: &'e [Call],
    surroundings: Surroundings<'e>,
}

fn no_first() -> EvaluationError {
    EvaluationError::failed("list index out of range")
}

impl Invocation<'_, '_> {
    /// The list in the first argument.
    pub fn series(&mut self) -> Result<Vec<Series>, EvaluationError> {
        self.arguments.series(0)
    }

    /// A series that came from no other: its tags are what its name says.
    pub fn new_series(
        &self,
        name: String,
        start: Timestamp,
        end: Timestamp,
        step: Step,
        values: Vec<f64>,
    ) -> Series {
        let x_files_factor = self.context.x_files_factor;
        Series { x_files_factor, ..Series::new(name, start, end, step, values) }
    }

    /// The first argument in another window.
    pub fn first_again(&mut self, window: Window) -> Result<Vec<Series>, EvaluationError> {
        let First { base, .. } = self.first.ok_or_else(no_first)?;
        self.count_reevaluation()?;
        let mut context = Context { window, ..self.context.clone() };
        let surroundings = Surroundings { spent: true, ..Surroundings::default() };
        self.evaluator.evaluate_targets(&mut context, &[base], surroundings)
    }

    /// The timers of the first argument in a window.
    pub fn timers(&mut self, window: Window) -> Result<Vec<Timer>, EvaluationError> {
        let First { base, calls, surroundings } = self.first.ok_or_else(no_first)?;
        let surroundings = Surroundings { kind: ValueKind::Sketch, ..surroundings };
        let mut context = Context { window, ..self.context.clone() };
        let mut wanted = Vec::new();
        match calls {
            [] => self.evaluator.extract(base, window, surroundings, &mut wanted),
            [.., last] => self.evaluator.extract_call(last, Some(base), window, surroundings, &mut wanted),
        }
        self.evaluator.prefetch(wanted)?;
        match self.evaluator.piped(&mut context, base, calls, surroundings)? {
            Value::Timers(timers) => Ok(timers),
            other => Err(EvaluationError::failed(format!("{} is not a list of timers", other.repr()))),
        }
    }

    /// A target that a function put together.
    pub fn evaluate_text(&mut self, target: &str) -> Result<Vec<Series>, EvaluationError> {
        self.count_reevaluation()?;
        if target.trim().is_empty() {
            return Ok(Vec::new());
        }
        let target = parse::parse(target)?;
        let mut context = self.context.clone();
        self.evaluator.evaluate_targets(&mut context, &[&target], Surroundings::default())
    }

    /// Another function on these arguments.
    pub fn call(&mut self, function: Named, arguments: Vec<Value>) -> Result<Value, EvaluationError> {
        let arguments = Arguments::bind(function, arguments, Vec::new())?;
        let Invocation { evaluator, context, first, .. } = self;
        (function.1.run)(&mut Invocation { evaluator, context, arguments, first: *first })
    }

    fn count_reevaluation(&mut self) -> Result<(), EvaluationError> {
        self.evaluator.trace.reevaluations += 1;
        if self.evaluator.trace.reevaluations > limits::MAX_REEVALUATIONS {
            let limit = limits::MAX_REEVALUATIONS;
            return Err(StoreError::TooMuch { what: "evaluations of one expression", limit }.into());
        }
        self.evaluator.check()
    }

    pub fn question(&self) -> &Question {
        self.evaluator.question
    }

    /// The moment at which clocks of the server show what clocks of the request's zone show now: the original
    /// turns times back into seconds this way in some functions, which is right in the server's zone only.
    pub fn wall_clock_seconds(&self, moment: Timestamp) -> i64 {
        let Question { zone, server_zone, .. } = self.evaluator.question;
        let shown = attime::civil(moment, zone);
        attime::localize(shown, server_zone).unwrap_or(moment).0
    }
}
