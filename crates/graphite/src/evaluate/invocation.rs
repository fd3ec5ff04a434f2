//! A function at work: its arguments, and what it may ask for beyond them.

use vocabulary::ports::StoreError;
use vocabulary::{Step, Timestamp, ValueKind};

use super::{Context, Evaluator, Question, Surroundings, Window};
use crate::attime;
use crate::error::EvaluationError;
use crate::functions::{Arguments, Named};
use crate::limits;
use crate::parse;
use crate::series::Series;
use crate::target::{Call, Expression};
use crate::timers::Timer;
use crate::value::Value;

/// What a function gets to work with.
pub struct Invocation<'e, 'a> {
    pub evaluator: &'e mut Evaluator<'a>,
    pub context: &'e mut Context,
    pub arguments: Arguments,
    pub(super) first: Option<First<'e>>,
}

/// The first argument as it was written, to be evaluated again: an expression, with the calls that it goes
/// through before this one.
#[derive(Clone, Copy)]
pub(super) struct First<'e> {
    pub(super) base: &'e Expression,
    pub(super) calls: &'e [Call],
    pub(super) surroundings: Surroundings<'e>,
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
        self.evaluator.reader.prefetch(wanted, &self.evaluator.meter)?;
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

    /// Call before evaluating again so many times: what cannot end within the limit is refused before it begins.
    pub fn foresee(&self, times: i64) -> Result<(), EvaluationError> {
        let limit = limits::MAX_REEVALUATIONS;
        if usize::try_from(times).is_ok_and(|times| times > limit) {
            return Err(StoreError::TooMuch { what: "evaluations of one expression", limit }.into());
        }
        Ok(())
    }

    fn count_reevaluation(&mut self) -> Result<(), EvaluationError> {
        self.evaluator.reader.trace.reevaluations += 1;
        if self.evaluator.reader.trace.reevaluations > limits::MAX_REEVALUATIONS {
            let limit = limits::MAX_REEVALUATIONS;
            return Err(StoreError::TooMuch { what: "evaluations of one expression", limit }.into());
        }
        self.evaluator.check()
    }

    /// The answer will be another at another time, or each time: it is not to be kept.
    pub fn is_passing(&mut self) {
        self.evaluator.passing = true;
    }

    pub fn question(&self) -> &Question {
        self.evaluator.question
    }

    /// The moment at which clocks of the server show what clocks of the request's zone show at this one: the
    /// original turns times into seconds this way in some functions, which is right in the server's zone only.
    /// Where one of the two has summer time and the other not, its C library adds or takes an hour.
    pub fn wall_clock_seconds(&self, moment: Timestamp) -> i64 {
        let Question { zone, server_zone, .. } = self.evaluator.question;
        let shown = attime::civil(moment, zone);
        let there = attime::localize(shown, server_zone).unwrap_or(moment);
        let summer = |moment, zone| i64::from(attime::is_summer_time(moment, zone));
        there.0 + 3_600 * (summer(there, server_zone) - summer(moment, zone))
    }
}
