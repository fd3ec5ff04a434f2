//! Forecasts: Holt-Winters and a straight line.

use std::collections::HashMap;

use super::table::{Constant, Function, Group, Kind, Param, SERIES, optional};
use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Window};
use crate::series::{NULL, Options, Series, is_null};
use crate::value::Value;
use vocabulary::Timestamp;

type Answer = Result<Value, EvaluationError>;

const DELTA: Param = optional("delta", Kind::Integer).default(Constant::Int(3));
const BOOTSTRAP: Param = optional("bootstrapInterval", Kind::Interval)
    .default(Constant::Text("7d"))
    .suggestions(&[Constant::Text("7d"), Constant::Text("30d")]);
const SEASONALITY: Param = optional("seasonality", Kind::Interval)
    .default(Constant::Text("1d"))
    .suggestions(&[Constant::Text("1d"), Constant::Text("7d")]);

const BANDS: Function = Function {
    signature: "(seriesList, delta=3, bootstrapInterval='7d', seasonality='1d')",
    group: Group::Calculate,
    params: &[SERIES, DELTA, BOOTSTRAP, SEASONALITY],
    help: "",
    aggregator: false,
    run: |call| Ok(Value::Series(bands(call)?)),
};

pub const HOLT_WINTERS_FORECAST: Function = Function {
    signature: "(seriesList, bootstrapInterval='7d', seasonality='1d')",
    params: &[SERIES, BOOTSTRAP, SEASONALITY],
    help: "What each value was to be expected to be, by the values before it and one season (a day) earlier; \
           learnt from `bootstrapInterval` before the range on.\n\nExample: holtWintersForecast(web.all.requests)",
    run: forecast,
    ..BANDS
};

pub const HOLT_WINTERS_CONFIDENCE_BANDS: Function = Function {
    help: "The band in which each value was to be expected: the forecast plus and minus `delta` times the usual \
           deviation.\n\nExample: holtWintersConfidenceBands(web.all.requests)",
    ..BANDS
};

pub const HOLT_WINTERS_CONFIDENCE_AREA: Function = Function {
    help: "The band in which each value was to be expected, as an area.\n\n\
           Example: holtWintersConfidenceArea(web.all.requests)",
    run: area,
    ..BANDS
};

pub const HOLT_WINTERS_ABERRATION: Function = Function {
    help: "How far each value lies outside of the band in which it was to be expected; 0 inside.\n\n\
           Example: holtWintersAberration(web.all.requests)",
    run: aberration,
    ..BANDS
};

pub const LINEAR_REGRESSION: Function = Function {
    signature: "(seriesList, startSourceAt=None, endSourceAt=None)",
    params: &[SERIES, optional("startSourceAt", Kind::Date), optional("endSourceAt", Kind::Date)],
    help: "The straight line that fits the values best: those of the range, or of the time between the two dates.\
           \n\nExample: linearRegression(web.all.disk_used, \"-7d\")",
    run: linear_regression,
    ..BANDS
};

/// What the method expects, and how far it is usually off.
struct Analysis {
    predictions: Vec<f64>,
    deviations: Vec<f64>,
}

const ALPHA: f64 = 0.1;
const BETA: f64 = 0.0035;
const GAMMA: f64 = 0.1;

fn analyse(values: &[f64], season: usize) -> Analysis {
    let length = values.len();
    let mut predictions = Vec::with_capacity(length);
    let (mut deviations, mut seasonals) = (Vec::with_capacity(length), Vec::with_capacity(length));
    let (mut last_intercept, mut last_slope, mut next_prediction) = (NULL, 0.0, NULL);
    let earlier = |list: &[f64], index: usize| index.checked_sub(season).map_or(0.0, |index| list[index]);
    for (index, actual) in values.iter().copied().enumerate() {
        if is_null(actual) {
            // The next value starts anew, with what is known of the season.
            predictions.push(next_prediction);
            (last_intercept, last_slope, next_prediction) = (NULL, 0.0, NULL);
            seasonals.push(0.0);
            deviations.push(0.0);
            continue;
        }
        let prediction = if index == 0 { actual } else { next_prediction };
        let before = if is_null(last_intercept) { actual } else { last_intercept };
        let last_seasonal = earlier(&seasonals, index);
        let last_deviation = earlier(&deviations, index);
        // With a season of one point, the next one's is what is worked out below; the original fails there.
        let next_seasonal = match (index + 1).checked_sub(season) {
            Some(place) if place < seasonals.len() => seasonals[place],
            _ => 0.0,
        };
        let intercept = ALPHA * (actual - last_seasonal) + (1.0 - ALPHA) * (before + last_slope);
        let slope = BETA * (intercept - before) + (1.0 - BETA) * last_slope;
        let seasonal = GAMMA * (actual - intercept) + (1.0 - GAMMA) * last_seasonal;
        let expected = if is_null(prediction) { 0.0 } else { prediction };
        let deviation = GAMMA * (actual - expected).abs() + (1.0 - GAMMA) * last_deviation;
        next_prediction = intercept + slope + next_seasonal;
        (last_intercept, last_slope) = (intercept, slope);
        predictions.push(prediction);
        seasonals.push(seasonal);
        deviations.push(deviation);
    }
    Analysis { predictions, deviations }
}

