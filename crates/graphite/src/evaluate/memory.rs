//! What a request holds in memory, and the bound that it keeps to.
//!
//! Counted is what grows with the question: values, names and tags of the series that are at hand. What was
//! fetched stays until the end. What a function got and made counts while it runs (so a copy counts twice);
//! when it has returned, its answer alone. Values that several series share count where they came from.

use std::cell::Cell;
use std::sync::Arc;

use vocabulary::ports::StoreError;

use crate::error::EvaluationError;
use crate::series::{Series, Tags};
use crate::timers::Timer;
use crate::value::Value;

pub struct Meter {
    limit: usize,
    /// Of values on their way from function to function.
    held: Cell<usize>,
    /// For the whole evaluation.
    kept: Cell<usize>,
    peak: Cell<usize>,
}

impl Meter {
    pub fn new(limit: usize) -> Meter {
        Meter { limit, held: Cell::new(0), kept: Cell::new(0), peak: Cell::new(0) }
    }

    /// Until [`Meter::back_to`].
    pub fn hold(&self, bytes: usize) -> Result<(), EvaluationError> {
        self.held.set(self.held.get().saturating_add(bytes));
        self.within()
    }

    pub fn keep(&self, bytes: usize) -> Result<(), EvaluationError> {
        self.kept.set(self.kept.get().saturating_add(bytes));
        self.within()
    }

    fn within(&self) -> Result<(), EvaluationError> {
        let now = self.held.get().saturating_add(self.kept.get());
        self.peak.set(self.peak.get().max(now));
        if now > self.limit {
            return Err(too_much(self.limit));
        }
        Ok(())
    }

    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// What was held since then is given back.
    pub fn back_to(&self, held: usize) {
        self.held.set(held);
    }

    pub fn left(&self) -> usize {
        self.limit.saturating_sub(self.held.get().saturating_add(self.kept.get()))
    }

    pub fn peak(&self) -> usize {
        self.peak.get()
    }
}

pub fn too_much(limit: usize) -> EvaluationError {
    StoreError::TooMuch { what: "bytes of memory", limit }.into()
}

/// What the value takes, without values that others hold too.
pub fn weight(value: &Value) -> usize {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        Value::Text(text) => text.len(),
        Value::Series(list) => of_list(list),
        Value::Lists(lists) => lists.iter().map(|list| of_list(list)).sum(),
        Value::Timers(list) => list.iter().map(of_timer).sum(),
    }
}

pub fn of_list(list: &[Series]) -> usize {
    list.iter().map(of_series).sum()
}

/// What the series take when nothing else is left: those that share values count them each.
pub fn of_answer(list: &[Series]) -> usize {
    list.iter().map(|series| of_tags(&series.tags) + series.name.len() + 8 * series.values.len() + 256).sum()
}

fn of_series(series: &Series) -> usize {
    let values = if Arc::strong_count(&series.values) > 1 { 0 } else { series.values.capacity() * 8 };
    let expression =
        if Arc::strong_count(&series.path_expression) > 1 { 0 } else { series.path_expression.len() };
    size_of::<Series>() + series.name.capacity() + expression + of_tags(&series.tags) + values
}

fn of_tags(tags: &Tags) -> usize {
    let of_one = |(tag, value): (&str, &Arc<str>)| {
        tag.len() + 48 + if Arc::strong_count(value) > 1 { 0 } else { value.len() }
    };
    tags.iter().map(of_one).sum()
}

fn of_timer(timer: &Timer) -> usize {
    let slots = if Arc::strong_count(&timer.slots) > 1 { 0 } else { of_slots(&timer.slots) };
    size_of::<Timer>() + timer.name.capacity() + of_tags(&timer.tags) + slots
}

pub fn of_slots(slots: &[Option<vocabulary::Sketch>]) -> usize {
    let buckets = slots.iter().flatten().map(|sketch| size_of_val(sketch.buckets()));
    size_of_val(slots) + buckets.sum::<usize>()
}

/// What the names of a call's answer may take beyond what its arguments do: each series may get all texts of the
/// call, and the longest name of each other list, into its name and tags.
pub fn growth(function: &str, positional: &[Value], keywords: &[(String, Value)]) -> usize {
    let others = positional.iter().skip(1).chain(keywords.iter().map(|(_, value)| value));
    let added: usize = others.map(|value| 24 + longest(value)).sum();
    let series = match positional.first() {
        Some(Value::Series(list)) => list.len(),
        Some(Value::Lists(lists)) => lists.iter().map(Vec::len).sum(),
        Some(Value::Timers(list)) => list.len(),
        _ => 1,
    };
    series.saturating_mul(function.len() + 2 + added)
}

fn longest(value: &Value) -> usize {
    let of = |list: &[Series]| list.iter().map(|series| series.name.len()).max().unwrap_or(0);
    match value {
        Value::Text(text) => text.len(),
        Value::Series(list) => of(list),
        Value::Lists(lists) => lists.iter().map(|list| of(list)).max().unwrap_or(0),
        Value::Timers(list) => list.iter().map(|timer| timer.name.len()).max().unwrap_or(0),
        _ => 0,
    }
}
