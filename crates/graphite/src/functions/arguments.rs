//! Arguments of a call: matched with the parameters, checked and converted as graphite-web's types do.
//!
//! The original checks all arguments, and if one is wrong only logs it and calls the function with what was
//! written. Python then mostly fails (500), but not always: `movingAverage(a, 2.5)` works. So a problem found
//! here is kept, and told when the function cannot do with what it got.

use super::Named;
use super::aggregation::Aggregator;
use super::table::{Constant, Function, Kind, Param};
use crate::attime;
use crate::error::EvaluationError;
use crate::python::quoted;
use crate::series::Series;
use crate::value::Value;

pub struct Arguments {
    /// As it was called.
    name: &'static str,
    function: &'static Function,
    /// By parameter; those of a last parameter that may come more than once are in `rest`.
    values: Vec<Option<Value>>,
    rest: Vec<Value>,
    problem: Option<String>,
    /// The first argument is an empty list.
    no_series: bool,
}

impl Arguments {
    pub fn bind(
        (name, function): Named,
        positional: Vec<Value>,
        keywords: Vec<(String, Value)>,
    ) -> Result<Arguments, EvaluationError> {
        let params = function.params;
        let mut arguments = Arguments {
            name,
            function,
            values: params.iter().map(|_| None).collect(),
            rest: Vec::new(),
            problem: None,
            no_series: matches!(positional.first(), Some(Value::Series(list)) if list.is_empty()),
        };
        let given = positional.len();
        let repeats = params.last().is_some_and(|param| param.multiple);
        let single = params.len() - usize::from(repeats);
        for (index, value) in positional.into_iter().enumerate() {
            if index < single {
                arguments.values[index] = Some(value);
            } else if repeats {
                arguments.rest.push(value);
            } else {
                return Err(failed(format!("Too many parameters specified for function \"{name}\"")));
            }
        }
        for (keyword, value) in keywords {
            let index = params.iter().position(|param| param.name.eq_ignore_ascii_case(&keyword));
            match index.filter(|index| *index >= given && *index < single) {
                Some(index) => arguments.values[index] = Some(value),
                None => return Err(failed(format!("Unexpected key word arguments: {keyword}"))),
            }
        }
        arguments.convert();
        Ok(arguments)
    }

    /// As Python would show what the function is called with.
    pub fn shown(named: Named, positional: Vec<Value>, keywords: Vec<(String, Value)>) -> String {
        let (given, repeats) = (positional.len(), named.1.params.last().is_some_and(|param| param.multiple));
        let single = named.1.params.len() - usize::from(repeats);
        let mut names: Vec<String> = keywords.iter().map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        let Ok(bound) = Arguments::bind(named, positional, keywords) else { return String::new() };
        let own = bound.values.iter().take(given.min(single)).flatten();
        let mut shown: Vec<String> = own.chain(&bound.rest).map(Value::repr).collect();
        for name in names {
            let index = named.1.params.iter().position(|param| param.name.eq_ignore_ascii_case(&name));
            let value = index.and_then(|index| bound.values[index].as_ref());
            shown.extend(value.map(|value| format!("{name}={}", value.repr())));
        }
        shown.join(", ")
    }

    /// Numbers that are none are noticed only when a series is to be changed by them.
    pub fn are_not_looked_at(&self) -> bool {
        let given = |(param, value): (&Param, &Option<Value>)| value.is_some() || !param.required;
        let others = self.function.params.get(1..).unwrap_or_default();
        let numbers = !others.is_empty() && others.iter().all(|param| param.kind == Kind::Float);
        self.problem.is_some()
            && self.no_series
            && numbers
            && self.function.params.iter().zip(&self.values).skip(1).all(given)
    }

    /// All or nothing, as in the original.
    fn convert(&mut self) {
        let params = self.function.params;
        let mut values = Vec::with_capacity(self.values.len());
        for (param, value) in params.iter().zip(&mut self.values) {
            let checked = match value {
                None if param.multiple && !self.rest.is_empty() => Ok(None),
                None if param.required => Err(missing(self.name, param)),
                None => Ok(None),
                Some(value) => check(self.name, param, value).map(Some),
            };
            match checked {
                Ok(value) => values.push(value),
                Err(problem) => {
                    self.problem = Some(problem);
                    return;
                }
            }
        }
        let mut rest = Vec::with_capacity(self.rest.len());
        for value in &self.rest {
            let Some(param) = params.last() else { break };
            match check(self.name, param, value) {
                Ok(converted) => rest.push(converted),
                Err(problem) => {
                    self.problem = Some(problem);
                    return;
                }
            }
        }
        for (value, converted) in self.values.iter_mut().zip(values) {
            if let Some(Conversion::To(new)) = converted {
                *value = Some(new);
            }
        }
        for (value, converted) in self.rest.iter_mut().zip(rest) {
            if let Conversion::To(new) = converted {
                *value = new;
            }
        }
    }

