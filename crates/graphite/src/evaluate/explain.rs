//! An answer that explains itself: what each step of a target took, and what was fetched for it.
//!
//! Targets are evaluated one after the other with the same reader, as a request does, so what one has fetched
//! the next has for nothing. One that fails does not keep the others from being explained.

use std::time::{Duration, Instant};

use vocabulary::{Step, ValueKind};

use super::{Context, Environment, Evaluator, Question, Surroundings, Window};
use crate::error::EvaluationError;
use crate::limits;
use crate::parse;
use crate::series::Series;
use crate::stats::Trace;
use crate::target::{Call, Expression};
use crate::value::Value;

#[derive(Debug)]
pub struct Explained {
    /// In the order of the request.
    pub targets: Vec<ExplainedTarget>,
    pub fetches: Vec<Fetch>,
    pub took: Duration,
    pub trace: Trace,
}

#[derive(Debug)]
pub struct ExplainedTarget {
    pub target: String,
    pub answer: Result<Vec<Series>, EvaluationError>,
    /// Its fetches included, which stand before all steps.
    pub took: Duration,
    /// `None` if the target could not be read.
    pub tree: Option<Node>,
}

/// One step: a path that was read, or a function that was called.
#[derive(Debug)]
pub struct Node {
    /// As it is written.
    pub text: String,
    /// `None` for a path.
    pub function: Option<String>,
    pub window: Window,
    /// With its children.
    pub took: Duration,
    /// Of its answer.
    pub series: usize,
    pub points: usize,
    /// Its arguments, then what it evaluated again with other times or names.
    pub children: Vec<Node>,
    /// There were more steps than are written down.
    pub cut: bool,
}

impl Node {
    /// Without its children.
    pub fn own(&self) -> Duration {
        self.took.saturating_sub(self.children.iter().map(|child| child.took).sum())
    }
}

/// One pattern in one window. Patterns of the same window are fetched together: each tells how long all took.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub path: String,
    pub window: Window,
    pub kind: ValueKind,
    pub series: usize,
    pub points: usize,
    pub archives: Vec<Archive>,
    pub took: Duration,
}

/// Which archive answered for how many of the series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// As in the configuration: `10s:7d`. Only the step, where the store does not say more.
    pub archive: String,
    pub series: usize,
    pub step: Step,
}

/// Evaluate the targets of the question, and write down how.
pub fn explain(question: &Question, environment: Environment<'_>) -> Explained {
    let started = Instant::now();
    let mut evaluator = Evaluator::new(question, environment);
    evaluator.reader.write_down_fetches();
    let mut context =
        Context { window: question.window, x_files_factor: question.x_files_factor, stacks: None };
    let targets = question.targets.iter().filter(|target| !target.trim().is_empty());
    let targets = targets.map(|target| explain_one(&mut evaluator, &mut context, target)).collect();
    let (trace, fetches) = (evaluator.trace(), evaluator.reader.fetches_written_down());
    Explained { targets, fetches, took: started.elapsed(), trace }
}

fn explain_one(evaluator: &mut Evaluator<'_>, context: &mut Context, target: &str) -> ExplainedTarget {
    let started = Instant::now();
    let of =
        |answer, tree| ExplainedTarget { target: target.to_owned(), answer, took: started.elapsed(), tree };
    let expression = match parse::parse(target) {
        Ok(expression) => expression,
        Err(error) => return of(Err(error.into()), None),
    };
    evaluator.recorder = Some(Recorder::default());
    let answer = evaluator.evaluate_targets(context, &[&expression], Surroundings::default());
    let tree = evaluator.recorder.take().and_then(Recorder::tree);
    of(answer, tree)
}

/// The steps that have begun and not ended, innermost last. The first stands for the target.
#[derive(Default)]
pub(super) struct Recorder {
    open: Vec<(Node, Instant)>,
    done: Option<Node>,
    steps: usize,
}

impl Recorder {
    fn tree(self) -> Option<Node> {
        self.done
    }

    /// A step begins; whether it is written down must be told to [`Recorder::leave`].
    pub(super) fn enter(
        &mut self,
        text: impl FnOnce() -> String,
        function: Option<&str>,
        window: Window,
    ) -> bool {
        self.steps += 1;
        if self.steps > limits::MAX_EXPLAINED_STEPS {
            if let Some((node, _)) = self.open.last_mut() {
                node.cut = true;
            }
            return false;
        }
        let node = Node {
            text: text().chars().take(limits::MAX_EXPLAINED_TEXT).collect(),
            function: function.map(str::to_owned),
            window,
            took: Duration::ZERO,
            series: 0,
            points: 0,
            children: Vec::new(),
            cut: false,
        };
        self.open.push((node, Instant::now()));
        true
    }

    pub(super) fn leave(&mut self, answer: Option<&Value>) {
        let Some((mut node, began)) = self.open.pop() else { return };
        node.took = began.elapsed();
        (node.series, node.points) = answer.map_or((0, 0), size);
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(node),
            None => self.done = Some(node),
        }
    }
}

fn size(value: &Value) -> (usize, usize) {
    let of = |list: &[Series]| {
        let points = list.iter().map(|series| series.values.len().div_ceil(series.values_per_point.max(1)));
        (list.len(), points.sum())
    };
    match value {
        Value::Series(list) => of(list),
        Value::Lists(lists) => lists.iter().map(|list| of(list)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        Value::Timers(list) => (list.len(), list.iter().map(|timer| timer.slots.len()).sum()),
        _ => (0, 0),
    }
}

/// A step as people would write it without pipes: `a|f(1)` is `f(a,1)`.
pub(super) fn text_of(call: &Call, piped: Option<(&Expression, &[Call])>) -> String {
    let Some((base, before)) = piped else { return call.source.clone() };
    let first = match before.split_last() {
        Some((last, before)) => text_of(last, Some((base, before))),
        None => source(base),
    };
    let inside = call.source.split_once('(').map_or("", |(_, inside)| inside);
    let inside = inside.strip_suffix(')').unwrap_or(inside);
    let comma = if inside.trim().is_empty() { "" } else { "," };
    format!("{}({first}{comma}{inside})", call.function)
}

fn source(expression: &Expression) -> String {
    match expression {
        Expression::Path(path) => path.text.clone(),
        Expression::Call(call) => call.source.clone(),
        Expression::Literal(literal) => Value::of_literal(literal).text(),
        Expression::Template(template) => source(&template.inner),
        Expression::Piped { base, calls } => match calls.split_last() {
            Some((last, before)) => text_of(last, Some((base, before))),
            None => source(base),
        },
    }
}
