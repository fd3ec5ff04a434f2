//! Series out of nothing (constants, time, random walks), and hints to those who consolidate.

use vocabulary::{Step, Timestamp};

use super::aggregation::Aggregator;
use super::lists::reduce;
use super::table::{Constant, Function, Group, Kind, SERIES, optional, required};
use super::units::{self, System};
use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::float;
use crate::series::{Consolidation, NULL, Numbers, Series, is_null};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

pub const CACTI_STYLE: Function = Function {
    signature: "(seriesList, system=None, units=None)",
    group: Group::Special,
    params: &[
        SERIES,
        optional("system", Kind::String).options(&[Constant::Text("binary"), Constant::Text("si")]),
        optional("units", Kind::String),
    ],
    help: "Adds the current, greatest and least value to each name, in columns. `system` may be si or binary for \
           unit prefixes, `units` a unit to add.\n\nExample: cactiStyle(net.*.bytes, \"si\", \"b\")",
    aggregator: false,
    run: cacti_style,
};

pub const CHANGED: Function = Function {
    signature: "(seriesList)",
    group: Group::Special,
    params: &[SERIES],
    help: "1 where the value differs from the one before, else 0.\n\nExample: changed(web.*.version)",
    aggregator: false,
    run: changed,
};

pub const CONSOLIDATE_BY: Function = Function {
    signature: "(seriesList, consolidationFunc)",
    group: Group::Special,
    params: &[
        SERIES,
        required("consolidationFunc", Kind::String).options(&[
            Constant::Text("average"),
            Constant::Text("avg"),
            Constant::Text("avg_zero"),
            Constant::Text("first"),
            Constant::Text("last"),
            Constant::Text("max"),
            Constant::Text("min"),
            Constant::Text("sum"),
        ]),
    ],
    help: "How several points become one when there are more than can be shown or series of different steps are \
           combined: sum, average, avg_zero, min, max, first or last. The default is average.\n\n\
           Example: consolidateBy(web.*.errors, \"sum\")",
    aggregator: false,
    run: |call| {
        call.arguments.must_be_given(1)?;
        let name = call.arguments.get(1).text();
        consolidate_by(call, &name)
    },
};

pub const CUMULATIVE: Function = Function {
    signature: "(seriesList)",
    group: Group::Special,
    params: &[SERIES],
    help: "The same as consolidateBy(seriesList, \"sum\").\n\nExample: cumulative(web.*.errors)",
    aggregator: false,
    run: |call| consolidate_by(call, "sum"),
};

pub const CONSTANT_LINE: Function = Function {
    signature: "(value)",
    group: Group::Special,
    params: &[required("value", Kind::Float)],
    help: "A horizontal line at this value.\n\nExample: constantLine(99.9)",
    aggregator: false,
    run: |call| {
        let value = call.arguments.float(0)?;
        Ok(one(constant_line(call, float(value), value)?))
    },
};

pub const EVENTS: Function = Function {
    signature: "(*tags)",
    group: Group::Special,
    params: &[required("tags", Kind::String).multiple()],
    help: "How many events with all of these tags there were in each second; no value where there was none. \
           \"*\" means all events.\n\nExample: drawAsInfinite(events(\"deploy\", \"web\"))",
    aggregator: false,
    run: events,
};

pub const FALLBACK_SERIES: Function = Function {
    signature: "(seriesList, fallback)",
    group: Group::Special,
    params: &[SERIES, required("fallback", Kind::SeriesList)],
    help: "The list, or if it has no series at all, the fallback.\n\n\
           Example: fallbackSeries(web.*.errors, constantLine(0))",
    aggregator: false,
    run: |call| {
        call.arguments.must_be_given(1)?;
        let list = call.series()?;
        if list.is_empty() {
            return Ok(call.arguments.get(1));
        }
        Ok(Value::Series(list))
    },
};

pub const IDENTITY: Function = Function {
    signature: "(name)",
    group: Group::Calculate,
    params: &[required("name", Kind::String)],
    help: "The line y = x: each minute has its own epoch seconds as its value.\n\nExample: identity(\"time\")",
    aggregator: false,
    run: |call| {
        let name = call.arguments.text(0)?;
        let window = call.context.window;
        let step = Step::new(60).unwrap_or(Step::ONE_SECOND);
        let values = each_step(call, window.from.0, window.until.0, 60, |time| time as f64)?;
        let mut series = call.new_series(name.clone(), window.from, window.until, step, values);
        series.path_expression = format!("identity(\"{name}\")").into();
        Ok(one(series.with_numbers(Numbers::Integers)))
    },
};

pub const RANDOM_WALK: Function = Function {
    signature: "(name, step=60)",
    group: Group::Special,
    params: &[required("name", Kind::String), optional("step", Kind::Integer).default(Constant::Int(60))],
    help: "A line that starts at 0 and takes a random step up or down each `step` seconds, for trying things out. \
           The same name and time give the same line.\n\nExample: randomWalk(\"demo\")",
    aggregator: false,
    run: random_walk,
};

