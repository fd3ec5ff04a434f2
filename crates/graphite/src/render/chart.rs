//! A line chart: title above, axes around, legend below.

use jiff::tz::TimeZone;
use vocabulary::{Step, Timestamp};

use super::canvas::{Anchor, Area, Canvas, Color, Pen, Point};
use super::picture::{AreaMode, LineMode, Look, color};
use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::Window;
use crate::functions::units::System;
use crate::series::{NULL, Series, is_null};

/// More series than this have no legend unless one is asked for.
const LEGEND_MOST: usize = 10;

pub fn png(
    series: Vec<Series>,
    window: Window,
    zone: &TimeZone,
    look: &Look,
) -> Result<Vec<u8>, EvaluationError> {
    let canvas = Canvas::new(look.width, look.height, look.background);
    let canvas = canvas.ok_or_else(|| EvaluationError::failed("there is no memory for the picture"))?;
    let lines = lines(series, look)?;
    let mut chart = Chart { canvas, look, window, zone, lines };
    chart.draw();
    chart.canvas.png().map_err(EvaluationError::Failed)
}

/// A series with what is to be drawn of it.
struct Line {
    series: Series,
    color: Color,
    /// Lower edge of its area, point by point; none: the base line.
    floor: Option<Vec<f64>>,
    filled: bool,
}

/// Colours in turn, and stacks added up.
fn lines(series: Vec<Series>, look: &Look) -> Result<Vec<Line>, EvaluationError> {
    let mut colors = look.colors.iter().cycle();
    let mut lines: Vec<Line> = Vec::with_capacity(series.len());
    let mut total: Option<Vec<f64>> = None;
    for (index, mut series) in series.into_iter().enumerate() {
        let own = series.options.color.as_ref();
        let own = own
            .map(|name| color(name).ok_or_else(|| EvaluationError::failed(format!("{name} is not a color"))));
        let next =
            if series.options.draw_as_infinite || series.options.invisible { None } else { colors.next() };
        let color = own.transpose()?.or(next.copied()).unwrap_or(look.foreground);
        consolidate(&mut series, look.width);
        let stacked = look.area_mode == AreaMode::Stacked || series.options.stacked;
        let mut floor = None;
        if stacked && !series.options.draw_as_infinite {
            let points = series.points()?.into_owned();
            floor = total.take().filter(|total| total.len() == points.len());
            let sums: Vec<f64> = match (&floor, series.options.stacked) {
                // Those who were stacked by a function are sums already.
                (Some(floor), false) => {
                    points.iter().zip(floor).map(|(value, below)| sum(*value, *below)).collect()
                }
                _ => points,
            };
            series.step = step_times(series.step, series.values_per_point);
            series.values_per_point = 1;
            series.values = sums.clone().into();
            total = Some(sums);
        }
        let filled = match look.area_mode {
            AreaMode::None => stacked,
            AreaMode::First => index == 0 || stacked,
            AreaMode::All | AreaMode::Stacked => true,
        };
        lines.push(Line { series, color, floor, filled });
    }
    Ok(lines)
}

fn step_times(step: Step, times: usize) -> Step {
    let seconds = step.seconds().saturating_mul(times.max(1) as i64);
    u32::try_from(seconds).ok().and_then(Step::new).unwrap_or(step)
}

/// Nothing on something is as high as that something.
fn sum(value: f64, below: f64) -> f64 {
    match (value.is_nan(), below.is_nan()) {
        (true, _) => below,
        (_, true) => value,
        _ => value + below,
    }
}

/// At most a point for each pixel.
fn consolidate(series: &mut Series, width: u32) {
    let most = width.max(1) as usize;
    if series.values.len() > most {
        series.values_per_point = series.values.len().div_ceil(most);
    }
}

struct Chart<'c> {
    canvas: Canvas,
    look: &'c Look,
    window: Window,
    zone: &'c TimeZone,
    lines: Vec<Line>,
}

