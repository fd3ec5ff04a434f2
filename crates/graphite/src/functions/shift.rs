//! Other times: shifted, stacked by days, cut out.

use super::table::{Constant, Function, Group, Kind, SERIES, optional, required};
use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Window};
use crate::series::NULL;
use crate::value::Value;
use vocabulary::Timestamp;

type Answer = Result<Value, EvaluationError>;

const SHIFTS: &[Constant] = &[
    Constant::Text("1h"),
    Constant::Text("6h"),
    Constant::Text("12h"),
    Constant::Text("1d"),
    Constant::Text("2d"),
    Constant::Text("7d"),
    Constant::Text("14d"),
    Constant::Text("30d"),
];

pub const TIME_SHIFT: Function = Function {
    signature: "(seriesList, timeShift, resetEnd=True, alignDST=False)",
    group: Group::Transform,
    params: &[
        SERIES,
        required("timeShift", Kind::Interval).suggestions(SHIFTS),
        optional("resetEnd", Kind::Boolean).default(Constant::Bool(true)),
        optional("alignDst", Kind::Boolean).default(Constant::Bool(false)),
    ],
    help: "The series as they were that long ago (without a sign) or will be (with +), drawn over now. With \
           `alignDst`, an hour is added or taken where the clock has changed between the two times.\n\n\
           Example: timeShift(web.*.requests, \"7d\")",
    aggregator: false,
    run: time_shift,
};

pub const TIME_STACK: Function = Function {
    signature: "(seriesList, timeShiftUnit='1d', timeShiftStart=0, timeShiftEnd=7)",
    group: Group::Transform,
    params: &[
        SERIES,
        optional("timeShiftUnit", Kind::Interval).default(Constant::Text("1d")).suggestions(SHIFTS),
        optional("timeShiftStart", Kind::Integer).default(Constant::Int(0)),
        optional("timeShiftEnd", Kind::Integer).default(Constant::Int(7)),
    ],
    help: "The series as they were `timeShiftStart` to `timeShiftEnd` (not included) units ago, drawn over each \
           other.\n\nExample: timeStack(web.all.requests, \"1d\", 0, 7)",
    aggregator: false,
    run: time_stack,
};

pub const TIME_SLICE: Function = Function {
    signature: "(seriesList, startSliceAt, endSliceAt='now')",
    group: Group::Transform,
    params: &[
        SERIES,
        required("startSliceAt", Kind::Date),
        optional("endSliceAt", Kind::Date).default(Constant::Text("now")),
    ],
    help: "Only the values between two times, which are written as in from and until.\n\n\
           Example: timeSlice(web.*.requests, \"00:00_20240131\", \"12:00_20240131\")",
    aggregator: false,
    run: time_slice,
};

/// An interval that goes back unless it has a sign, and how it is written then.
pub fn backwards(text: &str) -> String {
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("-{text}") } else { text.to_owned() }
}

fn time_shift(call: &mut Invocation<'_, '_>) -> Answer {
    let shift = backwards(&call.arguments.text(1)?);
    let seconds = super::arguments::interval_or_failed(&shift)?;
    let (reset_end, align) = (call.arguments.flag(2), call.arguments.flag(3));
    let window = call.context.window;
    let mut shifted = window.shifted(seconds);
    if align {
        shifted = shifted.shifted(clock_change(call, window, shifted));
    }
    let list = call.series()?;
    let Some((start, end)) = list.first().map(|series| (series.start, series.end)) else {
        return Ok(Value::nothing());
    };
    let mut results = call.first_again(shifted)?;
    for series in &mut results {
        series.tags.set("timeShift", shift.as_str());
        series.name = format!("timeShift({}, \"{shift}\")", series.name);
        series.end = if reset_end { end } else { start.plus(series.end.since(series.start)) };
        series.start = start;
    }
    Ok(Value::Series(results))
}

/// An hour, if one of the windows lies in summer time and the other does not, by the server's clock.
fn clock_change(call: &Invocation<'_, '_>, asked: Window, shifted: Window) -> i64 {
    let zone = &call.question().server_zone;
    let summer = |moment: Timestamp| attime::is_summer_time(Timestamp(call.wall_clock_seconds(moment)), zone);
    let of = |window: Window| (summer(window.from), summer(window.until));
    match (of(asked), of(shifted)) {
        ((true, true), (false, false)) => 3_600,
        ((false, false), (true, true)) => -3_600,
        _ => 0,
    }
}

fn time_stack(call: &mut Invocation<'_, '_>) -> Answer {
    let unit = backwards(&call.arguments.text(1)?);
    let seconds = super::arguments::interval_or_failed(&unit)?;
    let (first, last) = (call.arguments.whole(2)?, call.arguments.whole(3)?);
    let list = call.series()?;
    let Some((start, end)) = list.first().map(|series| (series.start, series.end)) else {
        return Ok(Value::nothing());
    };
    call.foresee(last.saturating_sub(first))?;
    let window = call.context.window;
    let mut results = Vec::new();
    for shift in first..last {
        for mut series in call.first_again(window.shifted(seconds.saturating_mul(shift)))? {
            series.tags.set("timeShiftUnit", unit.as_str());
            series.tags.set("timeShift", shift.to_string());
            series.rename(format!("timeShift({}, {unit}, {shift})", series.name));
            (series.start, series.end) = (start, end);
            results.push(series);
        }
    }
    Ok(Value::Series(results))
}

fn time_slice(call: &mut Invocation<'_, '_>) -> Answer {
    call.is_passing();
    let question = call.question();
    let moment = |text: String| {
        let moment = attime::parse(&text, &question.server_zone, question.now);
        moment.map_err(|error| EvaluationError::failed(error.to_string()))
    };
    let start = moment(call.arguments.get(1).text())?;
    let end = moment(call.arguments.get(2).text())?;
    // Counted from the start of the range, not of the series, as in the original.
    let from = call.wall_clock_seconds(call.context.window.from);
    let mut list = call.series()?;
    for series in &mut list {
        series.tags.set("timeSliceStart", start.to_string());
        series.tags.set("timeSliceEnd", end.to_string());
        series.name = format!("timeSlice({}, {start}, {end})", series.name);
        let step = series.step.seconds();
        for (index, value) in series.values_mut().iter_mut().enumerate() {
            let time = from + index as i64 * step;
            if time < start.0 || time > end.0 {
                *value = NULL;
            }
        }
    }
    Ok(Value::Series(list))
}