pub const SET_X_FILES_FACTOR: Function = Function {
    signature: "(seriesList, xFilesFactor)",
    group: Group::Special,
    params: &[SERIES, required("xFilesFactor", Kind::Float)],
    help: "The share of points (0 to 1) that must be known for a consolidated point to be, here and in functions \
           around.\n\nExample: summarize(setXFilesFactor(web.*.load, 0.5), \"1h\", \"avg\")",
    aggregator: false,
    run: |call| {
        let factor = call.arguments.float(1)?;
        call.context.x_files_factor = factor;
        let mut list = call.series()?;
        for series in &mut list {
            series.x_files_factor = factor;
            series.tags.set("xFilesFactor", float(factor));
        }
        Ok(Value::Series(list))
    },
};

pub const SERIES_BY_TAG: Function = Function {
    signature: "(*tagExpressions)",
    group: Group::Special,
    params: &[required("tagExpressions", Kind::String).multiple()],
    help: "The series whose tags fulfil all expressions: tag=value, tag!=value, tag=~regex, tag!=~regex. A series \
           without a tag counts as having it empty; the path is the tag `name`.\n\n\
           Example: seriesByTag(\"name=requests\", \"dc=~ams|fra\")",
    aggregator: false,
    // Paths and tags are looked up before functions are called; nothing gets here.
    run: |_| Err(EvaluationError::failed("seriesByTag is looked up, not called")),
};

pub const SIN: Function = Function {
    signature: "(name, amplitude=1, step=60)",
    group: Group::Transform,
    params: &[
        required("name", Kind::String),
        optional("amplitude", Kind::Integer).default(Constant::Int(1)),
        optional("step", Kind::Integer).default(Constant::Int(60)),
    ],
    help: "The sine of the time in seconds, for trying things out.\n\nExample: sin(\"wave\", 2)",
    aggregator: false,
    run: |call| {
        let (name, amplitude) = (call.arguments.text(0)?, call.arguments.get(1));
        let amplitude = amplitude.as_float().ok_or_else(|| EvaluationError::failed("no amplitude"))?;
        let window = call.context.window;
        let clocks = call.wall_clock_seconds(window.from) - window.from.0;
        let sine = |time: i64| ((time + clocks) as f64).sin() * amplitude;
        let (step, values) = over_window(call, 2, sine)?;
        Ok(one(call.new_series(name, window.from, window.until, step, values)))
    },
};

pub const TIME: Function = Function {
    signature: "(name, step=60)",
    group: Group::Transform,
    params: &[required("name", Kind::String), optional("step", Kind::Integer).default(Constant::Int(60))],
    help: "The time itself: each `step` seconds have their epoch seconds as value.\n\nExample: time(\"now\")",
    aggregator: false,
    run: |call| {
        let name = call.arguments.text(0)?;
        let window = call.context.window;
        let clocks = call.wall_clock_seconds(window.from) - window.from.0;
        let (step, values) = over_window(call, 1, |time| (time + clocks) as f64)?;
        let start = Timestamp(call.wall_clock_seconds(window.from));
        let end = Timestamp(call.wall_clock_seconds(window.until));
        Ok(one(call.new_series(name, start, end, step, values)))
    },
};

fn one(series: Series) -> Value {
    Value::Series(vec![series])
}

/// Three points over the window: the original's, also for windows too short for whole seconds between them.
pub fn constant_line(call: &Invocation<'_, '_>, name: String, value: f64) -> Result<Series, EvaluationError> {
    let window = call.context.window;
    let seconds = window.until.since(window.from) / 2;
    let step = u32::try_from(seconds.max(1)).ok().and_then(Step::new);
    let step = step.ok_or_else(|| EvaluationError::input("the time range is too long"))?;
    let path = format!("constantLine({name})");
    let mut series = call.new_series(name, window.from, window.until, step, vec![value; 3]);
    series.path_expression = path.into();
    Ok(series)
}

/// A value for each step of the window; the step is the argument with this number.
fn over_window(
    call: &mut Invocation<'_, '_>,
    argument: usize,
    value: impl FnMut(i64) -> f64,
) -> Result<(Step, Vec<f64>), EvaluationError> {
    let seconds = call.arguments.int(argument)?;
    let step = u32::try_from(seconds).ok().and_then(Step::new);
    let step = step.ok_or_else(|| EvaluationError::input("step must be at least 1 second"))?;
    let window = call.context.window;
    let values = each_step(call, window.from.0, window.until.0, seconds, value)?;
    Ok((step, values))
}

