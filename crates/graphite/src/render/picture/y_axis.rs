//! Which values are marked on a vertical axis, and with which texts.

use crate::error::EvaluationError;
use crate::functions::units::System;
use crate::limits::MAX_AXIS_MARKS;
use crate::python::general;

/// Values a little outside are inside: what rounding makes of a picture's pixels.
const EPSILON: f64 = 0.0001;

#[derive(Clone, Copy, Debug)]
pub enum Scale {
    Linear,
    Logarithmic { base: f64 },
}

/// What a request says about one axis.
#[derive(Clone, Debug)]
pub struct Wishes {
    pub min: Option<f64>,
    pub max: Max,
    pub limit: Option<f64>,
    pub step: Option<f64>,
    /// Into how many steps the axis may be divided.
    pub divisors: Vec<f64>,
    pub units: System,
    pub scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Max {
    Round,
    /// The largest value itself.
    Extremum,
    Value(f64),
}

/// An axis, ready to be drawn.
#[derive(Clone, Debug, Default)]
pub struct YAxis {
    pub bottom: f64,
    pub top: f64,
    /// None on a logarithmic axis.
    pub step: Option<f64>,
    pub marks: Vec<f64>,
    pub labels: Vec<String>,
}

type Made<T> = Result<T, EvaluationError>;

impl YAxis {
    /// For values from the least to the greatest. `marked` is false where no marks are drawn.
    pub fn new(values: (f64, f64), wishes: &Wishes, marked: bool) -> Made<YAxis> {
        let mut range = Range::of(values, wishes)?;
        let mut axis = match wishes.scale {
            Scale::Linear => range.linear(wishes)?,
            Scale::Logarithmic { base } => range.logarithmic(base)?,
        };
        if marked {
            axis.mark(&mut range, wishes)?;
        }
        Ok(axis)
    }

    fn mark(&mut self, range: &mut Range, wishes: &Wishes) -> Made<()> {
        self.marks = match wishes.scale {
            Scale::Linear => self.linear_marks(range)?,
            Scale::Logarithmic { base } => self.powers(base)?,
        };
        self.labels = self.marks.iter().map(|mark| self.label(*mark, wishes.units)).collect();
        if self.marks.is_empty() {
            let what = format!(
                "no mark of the y axis is between {} and {}",
                general(self.bottom),
                general(self.top)
            );
            return Err(failed(format!("{what}: choose another yStep, yMin or yMax")));
        }
        Ok(())
    }

    fn linear_marks(&mut self, range: &mut Range) -> Made<Vec<f64>> {
        let mut step = self.step.unwrap_or(0.0);
        if step <= 0.0 {
            return Err(failed("yStep must be greater than 0"));
        }
        if self.top - self.bottom > 1000.0 * step {
            // More marks than anybody can read.
            step = range.choose_step(&[4.0, 5.0, 6.0], false)?;
            self.step = Some(step);
        }
        let start = step * (self.bottom / step - EPSILON).ceil();
        let marks = (0..).map(|index| start + f64::from(index) * step);
        bounded(marks.take_while(|mark| *mark <= self.top + EPSILON * step))
    }

    fn powers(&self, base: f64) -> Made<Vec<f64>> {
        let first = base.powf((logarithm(self.bottom, base) - EPSILON).ceil());
        let powers = std::iter::successors(Some(first), |power| Some(power * base));
        bounded(powers.take_while(|power| *power < self.top * (1.0 + EPSILON)))
    }

    fn label(&self, value: f64, units: System) -> String {
        let span = self.top - self.bottom;
        let (value, prefix) = units.scaled(value, self.step);
        let (span, span_prefix) = units.scaled(span, self.step);
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix} ") };
        if value < 0.1 {
            format!("{} {prefix}", general(value))
        } else if value < 1.0 {
            format!("{value:.2} {prefix}")
        } else if span > 3.0 || span_prefix != prefix {
            format!("{value:.1} {prefix}")
        } else if span > 0.1 {
            format!("{value:.2} {prefix}")
        } else {
            format!("{} {prefix}", general(value))
        }
    }

    /// The values at the lower and upper end of the drawing.
    pub fn ends(&self) -> (f64, f64) {
        match (self.marks.first(), self.marks.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => (self.bottom, self.top),
        }
    }
}

