//! How series should be drawn. Only a picture uses what these set.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use vocabulary::{Step, Timestamp};

use super::special::constant_line;
use super::table::{Constant, Function, Group, Kind, SERIES, optional, required};
use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::{float, general};
use crate::series::{NULL, Options, Series, Tags, is_null};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

const OF_SERIES: Function = Function {
    signature: "(seriesList)",
    group: Group::Graph,
    params: &[SERIES],
    help: "",
    aggregator: false,
    run: |call| Ok(Value::Series(call.series()?)),
};

pub const ALPHA: Function = Function {
    signature: "(seriesList, alpha)",
    params: &[SERIES, required("alpha", Kind::Float)],
    help: "How opaque the lines are: 0 is invisible, 1 solid.\n\nExample: alpha(web.*.load, 0.5)",
    run: |call| {
        let alpha = call.arguments.float(1)?;
        change_each(call, |series| series.options.alpha = Some(alpha))
    },
    ..OF_SERIES
};

pub const AREA_BETWEEN: Function = Function {
    help: "Fills the area between two series: the first is the lower edge.\n\n\
           Example: areaBetween(web.latency.{lower,upper})",
    run: area_between,
    ..OF_SERIES
};

pub const COLOR: Function = Function {
    signature: "(seriesList, theColor)",
    params: &[SERIES, required("theColor", Kind::String)],
    help: "The colour of the lines: a name such as blue, or RRGGBB.\n\nExample: color(web.errors, \"red\")",
    run: |call| {
        call.arguments.must_be_given(1)?;
        let color = call.arguments.get(1).text();
        change_each(call, |series| series.options.color = Some(color.clone()))
    },
    ..OF_SERIES
};

pub const DASHED: Function = Function {
    signature: "(seriesList, dashLength=5)",
    params: &[SERIES, optional("dashLength", Kind::Integer).default(Constant::Int(5))],
    help: "Draws dashes of this length instead of a solid line.\n\nExample: dashed(web.forecast, 3)",
    run: |call| {
        let length = call.arguments.get(1);
        let number = call.arguments.float(1)?;
        change_each(call, |series| {
            series.tags.set("dashed", length.tag());
            series.name = format!("dashed({}, {})", series.name, general(number));
            series.options.dashed = Some(number);
        })
    },
    ..OF_SERIES
};

pub const DRAW_AS_INFINITE: Function = Function {
    help: "Draws a vertical line over the whole height wherever the value is not 0, for events.\n\n\
           Example: drawAsInfinite(deploys.count)",
    run: |call| {
        change_each(call, |series| {
            series.options.draw_as_infinite = true;
            series.tags.set("drawAsInfinite", "1");
            series.name = format!("drawAsInfinite({})", series.name);
        })
    },
    ..OF_SERIES
};

pub const LINE_WIDTH: Function = Function {
    signature: "(seriesList, width)",
    params: &[SERIES, required("width", Kind::Float)],
    help: "The width of the lines in pixels.\n\nExample: lineWidth(web.all.load, 3)",
    run: |call| {
        let width = call.arguments.float(1)?;
        change_each(call, |series| series.options.line_width = Some(width))
    },
    ..OF_SERIES
};

pub const SECOND_Y_AXIS: Function = Function {
    help: "Measures these series by a second axis on the right.\n\nExample: secondYAxis(web.latency)",
    run: |call| {
        change_each(call, |series| {
            series.options.second_y_axis = true;
            series.tags.set("secondYAxis", "1");
            series.name = format!("secondYAxis({})", series.name);
        })
    },
    ..OF_SERIES
};

pub const STACKED: Function = Function {
    signature: "(seriesLists, stackName='__DEFAULT__')",
    params: &[SERIES, optional("stack", Kind::String)],
    help: "Draws each series on top of the one before, as areas. Several stacks are kept apart by a name.\n\n\
           Example: stacked(cpu.{user,system})",
    run: stacked,
    ..OF_SERIES
};

pub const THRESHOLD: Function = Function {
    signature: "(value, label=None, color=None)",
    params: &[
        required("value", Kind::Float),
        optional("label", Kind::String),
        optional("color", Kind::String),
    ],
    help: "A horizontal line with a label and a colour.\n\nExample: threshold(300, \"too slow\", \"red\")",
    run: |call| {
        let value = call.arguments.float(0)?;
        let mut line = constant_line(call, float(value), value)?;
        label(call, &mut line)?;
        Ok(Value::Series(vec![line]))
    },
    ..OF_SERIES
};