fn each_step(
    call: &mut Invocation<'_, '_>,
    from: i64,
    until: i64,
    step: i64,
    value: impl FnMut(i64) -> f64,
) -> Result<Vec<f64>, EvaluationError> {
    let count = (until - from).max(0).div_euclid(step) + 1;
    call.evaluator.make_room(count as usize)?;
    Ok((from..until).step_by(step as usize).map(value).collect())
}

fn random_walk(call: &mut Invocation<'_, '_>) -> Answer {
    call.is_passing();
    let name = call.arguments.text(0)?;
    let window = call.context.window;
    // FNV-1a of the name, then a xorshift: good enough to look random.
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, hash) ^ (window.from.0 as u64).rotate_left(17);
    let (mut state, mut current) = (seed | 1, 0.0);
    let walk = |_| {
        let value = current;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        current += (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        value
    };
    let (step, values) = over_window(call, 1, walk)?;
    Ok(one(call.new_series(name, window.from, window.until, step, values)))
}

fn consolidate_by(call: &mut Invocation<'_, '_>, name: &str) -> Answer {
    let mut list = call.series()?;
    for series in &mut list {
        series.consolidation = Consolidation::named(name);
        series.tags.set("consolidateBy", name);
        series.rename(format!("consolidateBy({},\"{name}\")", series.name));
    }
    Ok(Value::Series(list))
}

fn changed(call: &mut Invocation<'_, '_>) -> Answer {
    let mut list = call.series()?;
    for series in &mut list {
        series.rename(format!("changed({})", series.name));
        let mut previous = NULL;
        for value in series.values_mut() {
            let is_change = !is_null(previous) && !is_null(*value) && previous != *value;
            if is_change || is_null(previous) {
                previous = *value;
            }
            *value = if is_change { 1.0 } else { 0.0 };
        }
        series.numbers = Numbers::Integers;
    }
    Ok(Value::Series(list))
}

fn events(call: &mut Invocation<'_, '_>) -> Answer {
    call.is_passing();
    let texts = call.arguments.rest().iter().map(|tag| match tag {
        Value::Text(tag) => Ok(tag.clone()),
        other => Err(EvaluationError::failed(format!("{} is not the name of a tag", other.repr()))),
    });
    let tags = texts.collect::<Result<Vec<_>, _>>()?;
    let name = format!("events(\"{}\")", tags.join("\", \""));
    let window = call.context.window;
    let (start, end) = (window.from, window.until);
    call.evaluator.make_room(end.since(start).max(0) as usize)?;
    let mut values = vec![NULL; end.since(start).max(0) as usize];
    let all = tags == ["*"];
    if all || !tags.is_empty() {
        let wanted: &[String] = if all { &[] } else { &tags };
        for moment in call.evaluator.environment.events.moments(start, end, wanted) {
            let slot = usize::try_from(moment.since(start)).ok().and_then(|index| values.get_mut(index));
            if let Some(slot) = slot {
                *slot = if is_null(*slot) { 1.0 } else { *slot + 1.0 };
            }
        }
    }
    let mut series = call.new_series(name, start, end, Step::ONE_SECOND, values);
    series.consolidation = Consolidation::Sum;
    Ok(one(series.with_numbers(Numbers::Integers)))
}

fn cacti_style(call: &mut Invocation<'_, '_>) -> Answer {
    let system = call.arguments.optional_text(1)?.filter(|name| !name.is_empty());
    let unit = call.arguments.optional_text(2)?.filter(|unit| !unit.is_empty());
    let system = match system {
        None => None,
        Some(name) => Some(
            System::named(&name)
                .ok_or_else(|| EvaluationError::failed(format!("there is no unit system {name}")))?,
        ),
    };
    let shown = |value: f64| units::shown(value, system, unit.as_deref());
    let mut list = call.series()?;
    let mut rows = Vec::with_capacity(list.len());
    let mut widths = [0; 4];
    for series in &list {
        let mut row = [NULL; 3];
        for (place, aggregator) in row.iter_mut().zip([Aggregator::Last, Aggregator::Max, Aggregator::Min]) {
            *place = reduce(series, aggregator)?;
        }
        widths[0] = widths[0].max(series.name.chars().count());
        for (width, value) in widths[1..].iter_mut().zip(row) {
            // Widths are those of the whole numbers; 3 stands for none and zero.
            let known = if is_null(value) || value == 0.0 { 3.0 } else { value.trunc() };
            *width = (*width).max(shown(known).chars().count() + 3);
        }
        rows.push(row);
    }
    for (series, row) in list.iter_mut().zip(rows) {
        let [last, most, least] = row.map(|value| if is_null(value) { "nan".into() } else { shown(value) });
        let [name, w1, w2, w3] = widths;
        series.name = format!("{:<name$} Current:{last:<w1$} Max:{most:<w2$} Min:{least:<w3$} ", series.name);
    }
    Ok(Value::Series(list))
}
