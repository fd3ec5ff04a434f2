//! Targets -> series: fetch what all of them name, then call the functions from the inside out.
//!
//! What the original does here shows in answers, so ours does it too: data is fetched before the evaluation,
//! once for each window of time, for the paths in positional arguments only; functions that need other times
//! (`movingAverage`, `timeShift`, ...) evaluate their first argument again, and that second evaluation knows
//! neither the values of a surrounding `template` nor the pipes inside of the argument.

pub mod explain;
mod invocation;
pub(crate) mod memory;
mod paths;
mod reader;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::ports::{QueryLimits, Scope, SeriesSource, StoreError};
use vocabulary::{SeriesRef, Timestamp, ValueKind};

pub use invocation::Invocation;

use crate::error::EvaluationError;
use crate::events::Events;
use crate::functions::{self, Arguments, Function, Named};
use crate::parse;
use crate::series::Series;
use crate::stats::Trace;
use crate::target::{Call, Expression};
use crate::value::Value;
use explain::Recorder;
use invocation::First;
use memory::Meter;
use paths::{Substituted, substituted, takes_timers};
use reader::Reader;

/// The time that an evaluation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// The answer, with what it took and what it rests on.
#[derive(Debug)]
pub struct Evaluated {
    pub series: Vec<Series>,
    pub trace: Trace,
    pub grounds: Grounds,
}

/// What an answer rests on: if nothing of it has changed, the same question has the same answer.
#[derive(Clone, Debug, Default)]
pub struct Grounds {
    /// Stored series in windows of time.
    pub reads: Vec<(Window, Arc<[SeriesRef]>)>,
    /// It has to do with chance, with annotations, or with times that were written relative to now.
    pub passing: bool,
}

pub fn evaluate(question: &Question, environment: Environment<'_>) -> Result<Evaluated, EvaluationError> {
    let mut evaluator = Evaluator::new(question, environment);
    let mut targets = Vec::with_capacity(question.targets.len());
    for target in question.targets.iter().filter(|target| !target.trim().is_empty()) {
        evaluator.check()?;
        targets.push(parse::parse(target)?);
    }
    let mut context =
        Context { window: question.window, x_files_factor: question.x_files_factor, stacks: None };
    let targets: Vec<&Expression> = targets.iter().collect();
    let series = evaluator.evaluate_targets(&mut context, &targets, Surroundings::default())?;
    let trace = evaluator.trace();
    Ok(Evaluated { series, trace, grounds: evaluator.grounds() })
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
    reader: Reader<'a>,
    /// Writes down what each step took, when somebody wants to know.
    recorder: Option<Recorder>,
    meter: Meter,
    /// See [`Grounds`].
    passing: bool,
    /// Points that functions made out of nothing or in greater number than they got.
    points_made: usize,
}

type Keywords = Vec<(String, Value)>;

impl<'a> Evaluator<'a> {
    fn new(question: &'a Question, environment: Environment<'a>) -> Evaluator<'a> {
        let reader = Reader::new(question.now, environment);
        let meter = Meter::new(environment.limits.max_bytes);
        Evaluator { question, environment, reader, recorder: None, meter, passing: false, points_made: 0 }
    }

    fn trace(&self) -> Trace {
        Trace { peak_bytes: self.meter.peak(), ..self.reader.trace }
    }

    fn grounds(self) -> Grounds {
        Grounds { reads: self.reader.reads, passing: self.passing }
    }

    /// What was fetched for a path in this window.
    fn read(&self, context: &Context, path: &str, kind: ValueKind) -> Result<Value, EvaluationError> {
        let value = self.reader.value(context.window, path, kind, context.x_files_factor);
        self.meter.hold(memory::weight(&value))?;
        Ok(value)
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
        self.meter.hold(points.saturating_mul(8))
    }

    /// Call before making names that grow with the number of series.
    pub fn make_room_for_text(&self, bytes: usize) -> Result<(), EvaluationError> {
        self.meter.hold(bytes)
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
        self.reader.prefetch(wanted, &self.meter)?;
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
                Substituted::Path(path) => {
                    let written = self.step_begins(context, None, || path.clone());
                    let value = self.read(context, &path, surroundings.kind)?;
                    self.step_ends(written, Some(&value));
                    Ok(value)
                }
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
        let written = self.step_begins(context, Some(&call.function), || explain::text_of(call, piped));
        let held = self.meter.held();
        let answer = self.answer_of(context, call, piped, surroundings);
        self.step_ends(written, answer.as_ref().ok());
        // The arguments are gone; the answer is what is held now.
        self.meter.back_to(held);
        let answer = answer?;
        self.meter.hold(memory::weight(&answer))?;
        Ok(answer)
    }

    fn step_begins(
        &mut self,
        context: &Context,
        function: Option<&str>,
        text: impl FnOnce() -> String,
    ) -> bool {
        self.recorder.as_mut().is_some_and(|recorder| recorder.enter(text, function, context.window))
    }

    fn step_ends(&mut self, written: bool, answer: Option<&Value>) {
        if let Some(recorder) = self.recorder.as_mut().filter(|_| written) {
            recorder.leave(answer);
        }
    }

    fn answer_of(
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
        if let Some(source) = paths::read_by(call, surroundings.values) {
            return self.read(context, &source?, surroundings.kind);
        }
        let function = functions::named(&call.function)?;
        let (positional, keywords) = self.arguments(context, function.1, call, piped, surroundings)?;
        self.check()?;
        self.meter.hold(memory::growth(function.0, &positional, &keywords))?;
        self.reader.trace.calls += 1;
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
}