fn bounded(marks: impl Iterator<Item = f64>) -> Made<Vec<f64>> {
    let marks: Vec<f64> = marks.take(MAX_AXIS_MARKS + 1).collect();
    if marks.len() > MAX_AXIS_MARKS {
        return Err(failed(format!(
            "the y axis has more than {MAX_AXIS_MARKS} marks: choose a larger yStep or logBase"
        )));
    }
    Ok(marks)
}

fn failed(what: impl Into<String>) -> EvaluationError {
    EvaluationError::failed(what)
}

/// Python's `math.log(value, base)`.
pub fn logarithm(value: f64, base: f64) -> f64 {
    value.ln() / base.ln()
}

/// The values that an axis has to show, and whether those are of the data or wished for.
struct Range {
    min: f64,
    max: f64,
    min_given: bool,
    max_given: bool,
    /// Neither rounded up nor given: the greatest value.
    exact_max: bool,
    limit: Option<f64>,
}

impl Range {
    fn of((min, max): (f64, f64), wishes: &Wishes) -> Made<Range> {
        let mut range = Range {
            min: finite(min, "a value")?,
            max: finite(max, "a value")?,
            min_given: false,
            max_given: false,
            exact_max: wishes.max == Max::Extremum,
            limit: None,
        };
        if let Some(min) = wishes.min.filter(|min| !min.is_nan()) {
            (range.min, range.min_given) = (finite(min, "yMin")?, true);
        }
        if let Max::Value(max) = wishes.max
            && !max.is_nan()
        {
            (range.max, range.max_given) = (finite(max, "yMax")?, true);
        }
        match wishes.limit.filter(|limit| !limit.is_nan()) {
            Some(limit) if limit < range.max => {
                (range.max, range.max_given) = (finite(limit, "yLimit")?, true)
            }
            limit => range.limit = limit.filter(|limit| limit.is_finite()),
        }
        range.put_in_order()?;
        Ok(range)
    }

    /// The least value must be less than the greatest.
    fn put_in_order(&mut self) -> Made<()> {
        if self.min < self.max {
            return Ok(());
        }
        let room = |value: f64| if value.abs() < 1e-9 { 1.0 } else { 0.1 * value.abs() };
        match (self.min_given, self.max_given) {
            (true, true) => {
                let (min, max) = (general(self.min), general(self.max));
                return Err(failed(format!(
                    "the lower end of the y axis, {min}, must be below the upper, {max}"
                )));
            }
            (true, false) => self.max = self.min + room(self.min),
            (false, true) => self.min = self.max - room(self.max),
            (false, false) => {
                let (middle, room) = ((self.min + self.max) / 2.0, room(self.min.abs().max(self.max.abs())));
                (self.min, self.max) = (middle - room, middle + room);
            }
        }
        Ok(())
    }

    fn linear(&mut self, wishes: &Wishes) -> Made<YAxis> {
        let step = match wishes.step {
            Some(step) => finite(step, "yStep")?,
            None => self.choose_step(&wishes.divisors, wishes.units == System::Binary)?,
        };
        if step == 0.0 {
            return Err(failed("yStep must be greater than 0"));
        }
        let bottom = if self.min_given { self.min } else { step * (self.min / step + EPSILON).floor() };
        let mut top = self.max;
        if !self.max_given && !self.exact_max {
            top = step * (self.max / step - EPSILON).ceil();
            top = self.limit.filter(|limit| top > limit + EPSILON * step).unwrap_or(top);
        }
        if top == bottom {
            top += 1.0;
        }
        Ok(YAxis { bottom, top, step: Some(step), ..YAxis::default() })
    }

    /// The step that wastes the least space above and below the values.
    fn choose_step(&mut self, divisors: &[f64], binary: bool) -> Made<f64> {
        if divisors.iter().any(|divisor| *divisor < 1.0) {
            return Err(failed("yDivisors must be 1 or more"));
        }
        let (fewest, most) = divisors
            .iter()
            .fold((f64::INFINITY, 1.0_f64), |(low, high), divisor| (low.min(*divisor), high.max(*divisor)));
        let variance = self.max - self.min;
        let mut best: Option<(f64, f64)> = None;
        for step in steps(variance / most, binary)? {
            if best.is_some_and(|(waste, _)| step * fewest >= 2.0 * waste + variance) {
                break;
            }
            for divisor in divisors {
                if let Some(waste) = self.waste(step, *divisor)
                    && best.is_none_or(|(least, _)| waste < least)
                {
                    best = Some((waste, step));
                }
            }
        }
        best.map(|(_, step)| step).ok_or_else(|| failed("the values are too large for an axis"))
    }

