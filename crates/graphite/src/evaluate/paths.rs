//! Which paths an expression names, and what templates put into them.

use std::borrow::Cow;

use vocabulary::ValueKind;

use super::reader::Wanted;
use super::{Evaluator, Surroundings, Window};
use crate::error::EvaluationError;
use crate::functions::{self, Function, Kind};
use crate::limits;
use crate::python::replaced;
use crate::tag_expressions;
use crate::target::{Call, Expression, Template};
use crate::value::Value;

impl Evaluator<'_> {
    /// Named values first, then numbered ones, then those of the request, which win.
    pub(super) fn template_values(&self, template: &Template) -> Vec<(String, Value)> {
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
    pub(super) fn extract(
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
                    None => Some(path.text.clone()),
                    Some(values) => substituted_in_part(&path.text, values),
                };
                out.extend(path.map(|path| (window, surroundings.kind, path)));
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

    pub(super) fn extract_call(
        &self,
        call: &Call,
        piped: Option<&Expression>,
        window: Window,
        surroundings: Surroundings<'_>,
        out: &mut Vec<Wanted>,
    ) {
        if let Some(source) = read_by(call, surroundings.values) {
            out.extend(source.ok().map(|source| (window, surroundings.kind, source.into_owned())));
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
            // Shifts within shifts double with each level. What is not planned is fetched when it is needed.
            if let Some(first) = first.filter(|_| out.len() < limits::MAX_PLANNED_PATHS) {
                let surroundings = Surroundings { spent: true, ..Surroundings::default() };
                self.extract(first, window, surroundings, out);
            }
        }
    }
}

/// What a call that stands for stored series is known by. Ours takes the values of a template, which the original's
/// does not.
pub fn read_by<'c>(
    call: &'c Call,
    values: Option<&[(String, Value)]>,
) -> Option<Result<Cow<'c, str>, EvaluationError>> {
    match (call.function.as_str(), values) {
        ("seriesByRegex", Some(values)) => {
            let put_in_all = || {
                values.iter().try_fold(call.source.clone(), |text, (name, value)| put_in(&text, name, value))
            };
            Some(put_in_all().map(Cow::Owned))
        }
        (function, _) => {
            tag_expressions::is_reader(function).then_some(Ok(Cow::Borrowed(call.source.as_str())))
        }
    }
}

/// Are paths in this argument those of timers?
pub fn takes_timers(function: &Function, argument: usize) -> bool {
    function.params.get(argument).is_some_and(|param| param.kind == Kind::TimerList)
}

pub enum Substituted {
    Path(String),
    Value(Value),
}

/// A path in a template. One that is `$name` and nothing else becomes the value itself, and a number if it
/// looks like one.
pub fn substituted(path: &str, values: Option<&[(String, Value)]>) -> Result<Substituted, EvaluationError> {
    let mut path = path.to_owned();
    for (name, value) in values.unwrap_or_default() {
        if path.strip_prefix('$') != Some(name) {
            path = put_in(&path, name, value)?;
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

/// The path that is to be fetched; nothing if it becomes too long, which the evaluation will tell.
fn substituted_in_part(path: &str, values: &[(String, Value)]) -> Option<String> {
    let others = values.iter().filter(|(name, _)| path.strip_prefix('$') != Some(name));
    others.into_iter().try_fold(path.to_owned(), |path, (name, value)| put_in(&path, name, value).ok())
}

/// Values may hold names of other values, and so grow with each.
fn put_in(path: &str, name: &str, value: &Value) -> Result<String, EvaluationError> {
    replaced(path, &format!("${name}"), &value.text())
}