    /// What the function got, or the default. `None` and nothing are the same to the functions.
    pub fn get(&self, index: usize) -> Value {
        match &self.values[index] {
            // The name of a function is looked up, be it `None`.
            Some(Value::None) if self.function.params[index].kind == Kind::AggFunc => Value::None,
            None | Some(Value::None) => self.default(index),
            Some(value) => value.clone(),
        }
    }

    /// What is only shown: anything that Python's `if` takes for something, as Python prints it.
    pub fn shown_text(&self, index: usize) -> Option<String> {
        Some(self.get(index)).filter(Value::is_truthy).map(|value| value.text())
    }

    /// Python's `int(value)`, which cuts off decimals.
    pub fn whole(&self, index: usize) -> Result<i64, EvaluationError> {
        match self.get(index) {
            Value::Float(value) if value.is_finite() => Ok(value as i64),
            _ => self.int(index),
        }
    }

    fn default(&self, index: usize) -> Value {
        self.function.params[index].default.map_or(Value::None, Constant::value)
    }

    fn wrong(&self, index: usize) -> EvaluationError {
        let param = &self.function.params[index];
        let found = match &self.values[index] {
            None => missing(self.name, param),
            Some(value) => invalid(self.name, param, value),
        };
        failed(self.problem.clone().unwrap_or(found))
    }

    pub fn series(&mut self, index: usize) -> Result<Vec<Series>, EvaluationError> {
        match self.values[index].take() {
            Some(Value::Series(list)) => Ok(list),
            // A list of no lists is a list of no series.
            Some(Value::Lists(lists)) if lists.is_empty() => Ok(Vec::new()),
            other => {
                self.values[index] = other;
                Err(self.wrong(index))
            }
        }
    }

    /// The first argument as it is.
    pub fn first(&self) -> Option<&Value> {
        self.values.first().and_then(Option::as_ref)
    }

    /// Are there as many series (or whatever it is) in the one as in the other? What has no length, has as many.
    pub fn differ_in_length(&self, one: usize, other: usize) -> bool {
        self.length(one).zip(self.length(other)).is_some_and(|(one, other)| one != other)
    }

    /// Python's `len(value)`.
    pub fn length(&self, index: usize) -> Option<usize> {
        match &self.values[index] {
            Some(Value::Series(list)) => Some(list.len()),
            Some(Value::Lists(lists)) => Some(lists.len()),
            Some(Value::Text(text)) => Some(text.chars().count()),
            _ => None,
        }
    }

    /// A list, or all that is in lists of lists.
    pub fn series_or_lists(&mut self, index: usize) -> Result<Vec<Series>, EvaluationError> {
        match self.values[index].take() {
            Some(Value::Lists(lists)) => Ok(lists.into_iter().flatten().collect()),
            other => {
                self.values[index] = other;
                self.series(index)
            }
        }
    }

    /// A list that may be missing.
    pub fn optional_series(&mut self, index: usize) -> Result<Vec<Series>, EvaluationError> {
        match &self.values[index] {
            None | Some(Value::None) => Ok(Vec::new()),
            Some(_) => self.series(index),
        }
    }

    pub fn lists(&mut self, index: usize) -> Result<Vec<Vec<Series>>, EvaluationError> {
        match self.values[index].take() {
            Some(Value::Lists(lists)) => Ok(lists),
            Some(Value::Series(list)) if list.is_empty() => Ok(Vec::new()),
            other => {
                self.values[index] = other;
                Err(self.wrong(index))
            }
        }
    }

    /// The lists of a function that takes any number of them.
    pub fn rest_series(&mut self) -> Result<Vec<Vec<Series>>, EvaluationError> {
        let list = |value| match value {
            Value::Series(list) => Ok(list),
            Value::Lists(lists) if lists.is_empty() => Ok(Vec::new()),
            other => Err(failed(self.problem.clone().unwrap_or_else(|| {
                invalid(self.name, &self.function.params[self.function.params.len() - 1], &other)
            }))),
        };
        std::mem::take(&mut self.rest).into_iter().map(list).collect()
    }

    /// All series of a function that takes any number of lists.
    pub fn rest_flat(&mut self) -> Result<Vec<Series>, EvaluationError> {
        Ok(self.rest_series()?.into_iter().flatten().collect())
    }

    pub fn parameters(&self) -> usize {
        self.function.params.len()
    }

    pub fn rest(&self) -> &[Value] {
        &self.rest
    }

    /// Is there an argument, be it `None`?
    pub fn has(&self, index: usize) -> bool {
        self.values[index].is_some()
    }

    /// Python's complaint about a missing argument comes before everything else.
    pub fn must_be_given(&self, index: usize) -> Result<(), EvaluationError> {
        if self.has(index) { Ok(()) } else { Err(self.wrong(index)) }
    }

    pub fn is_given(&self, index: usize) -> bool {
        !matches!(self.values[index], None | Some(Value::None))
    }

    pub fn float(&self, index: usize) -> Result<f64, EvaluationError> {
        self.get(index).as_float().ok_or_else(|| self.wrong(index))
    }