    /// Space that steps of this size leave above or below the values; none if they do not cover them.
    fn waste(&self, step: f64, divisor: f64) -> Option<f64> {
        let bottom = step * (self.min / step + EPSILON).floor();
        let top = bottom + step * divisor;
        (top >= self.max - EPSILON * step).then(|| (top - self.max).max(self.min - bottom))
    }

    fn logarithmic(&self, base: f64) -> Made<YAxis> {
        if base <= 1.0 {
            return Err(failed("logBase must be greater than 1"));
        }
        if self.min <= 0.0 {
            return Err(failed("a logarithmic axis needs values above 0: set yMin, or leave out logBase"));
        }
        let bottom = base.powf(logarithm(self.min, base).floor());
        let mut top = base.powf(logarithm(self.max, base).ceil());
        if top == bottom {
            top *= base;
        }
        finite(top, "the end of the y axis")?;
        Ok(YAxis { bottom, top, ..YAxis::default() })
    }
}

fn finite(value: f64, what: &str) -> Made<f64> {
    if value.is_finite() { Ok(value) } else { Err(failed(format!("{what} of the y axis is not finite"))) }
}

/// Round numbers from the least on: 1, 2, 5, 10, ... or powers of two.
fn steps(least: f64, binary: bool) -> Made<impl Iterator<Item = f64>> {
    let (base, mantissas): (f64, &'static [f64]) =
        if binary { (2.0, &[1.0]) } else { (10.0, &[1.0, 2.0, 5.0]) };
    let exponent = (if binary { least.log2() } else { least.log10() } - EPSILON).floor();
    if !exponent.is_finite() {
        return Err(failed("the values are too far apart, or too close, for an axis"));
    }
    let powers = (exponent as i32..=1_100).map(move |exponent| base.powi(exponent));
    let steps = powers.take_while(|power| power.is_finite());
    let steps = steps.flat_map(move |power| mantissas.iter().map(move |mantissa| mantissa * power));
    Ok(steps.filter(move |step| *step >= least * (1.0 - EPSILON)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes() -> Wishes {
        Wishes {
            min: None,
            max: Max::Round,
            limit: None,
            step: None,
            divisors: vec![4.0, 5.0, 6.0],
            units: System::Si,
            scale: Scale::Linear,
        }
    }

    #[test]
    fn labels() {
        let check = |values: (f64, f64), wishes: &Wishes, wanted: &[&str]| {
            assert_eq!(YAxis::new(values, wishes, true).unwrap().labels, wanted);
        };
        check((0.0, 10.0), &wishes(), &["0 ", "2.0 ", "4.0 ", "6.0 ", "8.0 ", "10.0 "]);
        check((5.0, 5.0), &wishes(), &["4.40 ", "4.60 ", "4.80 ", "5.00 ", "5.20 ", "5.40 ", "5.60 "]);
        check((0.0, 4000.0), &wishes(), &["0 ", "1.0 k ", "2.0 k ", "3.0 k ", "4.0 k "]);
        let powers = Wishes { scale: Scale::Logarithmic { base: 10.0 }, ..wishes() };
        check((3.0, 500.0), &powers, &["1.0 ", "10.0 ", "100.0 ", "1.0 k "]);
    }

    #[test]
    fn what_no_axis_can_show() {
        let check = |values: (f64, f64), wishes: Wishes, part: &str| {
            let error = format!("{:?}", YAxis::new(values, &wishes, true).unwrap_err());
            assert!(error.contains(part), "{error}");
        };
        check((0.0, 1.0), Wishes { step: Some(0.0), ..wishes() }, "yStep");
        check((0.0, 1.0), Wishes { step: Some(-1.0), ..wishes() }, "yStep");
        check((0.0, 1.0), Wishes { divisors: vec![0.0], ..wishes() }, "yDivisors");
        check((0.0, 1.0), Wishes { min: Some(2.0), max: Max::Value(1.0), ..wishes() }, "must be below");
        check((0.0, 1.0), Wishes { scale: Scale::Logarithmic { base: 10.0 }, ..wishes() }, "above 0");
        check((1.0, 9.0), Wishes { scale: Scale::Logarithmic { base: 1.000_01 }, ..wishes() }, "more than");
        check((-1e308, 1e308), wishes(), "too far");
        // Too many marks are thinned out.
        assert!(
            YAxis::new((0.0, 1.0), &Wishes { step: Some(1e-9), ..wishes() }, true).unwrap().marks.len() < 10
        );
    }
}