/// The series from earlier on, with how many seconds earlier.
fn with_past(call: &mut Invocation<'_, '_>, bootstrap: usize) -> Result<(Vec<Series>, i64), EvaluationError> {
    let seconds = call.arguments.interval(bootstrap)?;
    let window = call.context.window.starting_earlier(seconds);
    Ok((call.first_again(window)?, seconds))
}

fn analyse_series(
    call: &Invocation<'_, '_>,
    series: &mut Series,
    seasonality: usize,
) -> Result<Analysis, EvaluationError> {
    let season = call.arguments.interval(seasonality)? / series.step.seconds();
    let season = usize::try_from(season).ok().filter(|season| *season > 0);
    let season = season.ok_or_else(|| EvaluationError::failed("the season is shorter than a step"))?;
    series.tags.set("holtWintersForecast", "1");
    series.tags.set("holtWintersDeviation", "1");
    Ok(analyse(&series.values, season))
}

/// The values without those of the seconds before the range.
fn cut<'v>(values: &'v [f64], series: &Series, seconds: i64) -> &'v [f64] {
    let points = usize::try_from(seconds.div_euclid(series.step.seconds())).unwrap_or(0);
    &values[points.min(values.len())..]
}

fn forecast(call: &mut Invocation<'_, '_>) -> Answer {
    let (list, seconds) = with_past(call, 1)?;
    let mut results = Vec::with_capacity(list.len());
    for mut series in list {
        call.evaluator.check()?;
        let analysis = analyse_series(call, &mut series, 2)?;
        let values = cut(&analysis.predictions, &series, seconds).to_vec();
        let forecast = series.derived(format!("holtWintersForecast({})", series.name), values);
        results.push(Series {
            start: series.start.plus(seconds),
            consolidation: Default::default(),
            ..forecast
        });
    }
    Ok(Value::Series(results))
}

/// Lower and upper band of each series.
fn bands(call: &mut Invocation<'_, '_>) -> Result<Vec<Series>, EvaluationError> {
    let delta = call.arguments.float(1)?;
    let (list, seconds) = with_past(call, 2)?;
    let mut results = Vec::with_capacity(2 * list.len());
    for mut series in list {
        call.evaluator.check()?;
        let analysis = analyse_series(call, &mut series, 3)?;
        let expected = cut(&analysis.predictions, &series, seconds);
        let deviations = cut(&analysis.deviations, &series, seconds);
        series.tags.set("holtWintersConfidenceUpper", "1");
        series.tags.set("holtWintersConfidenceLower", "1");
        for (name, sign) in [("holtWintersConfidenceLower", -1.0), ("holtWintersConfidenceUpper", 1.0)] {
            let bound = |(value, deviation): (&f64, &f64)| {
                if is_null(*value) || is_null(*deviation) { NULL } else { value + sign * (delta * deviation) }
            };
            let values = expected.iter().zip(deviations).map(bound).collect();
            let band = series.derived(format!("{name}({})", series.name), values);
            results.push(Series {
                start: series.start.plus(seconds),
                path_expression: series.path_expression.clone(),
                consolidation: Default::default(),
                ..band
            });
        }
    }
    Ok(results)
}