/// Values up an edge of the chart.
#[derive(Clone, Copy, Debug)]
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Chart<'_> {
    fn draw(&mut self) {
        let margin = self.look.margin;
        let mut area = Area {
            left: margin,
            top: margin,
            right: self.look.width as f32 - margin,
            bottom: self.look.height as f32 - margin,
        };
        self.title(&mut area);
        self.vertical_title(&mut area);
        self.legend(&mut area);
        let visible = self.lines.iter().any(|line| line.series.values.iter().any(|value| value.is_finite()));
        if !visible {
            return self.no_data(area);
        }
        let size = self.look.font_size;
        if !self.look.hide_x_axis {
            area.bottom -= size * 1.6;
        }
        area.top += size * 0.5;
        let (left, right) = (self.scale(false, area), self.scale(true, area));
        if let Some(left) = left.filter(|_| !self.look.hide_y_axis) {
            area.left += self.labels_width(left) + size * 0.6;
        }
        if let Some(right) = right.filter(|_| !self.look.hide_y_axis) {
            area.right -= self.labels_width(right) + size * 0.6;
        }
        if area.width() < 4.0 || area.height() < 4.0 {
            return;
        }
        self.y_grid(left.or(right), area);
        self.y_labels(left, area, Anchor::End);
        self.y_labels(right, area, Anchor::Start);
        self.x_axis(area);
        self.canvas.clip_to(Some(area));
        for index in 0..self.lines.len() {
            let second = self.lines[index].series.options.second_y_axis;
            if let Some(scale) = if second { right.or(left) } else { left.or(right) } {
                self.line(index, scale, area);
            }
        }
        self.canvas.clip_to(None);
    }

    fn title(&mut self, area: &mut Area) {
        let Some(title) = self.look.title.clone() else { return };
        let size = self.look.font_size * 1.3;
        let title = self.canvas.fitting(&title, size, area.width());
        let at = ((area.left + area.right) / 2.0, area.top + size);
        self.canvas.text(at, &title, size, self.look.foreground, Anchor::Middle, false);
        area.top += size * 1.7;
    }

    fn vertical_title(&mut self, area: &mut Area) {
        let Some(title) = self.look.vertical_title.clone() else { return };
        let size = self.look.font_size;
        let title = self.canvas.fitting(&title, size, area.height());
        let at = (area.left + size, (area.top + area.bottom) / 2.0);
        self.canvas.text(at, &title, size, self.look.foreground, Anchor::Middle, true);
        area.left += size * 1.6;
    }

    /// In as many columns as fit, on at most two fifths of the height.
    fn legend(&mut self, area: &mut Area) {
        let shown: Vec<(String, Color)> = self.legend_entries();
        if shown.is_empty() || self.look.hide_legend.unwrap_or(shown.len() > LEGEND_MOST) {
            return;
        }
        let size = self.look.font_size;
        let (box_width, row) = (size * 1.5, size * 1.5);
        let widest = shown.iter().map(|(name, _)| self.canvas.text_width(name, size)).fold(0.0, f32::max);
        let columns = (area.width() / (widest + box_width + size)).floor().clamp(1.0, 64.0) as usize;
        let rows_most = (area.height() * 0.4 / row).floor().max(1.0) as usize;
        let rows = shown.len().div_ceil(columns).min(rows_most);
        let column_width = area.width() / columns as f32;
        let top = area.bottom - rows as f32 * row;
        for (index, (name, color)) in shown.iter().take(rows * columns).enumerate() {
            let left = area.left + (index % columns) as f32 * column_width;
            let base = top + (index / columns) as f32 * row + row * 0.85;
            let mark =
                Area { left, top: base - size * 0.85, right: left + size * 0.95, bottom: base + size * 0.1 };
            self.canvas.rectangle(mark, *color);
            let left_out = shown.len().saturating_sub(rows * columns);
            let name = match left_out {
                1.. if index + 1 == rows * columns => format!("… and {} more", left_out + 1),
                _ => name.clone(),
            };
            let name = self.canvas.fitting(&name, size, column_width - box_width);
            self.canvas.text(
                (left + box_width, base),
                &name,
                size,
                self.look.foreground,
                Anchor::Start,
                false,
            );
        }
        area.bottom = top - size * 0.5;
    }

    fn legend_entries(&self) -> Vec<(String, Color)> {
        let visible = self.lines.iter().filter(|line| !line.series.options.invisible);
        visible.map(|line| (line.series.name.clone(), line.color)).collect()
    }

    fn no_data(&mut self, area: Area) {
        let at = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
        self.canvas.text(
            at,
            "No Data",
            self.look.font_size * 1.6,
            self.look.foreground,
            Anchor::Middle,
            false,
        );
    }

    /// The values of one side, on round numbers. `None` if nothing is measured there.
    fn scale(&self, second: bool, area: Area) -> Option<Scale> {
        let mut low = f64::INFINITY;
        let mut high = f64::NEG_INFINITY;
        let of_side = |line: &&Line| line.series.options.second_y_axis == second;
        for line in self.lines.iter().filter(of_side) {
            if line.series.options.draw_as_infinite {
                continue;
            }
            let points = line.series.points().ok()?;
            for value in points.iter().filter(|value| value.is_finite()) {
                low = low.min(*value);
                high = high.max(*value);
            }
            if line.filled || self.look.null_as_zero {
                low = low.min(0.0);
            }
        }
        if low > high {
            // Only marks in time: any scale will do, but some there must be.
            let only_marks = !second && self.lines.iter().all(|line| line.series.options.draw_as_infinite);
            return only_marks.then_some(Scale { low: 0.0, high: 1.0, step: 0.5 });
        }
        let (low, high) = (self.look.y_min.unwrap_or(low), self.look.y_max.unwrap_or(high));
        let ticks = f64::from(area.height() / (self.look.font_size * 3.0)).clamp(1.0, 8.0);
        Some(rounded(low, high, ticks, self.look.y_min, self.look.y_max))
    }

    fn labels_width(&self, scale: Scale) -> f32 {
        let labels = scale.ticks().map(|value| label(value, scale.step, self.look.units));
        labels.map(|label| self.canvas.text_width(&label, self.look.font_size)).fold(0.0, f32::max)
    }

    fn y_grid(&mut self, scale: Option<Scale>, area: Area) {
        let Some(scale) = scale.filter(|_| !self.look.hide_grid) else { return };
        let pen = Pen { color: self.look.major_grid.with_alpha(0.6), width: 0.7, dash: None };
        for value in scale.ticks() {
            let y = scale.place(value, area).round() + 0.5;
            self.canvas.line(&[(area.left, y), (area.right, y)], pen);
        }
    }

    /// On the left they end at the area, on the right they start there.
    fn y_labels(&mut self, scale: Option<Scale>, area: Area, anchor: Anchor) {
        let Some(scale) = scale.filter(|_| !self.look.hide_y_axis) else { return };
        let size = self.look.font_size;
        let x = if anchor == Anchor::End { area.left - size * 0.5 } else { area.right + size * 0.5 };
        for value in scale.ticks() {
            let at = (x, scale.place(value, area).round() + 0.5 + size * 0.35);
            let text = label(value, scale.step, self.look.units);
            self.canvas.text(at, &text, size, self.look.foreground, anchor, false);
        }
    }

    fn x_axis(&mut self, area: Area) {
        let size = self.look.font_size;
        for (time, text) in self.times(area) {
            let x = self.place(time, area).round() + 0.5;
            if !self.look.hide_grid {
                let color = self.look.minor_grid.with_alpha(0.6);
                self.canvas.line(&[(x, area.top), (x, area.bottom)], Pen { color, width: 0.7, dash: None });
            }
            if !self.look.hide_x_axis {
                // A label that would stick out is moved in.
                let half = self.canvas.text_width(&text, size) / 2.0;
                let x = x.clamp(half, (self.look.width as f32 - half).max(half));
                let at = (x, area.bottom + size * 1.4);
                self.canvas.text(at, &text, size, self.look.foreground, Anchor::Middle, false);
            }
        }
        if !self.look.hide_x_axis {
            let y = area.bottom.round() + 0.5;
            let pen = Pen { color: self.look.foreground.with_alpha(0.5), width: 0.8, dash: None };
            self.canvas.line(&[(area.left, y), (area.right, y)], pen);
        }
    }

    /// Round times of the zone with their labels, as many as have room.
    fn times(&self, area: Area) -> Vec<(Timestamp, String)> {
        let range = self.window.until.since(self.window.from).max(1);
        let label_width = self.canvas.text_width("00:00:00", self.look.font_size) * 1.5;
        let most = f64::from(area.width() / label_width).max(1.0);
        let fits = |step: &&i64| (range as f64 / **step as f64) <= most;
        let step = TIME_STEPS.iter().find(fits).copied().unwrap_or(range);
        // Steps count from the zone's midnight, or from a Thursday of 1970 on.
        let shown = attime::civil(self.window.from, self.zone);
        let local = shown.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0)).as_secs();
        let first = self.window.from.plus((step - local.rem_euclid(step)) % step);
        let times = (0..).map(|index| first.plus(index * step)).take_while(|time| *time <= self.window.until);
        times.map(|time| (time, self.time_label(time, step, range))).collect()
    }

    fn time_label(&self, time: Timestamp, step: i64, range: i64) -> String {
        let shown = attime::civil(time, self.zone);
        let (date, clock) = (shown.date(), shown.time());
        let day = format!("{:02}/{:02}", date.month(), date.day());
        let minute = format!("{:02}:{:02}", clock.hour(), clock.minute());
        match step {
            1..60 => format!("{minute}:{:02}", clock.second()),
            60..86_400 if range <= 36 * 3_600 => minute,
            60..86_400 => format!("{day} {minute}"),
            86_400..2_592_000 => day,
            _ => format!("{}-{:02}", date.year(), date.month()),
        }
    }

    fn place(&self, time: Timestamp, area: Area) -> f32 {
        let range = self.window.until.since(self.window.from).max(1) as f64;
        area.left + area.width() * (time.since(self.window.from) as f64 / range) as f32
    }

    fn line(&mut self, index: usize, scale: Scale, area: Area) {
        let line = &self.lines[index];
        let options = &line.series.options;
        let pen = Pen {
            color: line.color.with_alpha(options.alpha.unwrap_or(1.0)),
            width: options.line_width.map_or(self.look.line_width, |width| width.clamp(0.0, 100.0) as f32),
            dash: options.dashed.filter(|length| *length > 0.0).map(|length| length as f32),
        };
        // Points were asked for before; a consolidation that does not exist was refused then.
        let Ok(points) = line.series.points() else { return };
        let points = points.into_owned();
        if options.draw_as_infinite {
            return self.marks(index, &points, pen, area);
        }
        let runs = self.runs(&line.series, &points, scale, area);
        let invisible = options.invisible;
        if line.filled && !invisible {
            let alpha = self.look.area_alpha.or(options.alpha);
            let color = line.color.with_alpha(alpha.unwrap_or(1.0));
            let floor = line.floor.clone();
            for run in &runs {
                let below = self.floor_of(run, floor.as_deref(), scale, area);
                let outline: Vec<Point> = run.points.iter().copied().chain(below).collect();
                self.canvas.polygon(&outline, color);
            }
        }
        if !invisible && pen.width > 0.0 {
            for run in &runs {
                self.canvas.line(&run.points, pen);
            }
        }
    }

    /// Vertical lines where the value is not 0.
    fn marks(&mut self, index: usize, points: &[f64], pen: Pen, area: Area) {
        let (start, step) = (self.lines[index].series.start, self.lines[index].series.seconds_per_point());
        for (at, _) in points.iter().enumerate().filter(|(_, value)| value.is_finite() && **value != 0.0) {
            let x = self.place(start.plus(at as i64 * step), area);
            self.canvas.line(&[(x, area.top), (x, area.bottom)], pen);
        }
    }

    /// Stretches without gaps, as places on the canvas.
    fn runs(&self, series: &Series, points: &[f64], scale: Scale, area: Area) -> Vec<Run> {
        let step = series.seconds_per_point();
        let mut runs: Vec<Run> = Vec::new();
        let mut open = false;
        for (index, value) in points.iter().enumerate() {
            let value = if is_null(*value) && self.look.null_as_zero { 0.0 } else { *value };
            if !value.is_finite() {
                open &= self.look.line_mode == LineMode::Connected;
                continue;
            }
            if !open {
                runs.push(Run { points: Vec::new(), indexes: Vec::new() });
                open = true;
            }
            let time = series.start.plus(index as i64 * step);
            let (x, y) = (self.place(time, area), scale.place(value, area));
            let Some(run) = runs.last_mut() else { continue };
            if self.look.line_mode == LineMode::Staircase
                && let (Some((_, before)), Some(last)) =
                    (run.points.last().copied(), run.indexes.last().copied())
            {
                run.points.push((x, before));
                run.indexes.push(last);
            }
            run.points.push((x, y));
            run.indexes.push(index);
        }
        runs
    }

    /// The lower edge of an area, backwards.
    fn floor_of(&self, run: &Run, floor: Option<&[f64]>, scale: Scale, area: Area) -> Vec<Point> {
        let base = scale.place(0.0_f64.clamp(scale.low, scale.high), area);
        let below = |index: usize| {
            let value = floor.and_then(|floor| floor.get(index)).copied().unwrap_or(NULL);
            if value.is_finite() { scale.place(value, area) } else { base }
        };
        let places = run.points.iter().zip(&run.indexes).rev();
        places.map(|((x, _), index)| (*x, below(*index))).collect()
    }
}