    pub fn optional_float(&self, index: usize) -> Result<Option<f64>, EvaluationError> {
        match self.get(index) {
            Value::None => Ok(None),
            _ => self.float(index).map(Some),
        }
    }

    pub fn int(&self, index: usize) -> Result<i64, EvaluationError> {
        match self.get(index) {
            Value::Int(value) => Ok(value),
            Value::Bool(value) => Ok(i64::from(value)),
            _ => Err(self.wrong(index)),
        }
    }

    pub fn text(&self, index: usize) -> Result<String, EvaluationError> {
        match self.get(index) {
            Value::Text(value) => Ok(value),
            _ => Err(self.wrong(index)),
        }
    }

    pub fn optional_text(&self, index: usize) -> Result<Option<String>, EvaluationError> {
        match self.get(index) {
            Value::None => Ok(None),
            _ => self.text(index).map(Some),
        }
    }

    pub fn flag(&self, index: usize) -> bool {
        self.get(index).is_truthy()
    }

    /// The seconds of an interval.
    pub fn interval(&self, index: usize) -> Result<i64, EvaluationError> {
        attime::parse_offset(&self.text(index)?).map_err(|_| self.wrong(index))
    }
}

fn failed(problem: String) -> EvaluationError {
    EvaluationError::Failed(problem)
}

fn missing(name: &str, param: &Param) -> String {
    format!("Missing required parameter \"{}\" for function \"{name}\"", param.name)
}

fn invalid(name: &str, param: &Param, value: &Value) -> String {
    let (kind, param) = (param.kind.name(), param.name);
    format!(
        "Invalid \"{kind}\" value specified for function \"{name}\" parameter \"{param}\": {}",
        value.repr()
    )
}

enum Conversion {
    AsIs,
    To(Value),
}

fn check(name: &str, param: &Param, value: &Value) -> Result<Conversion, String> {
    if matches!(value, Value::None) && (param.default.is_some() || !param.required) {
        return Ok(Conversion::AsIs);
    }
    if !may_be(param, value) {
        let (param, value) = (param.name, value.repr());
        return Err(format!(
            "Invalid option specified for function \"{name}\" parameter \"{param}\": {value}"
        ));
    }
    convert(param.kind, value).ok_or_else(|| invalid(name, param, value))
}

/// Is the value one of the options, if there are any?
fn may_be(param: &Param, value: &Value) -> bool {
    let named = match param.kind {
        Kind::AggFunc => Some(matches!(value, Value::Text(name) if Aggregator::named(name).is_some())),
        Kind::AggOrSeriesFunc => Some(matches!(value, Value::Text(name) if super::is_callback(name))),
        _ => None,
    };
    let listed = param.options.iter().any(|option| option.equals(value));
    listed || named.unwrap_or(param.options.is_empty())
}

fn convert(kind: Kind, value: &Value) -> Option<Conversion> {
    let to = |value| Some(Conversion::To(value));
    match kind {
        Kind::Boolean => to(Value::Bool(boolean(value)?)),
        Kind::Float => to(Value::Float(float(value)?)),
        Kind::Integer | Kind::Node => to(Value::Int(integer(value)?)),
        Kind::IntOrInf => to(match integer(value) {
            Some(whole) => Value::Int(whole),
            None => Value::Float(float(value).filter(|float| *float == f64::INFINITY)?),
        }),
        Kind::Interval => match value {
            Value::Text(text) => attime::parse_offset(text).ok().map(|_| Conversion::AsIs),
            _ => None,
        },
        Kind::SeriesList => matches!(value, Value::Series(_)).then_some(Conversion::AsIs),
        Kind::SeriesLists => matches!(value, Value::Lists(_)).then_some(Conversion::AsIs),
        Kind::TimerList => matches!(value, Value::Timers(_)).then_some(Conversion::AsIs),
        Kind::AggFunc
        | Kind::AggOrSeriesFunc
        | Kind::Any
        | Kind::Date
        | Kind::IntOrInterval
        | Kind::NodeOrTag
        | Kind::String
        | Kind::Tag => Some(Conversion::AsIs),
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::Text(_) => None,
        Value::Int(_) | Value::Float(_) => match value.as_float()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        other => Some(other.is_truthy()),
    }
}

/// Python's `float(value)`.
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Text(text) => python_float(text),
        other => other.as_float(),
    }
}

/// Python's `float(text)`: blanks around it, single `_` between digits, `inf`, `infinity`, `nan` in any case.
pub fn python_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let stray = |at: usize| !(digit(at.checked_sub(1)) && digit(Some(at + 1)));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'_' && stray(at)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Python's `int(value)`, but not of floats.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The interval's text as it stands in a name, checked.
pub fn interval_or_failed(text: &str) -> Result<i64, EvaluationError> {
    attime::parse_offset(text).map_err(|_| failed(format!("Invalid interval value: {}", quoted(text))))
}