pub const VERTICAL_LINE: Function = Function {
    signature: "(ts, label=None, color=None)",
    params: &[required("ts", Kind::Date), optional("label", Kind::String), optional("color", Kind::String)],
    help: "A vertical line at a moment, written as in from and until.\n\n\
           Example: verticalLine(\"12:30_20240131\", \"deploy\", \"blue\")",
    run: vertical_line,
    ..OF_SERIES
};

fn change_each(call: &mut Invocation<'_, '_>, mut change: impl FnMut(&mut Series)) -> Answer {
    let mut list = call.series()?;
    list.iter_mut().for_each(&mut change);
    Ok(Value::Series(list))
}

/// Name and colour from the second and third argument, if they are given.
fn label(call: &Invocation<'_, '_>, line: &mut Series) -> Result<(), EvaluationError> {
    if let Some(label) = call.arguments.shown_text(1) {
        line.name = label;
    }
    line.options.color = call.arguments.shown_text(2);
    Ok(())
}

fn area_between(call: &mut Invocation<'_, '_>) -> Answer {
    let list = call.series()?;
    let [mut lower, mut upper] = <[Series; 2]>::try_from(list).map_err(|_| {
        EvaluationError::failed("areaBetween series argument must reference *exactly* 2 series")
    })?;
    lower.options = Options { stacked: true, invisible: true, ..lower.options };
    upper.options.stacked = true;
    upper.tags.set("areaBetween", "1");
    lower.tags = upper.tags.clone();
    lower.name = format!("areaBetween({})", upper.path_expression);
    upper.name = lower.name.clone();
    Ok(Value::Series(vec![lower, upper]))
}

const DEFAULT_STACK: &str = "__DEFAULT__";

fn stacked(call: &mut Invocation<'_, '_>) -> Answer {
    let stack = match call.arguments.has(1) {
        true => call.arguments.get(1).text(),
        false => DEFAULT_STACK.to_owned(),
    };
    let stacks = call.context.stacks.get_or_insert_with(|| Rc::new(RefCell::new(HashMap::new()))).clone();
    let mut stacks = stacks.borrow_mut();
    let totals = stacks.entry(stack.clone()).or_default();
    let mut results = Vec::new();
    for mut series in call.series()? {
        if totals.len() < series.values.len() {
            totals.resize(series.values.len(), 0.0);
        }
        let mut values = Vec::with_capacity(series.values.len());
        for (value, total) in series.values.iter().zip(totals.iter_mut()) {
            if !is_null(*value) {
                *total += value;
            }
            values.push(if is_null(*value) { NULL } else { *total });
        }
        let name = if stack == DEFAULT_STACK {
            series.tags.set("stacked", DEFAULT_STACK);
            format!("stacked({})", series.name)
        } else {
            series.name.clone()
        };
        let mut drawn = series.derived(name, values);
        drawn.options.stacked = true;
        results.push(drawn);
    }
    Ok(Value::Series(results))
}

fn vertical_line(call: &mut Invocation<'_, '_>) -> Answer {
    call.is_passing();
    let text = call.arguments.get(0).text();
    let question = call.question();
    let moment = attime::parse(&text, &question.zone, question.now)
        .map_err(|error| EvaluationError::failed(error.to_string()))?;
    let window = call.context.window;
    let seconds = |moment: Timestamp| call.wall_clock_seconds(moment);
    let (moment, from, until) = (seconds(moment), seconds(window.from), seconds(window.until));
    if moment < from {
        let what = format!("verticalLine(): timestamp {moment} exists before start of range");
        return Err(EvaluationError::input(what));
    }
    if moment > until {
        let what = format!("verticalLine(): timestamp {moment} exists after end of range");
        return Err(EvaluationError::input(what));
    }
    let at = Timestamp(moment);
    let mut line = call.new_series("None".into(), at, at, Step::ONE_SECOND, vec![1.0, 1.0]);
    label(call, &mut line)?;
    if call.arguments.is_given(1) {
        line.name = call.arguments.get(1).text();
    }
    line.tags = Tags::of_name(&line.name);
    line.path_expression = line.name.as_str().into();
    line.options.draw_as_infinite = true;
    // Without a label the original's has no name at all.
    line.options.nameless = !call.arguments.is_given(1);
    Ok(Value::Series(vec![line]))
}