struct Run {
    points: Vec<Point>,
    /// The point of the series that each place is of.
    indexes: Vec<usize>,
}

const DAY: i64 = 86_400;

/// Distances of times that people count in.
const TIME_STEPS: [i64; 25] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    90 * DAY,
    180 * DAY,
    365 * DAY,
];

/// Bounds on multiples of a round step, unless they are given.
fn rounded(low: f64, high: f64, ticks: f64, given_low: Option<f64>, given_high: Option<f64>) -> Scale {
    let (low, high) = if high > low { (low, high) } else { (low, low + low.abs().max(1.0) * 0.1) };
    // Halves first: the whole range may be too large for a float.
    let rough = ((high / 2.0 - low / 2.0) / ticks).min(f64::MAX / 64.0) * 2.0;
    let rough = rough.max(f64::MIN_POSITIVE);
    let magnitude = 10f64.powf(rough.log10().floor()).max(f64::MIN_POSITIVE);
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * magnitude);
    let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(10.0 * magnitude);
    Scale {
        low: given_low.unwrap_or((low / step + 1e-9).floor() * step),
        high: given_high.filter(|high| *high > low).unwrap_or((high / step - 1e-9).ceil() * step),
        step,
    }
}

impl Scale {
    fn ticks(self) -> impl Iterator<Item = f64> {
        let first = (self.low / self.step - 1e-9).ceil();
        let count = ((self.high - self.low) / self.step + 1e-9).floor().clamp(0.0, 100.0) as usize;
        let last = self.high + self.step * 1e-6;
        (0..=count).map(move |index| (first + index as f64) * self.step).filter(move |value| *value <= last)
    }