fn area(call: &mut Invocation<'_, '_>) -> Answer {
    let bands = bands(call)?;
    let [mut lower, mut upper] = <[Series; 2]>::try_from(bands).map_err(|_| {
        EvaluationError::failed("areaBetween series argument must reference *exactly* 2 series")
    })?;
    upper.tags.set("holtWintersConfidenceArea", "1");
    lower.tags = upper.tags.clone();
    lower.rename(format!("holtWintersConfidenceArea({})", upper.path_expression));
    upper.rename(lower.name.clone());
    lower.options = Options { stacked: true, invisible: true, ..lower.options };
    upper.options.stacked = true;
    Ok(Value::Series(vec![lower, upper]))
}

fn aberration(call: &mut Invocation<'_, '_>) -> Answer {
    let list = call.series()?;
    let bands = bands(call)?;
    // Of bands with the same name the last counts.
    let bands: HashMap<&str, &Series> = bands.iter().map(|band| (band.name.as_str(), band)).collect();
    let band = |name: String| {
        let found = bands.get(name.as_str()).copied();
        found.ok_or_else(|| EvaluationError::failed(format!("there is no band {name}")))
    };
    let mut results = Vec::with_capacity(list.len());
    for mut series in list {
        let lower = band(format!("holtWintersConfidenceLower({})", series.name))?;
        let upper = band(format!("holtWintersConfidenceUpper({})", series.name))?;
        let at = |band: &Series, index: usize| band.values.get(index).copied().unwrap_or(NULL);
        let outside = |(index, actual): (usize, &f64)| {
            let (low, high) = (at(lower, index), at(upper, index));
            match *actual {
                actual if is_null(actual) => 0.0,
                actual if !is_null(high) && actual > high => actual - high,
                actual if !is_null(low) && actual < low => actual - low,
                _ => 0.0,
            }
        };
        let values = series.values.iter().enumerate().map(outside).collect();
        series.tags.set("holtWintersAberration", "1");
        let aberration = series.derived(format!("holtWintersAberration({})", series.name), values);
        results.push(Series { consolidation: Default::default(), ..aberration });
    }
    Ok(Value::Series(results))
}

fn linear_regression(call: &mut Invocation<'_, '_>) -> Answer {
    let Window { mut from, mut until } = call.context.window;
    for (argument, moment) in [(1, &mut from), (2, &mut until)] {
        if call.arguments.is_given(argument) {
            call.is_passing();
            let question = call.question();
            let text = call.arguments.get(argument).text();
            let parsed = attime::parse(&text, &question.server_zone, question.now);
            *moment = parsed.map_err(|error| EvaluationError::failed(error.to_string()))?;
        }
    }
    let list = call.series()?;
    let sources = call.first_again(Window { from, until })?;
    let clock = |argument: usize, moment: Timestamp| {
        // A date in an argument is read in the server's zone, which its seconds are then taken from.
        if call.arguments.is_given(argument) { moment.0 } else { call.wall_clock_seconds(moment) }
    };
    let (shown_from, shown_until) = (clock(1, from), clock(2, until));
    let mut results = Vec::with_capacity(list.len());
    for (source, mut series) in sources.iter().zip(list) {
        series.tags.set("linearRegressions", format!("{shown_from}, {shown_until}"));
        let Some((factor, offset)) = line_through(source) else { continue };
        let value = |index: usize| {
            let time = series.start.plus(index as i64 * series.step.seconds());
            offset + time.0 as f64 * factor
        };
        let values = (0..series.values.len()).map(value).collect();
        let name = format!("linearRegression({}, {shown_from}, {shown_until})", series.name);
        results.push(Series { consolidation: Default::default(), ..series.derived(name, values) });
    }
    Ok(Value::Series(results))
}

/// Slope for each second, and the value at the epoch, by least squares.
fn line_through(series: &Series) -> Option<(f64, f64)> {
    let (mut n, mut sum_i, mut sum_v, mut sum_ii, mut sum_iv) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (index, value) in series.values.iter().enumerate().filter(|(_, value)| !is_null(**value)) {
        let index = index as f64;
        n += 1.0;
        sum_i += index;
        sum_v += value;
        sum_ii += index * index;
        sum_iv += index * value;
    }
    let denominator = n * sum_ii - sum_i * sum_i;
    if denominator == 0.0 {
        return None;
    }
    let factor = (n * sum_iv - sum_i * sum_v) / denominator / series.step.seconds() as f64;
    let offset = (sum_ii * sum_v - sum_iv * sum_i) / denominator - factor * series.start.0 as f64;
    Some((factor, offset))
}
