//! The axes of a picture of lines: what they span, the space that their labels take, labels and grid.

use jiff::tz::TimeZone;

use super::canvas::{Across, Down};
use super::graph::{Area, Graph};
use super::line_graph::{AreaMode, Drawn, Line, LineGraph, Side};
use super::options::{Setting, wrong};
use super::x_axis::XAxis;
use super::y_axis::{Max, Scale, Wishes, YAxis, logarithm};
use crate::error::EvaluationError;
use crate::functions::units::System;
use crate::limits::MAX_AXIS_MARKS;
use crate::series::is_null;

impl LineGraph<'_> {
    pub(super) fn set_up_axes(&mut self) -> Drawn {
        if self.second_axis { self.set_up_two_axes() } else { self.set_up_one_axis() }
    }

    fn set_up_one_axis(&mut self) -> Drawn {
        let options = &self.graph.options;
        let marked = !options.flag("hideAxes");
        self.left = YAxis::new(self.limits(Side::Only)?, &self.wishes(Side::Only)?, marked)?;
        self.left_label_width = self.widest(Side::Only);
        if !marked || self.graph.options.flag("hideYAxis") {
            return Ok(());
        }
        let space = self.left_label_width * 1.02;
        let (margin, right) = (self.graph.margin, axis_on_the_right(&self.graph));
        let area = &mut self.graph.area;
        if right {
            area.right = area.right.min(margin - space);
        } else {
            area.left = area.left.max(margin + space);
        }
        Ok(())
    }

    fn set_up_two_axes(&mut self) -> Drawn {
        self.left = YAxis::new(self.limits(Side::Left)?, &self.wishes(Side::Left)?, true)?;
        self.right = YAxis::new(self.limits(Side::Right)?, &self.wishes(Side::Right)?, true)?;
        self.left_label_width = self.widest(Side::Left);
        self.right_label_width = self.widest(Side::Right);
        let area = &mut self.graph.area;
        area.left = area.left.max(self.graph.margin + self.left_label_width * 1.02);
        area.right = area.right.min(self.graph.width - self.right_label_width * 1.02);
        Ok(())
    }

    fn widest(&mut self, side: Side) -> f64 {
        let labels = self.axis(side).labels.clone();
        labels.iter().map(|label| self.graph.canvas.width_of(label)).fold(0.0, f64::max)
    }

    pub fn axis(&self, side: Side) -> &YAxis {
        if side == Side::Right { &self.right } else { &self.left }
    }

    pub fn side_of(&self, line: &Line) -> Side {
        match (self.second_axis, line.is_right()) {
            (false, _) => Side::Only,
            (true, false) => Side::Left,
            (true, true) => Side::Right,
        }
    }

    fn wishes(&self, side: Side) -> Drawn<Wishes> {
        let [min, max, limit, step] = match side {
            Side::Only => ["yMin", "yMax", "yLimit", "yStep"],
            Side::Left => ["yMinLeft", "yMaxLeft", "yLimitLeft", "yStepLeft"],
            Side::Right => ["yMinRight", "yMaxRight", "yLimitRight", "yStepRight"],
        };
        let options = &self.graph.options;
        let max = match options.get(max) {
            Some(Setting::Text(text)) if text == "max" => Max::Extremum,
            _ => options.number(max)?.map_or(Max::Round, Max::Value),
        };
        let scale = self.log_base.map_or(Scale::Linear, |base| Scale::Logarithmic { base });
        let units = options.text("yUnitSystem").unwrap_or_default().to_ascii_lowercase();
        Ok(Wishes {
            min: options.number(min)?,
            max,
            limit: options.number(limit)?,
            step: options.float(step)?,
            divisors: self.divisors()?,
            units: System::of_axis(&units),
            scale,
        })
    }

    fn divisors(&self) -> Drawn<Vec<f64>> {
        let text = self.graph.options.text("yDivisors").unwrap_or_else(|| "4,5,6".into());
        let one = |divisor: &str| {
            let number = crate::parameters::python_int(divisor).map(|number| number as f64);
            number.ok_or_else(|| wrong("yDivisors", &text, "integers with commas between them"))
        };
        text.split(',').map(one).collect()
    }

    /// The least and greatest value on one side.
    fn limits(&self, side: Side) -> Drawn<(f64, f64)> {
        let lines: Vec<&Line> = self
            .lines
            .iter()
            .filter(|line| side == Side::Only || (side == Side::Right) == line.is_right())
            .collect();
        let missing = lines.iter().any(|line| line.series.values.iter().any(|value| is_null(*value)));
        let finite: Vec<&Line> =
            lines.into_iter().filter(|line| !line.series.options.draw_as_infinite).collect();
        let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        for line in &finite {
            for value in line.series.points()?.iter().filter(|value| value.is_finite()) {
                (least, greatest) = (least.min(*value), greatest.max(*value));
            }
        }
        if least > greatest {
            return Ok((0.0, 1.0));
        }
        if self.area_mode == AreaMode::Stacked {
            greatest = greatest_sum(&finite).unwrap_or(greatest);
        }
        let zero = missing && self.graph.options.flag("drawNullAsZero");
        Ok((if zero { least.min(0.0) } else { least }, if zero { greatest.max(0.0) } else { greatest }))
    }

    /// Where a value is, counted from the top. None below 0 on a logarithmic axis.
    pub fn y(&self, value: f64, side: Side) -> Drawn<Option<f64>> {
        let (lowest, highest) = self.axis(side).ends();
        let (above, range) = match self.log_base {
            Some(_) if value <= 0.0 => return Ok(None),
            Some(base) => {
                let log = |value: f64| logarithm(value, base);
                (log(value) - log(lowest), log(highest) - log(lowest))
            }
            None => (value - lowest, highest - lowest),
        };
        if range == 0.0 || range.is_nan() {
            let what = "the y axis has a single mark: choose a smaller yStep, or yMin and yMax further apart";
            return Err(EvaluationError::failed(what));
        }
        let Area { top, bottom, .. } = self.graph.area;
        Ok(Some(bottom - (bottom - top) / range * above))
    }

    pub(super) fn draw_axes(&mut self, zone: &TimeZone, minor_lines: f64) -> Drawn {
        let format = self.graph.options.text("xFormat");
        let axis = XAxis::new(self.start, self.end, self.graph_width, zone, format.as_deref());
        if self.graph.options.flag("hideAxes") {
            return Ok(());
        }
        if !self.graph.options.flag("hideYAxis") {
            self.y_labels()?;
        }
        if !self.graph.options.flag("hideXAxis") {
            self.x_labels(&axis);
        }
        if !self.graph.options.flag("hideGrid") {
            self.graph.canvas.begin_part("grid");
            self.y_grid(minor_lines)?;
            self.x_grid(&axis)?;
        }
        Ok(())
    }

    fn y_labels(&mut self) -> Drawn {
        let Area { left, right, .. } = self.graph.area;
        let (left_gap, right_gap) = (self.left_label_width * 0.02, self.right_label_width * 0.02);
        if self.second_axis {
            self.labels_of(Side::Left, left - left_gap, Across::Right)?;
            return self.labels_of(Side::Right, right + right_gap + 3.0, Across::Left);
        }
        if axis_on_the_right(&self.graph) {
            return self.labels_of(Side::Only, right + left_gap, Across::Left);
        }
        self.labels_of(Side::Only, left - left_gap, Across::Right)
    }

    fn labels_of(&mut self, side: Side, x: f64, across: Across) -> Drawn {
        let axis = self.axis(side).clone();
        for (mark, label) in axis.marks.iter().zip(&axis.labels) {
            if let Some(y) = self.y(*mark, side)? {
                self.graph.canvas.text(label, (x, y.max(0.0)), across, Down::Middle);
            }
        }
        Ok(())
    }

    fn x_labels(&mut self, axis: &XAxis) {
        let y = self.graph.area.bottom + self.graph.canvas.heights().ascent;
        for (offset, label) in &axis.labels {
            let x = self.graph.area.left + offset * axis.pixels_per_second;
            self.graph.canvas.text(label, (x, y), Across::Center, Down::Top);
        }
    }

    fn grid_color(&mut self, minor: bool) -> Drawn {
        let (name, default) = match minor {
            true => ("minorGridLineColor", &self.graph.template.minor_line),
            false => ("majorGridLineColor", &self.graph.template.major_line),
        };
        let color = super::color::name_of(self.graph.options.get(name), default);
        self.graph.set_color(&color, 1.0)
    }

    /// Level lines: those of the left axis, with minor ones between.
    fn y_grid(&mut self, minor_lines: f64) -> Drawn {
        let side = if self.second_axis { Side::Left } else { Side::Only };
        let axis = self.axis(side).clone();
        let minor_lines = if minor_lines >= 1.0 { minor_lines } else { 0.0 };
        if minor_lines * axis.marks.len() as f64 > MAX_AXIS_MARKS as f64 {
            return Err(wrong(
                "minorY",
                &minor_lines.to_string(),
                "smaller: nobody can tell so many lines apart",
            ));
        }
        // A logarithmic axis may draw further up, for reasons of the original's.
        let highest = axis.top * self.log_base.map_or(1.0, |base| base * base);
        for (index, mark) in axis.marks.iter().enumerate() {
            self.grid_color(false)?;
            let Some(y) = self.y(*mark, side)?.filter(|y| *y >= 0.0) else { continue };
            self.level_line(y, 0.4);
            let Some(next) = axis.marks.get(index + 1) else { continue };
            let (low, high) = (mark.min(*next), mark.max(*next));
            let distance = (high - low) / (1.0 + minor_lines);
            for minor in 1..=minor_lines as usize {
                self.grid_color(true)?;
                let value = low + minor as f64 * distance;
                if value < highest
                    && let Some(y) = self.y(value, side)?.filter(|y| *y >= 0.0)
                {
                    self.level_line(y, 0.3);
                }
            }
        }
        Ok(())
    }

    fn level_line(&mut self, y: f64, width: f64) {
        let Area { left, right, .. } = self.graph.area;
        self.graph.canvas.pen.width = width;
        self.graph.canvas.line((left, y), (right, y));
    }

    fn x_grid(&mut self, axis: &XAxis) -> Drawn {
        self.graph.canvas.pen.width = 0.25;
        self.grid_color(true)?;
        self.upright_lines(&axis.minor, axis.pixels_per_second);
        self.graph.canvas.pen.width = 0.33;
        self.grid_color(false)?;
        self.upright_lines(&axis.major, axis.pixels_per_second);
        let Area { left, right, top, bottom } = self.graph.area;
        let canvas = &mut self.graph.canvas;
        canvas.pen.width = 0.5;
        for x in [right, left] {
            canvas.path.move_to((x, bottom));
            canvas.path.line_to((x, top));
        }
        canvas.stroke();
        Ok(())
    }

    fn upright_lines(&mut self, offsets: &[f64], pixels_per_second: f64) {
        let Area { left, right, top, bottom } = self.graph.area;
        for offset in offsets {
            let x = left + offset * pixels_per_second;
            if x < right {
                self.graph.canvas.line((x, bottom), (x, top));
            }
        }
    }
}

fn axis_on_the_right(graph: &Graph<'_>) -> bool {
    graph.options.text("yAxisSide").is_some_and(|side| side != "left")
}

/// Of all lines, time by time, as long as all of them have values.
fn greatest_sum(lines: &[&Line]) -> Option<f64> {
    let length = lines.iter().map(|line| line.series.values.len()).min()?;
    let finite =
        |line: &&Line, index: usize| Some(line.series.values[index]).filter(|value| value.is_finite());
    let sums = (0..length).map(|index| lines.iter().filter_map(|line| finite(line, index)).sum::<f64>());
    sums.filter(|sum| sum.is_finite()).reduce(f64::max)
}
