//! What an argument or the answer of a function can be, and how Python shows it.

use std::sync::Arc;

use crate::python;
use crate::series::{Numbers, Series};
use crate::target::Literal;
use crate::timers::Timer;

#[derive(Clone, Debug)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Series(Vec<Series>),
    /// What `mapSeries` gives and `reduceSeries` takes.
    Lists(Vec<Vec<Series>>),
    /// Distributions, which only the functions for timers understand.
    Timers(Vec<Timer>),
}

impl Value {
    pub fn of_literal(literal: &Literal) -> Value {
        match literal {
            Literal::Bool(value) => Value::Bool(*value),
            Literal::Int(value) => Value::Int(*value),
            Literal::Float(value) => Value::Float(*value),
            Literal::None => Value::None,
            Literal::Text(value) => Value::Text(value.clone()),
            Literal::Infinity => Value::Float(f64::INFINITY),
        }
    }

    pub fn nothing() -> Value {
        Value::Series(Vec::new())
    }

    /// Python's `bool(value)`.
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(value) => !value.is_empty(),
            Value::Series(list) => !list.is_empty(),
            Value::Lists(lists) => !lists.is_empty(),
            Value::Timers(list) => !list.is_empty(),
        }
    }

    /// As a number, if it is one. Python's `True` is 1.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// Python's `str(value)`.
    pub fn text(&self) -> String {
        match self {
            Value::Text(value) => value.clone(),
            other => other.repr(),
        }
    }

    /// Python's `repr(value)`.
    pub fn repr(&self) -> String {
        match self {
            Value::None => "None".into(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => python::float(*value),
            Value::Text(value) => python::quoted(value),
            Value::Series(list) => list_repr(list),
            Value::Lists(lists) => {
                let lists: Vec<String> = lists.iter().map(|list| list_repr(list)).collect();
                format!("[{}]", lists.join(", "))
            }
            Value::Timers(list) => {
                let names: Vec<&str> = list.iter().map(|timer| timer.name.as_str()).collect();
                format!("[{}]", names.join(", "))
            }
        }
    }

    /// As the value of a tag.
    pub fn tag(&self) -> Arc<str> {
        self.text().into()
    }
}

fn list_repr(list: &[Series]) -> String {
    let shown: Vec<String> = list.iter().map(series_repr).collect();
    format!("[{}]", shown.join(", "))
}

/// As the original prints a series in its messages.
pub fn series_repr(series: &Series) -> String {
    format!(
        "TimeSeries(name={}, start={}, end={}, step={}, valuesPerPoint={}, consolidationFunc={}, xFilesFactor={})",
        series.name,
        series.start,
        series.end,
        series.step.seconds(),
        series.values_per_point,
        series.consolidation.name(),
        python::float(series.x_files_factor),
    )
}

/// The value of a point as Python shows it.
pub fn point_text(value: f64, numbers: Numbers) -> String {
    if numbers == Numbers::Integers && value.is_finite() {
        return format!("{value:.0}");
    }
    python::float_or_none(value)
}