    fn place(self, value: f64, area: Area) -> f32 {
        let range = self.high / 2.0 - self.low / 2.0;
        let share = if range > 0.0 { (value / 2.0 - self.low / 2.0) / range } else { 0.5 };
        // Far outside is outside: the canvas cannot count that far.
        area.bottom - area.height() * share.clamp(-50.0, 50.0) as f32
    }
}

/// As many decimals as the step has, and a unit's prefix.
fn label(value: f64, step: f64, units: System) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    let (scaled, prefix) = units.scaled(value, Some(step));
    let step = if value == 0.0 { 1.0 } else { step * (scaled / value).abs() };
    if step < 1e-9 || scaled.abs() >= 1e15 {
        return format!("{scaled:.2e}{prefix}");
    }
    let decimals = (0..10).find(|decimals| {
        let shifted = step * 10f64.powi(*decimals);
        (shifted - shifted.round()).abs() < 1e-6
    });
    format!("{scaled:.*}{prefix}", decimals.unwrap_or(2) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round() {
        let check = |low: f64, high: f64, wanted: (f64, f64, f64)| {
            let scale = rounded(low, high, 5.0, None, None);
            let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
            let all =
                close(scale.low, wanted.0) && close(scale.high, wanted.1) && close(scale.step, wanted.2);
            assert!(all && scale.ticks().count() >= 2, "{scale:?}");
        };
        check(0.0, 100.0, (0.0, 100.0, 20.0));
        check(3.2, 9.1, (2.0, 10.0, 2.0));
        check(-1.0, 1.0, (-1.0, 1.0, 0.5));
        check(7.0, 7.0, (7.0, 7.8, 0.2));
        assert!(rounded(-1e308, 1e308, 1.0, None, None).low.is_finite());
        assert_eq!(rounded(0.0, 9.0, 4.0, Some(1.0), Some(8.0)).ticks().collect::<Vec<_>>(), [2.5, 5.0, 7.5]);
    }

    #[test]
    fn labels() {
        let check = |value: f64, step: f64, wanted: &str| assert_eq!(label(value, step, System::Si), wanted);
        check(0.0, 20.0, "0");
        check(40.0, 20.0, "40");
        check(1_500.0, 500.0, "1500");
        check(3_000.0, 1_000.0, "3k");
        check(2.5e9, 5e8, "2500M");
        check(0.25, 0.05, "0.25");
        check(-2_000_000.0, 1e6, "-2M");
    }
}
