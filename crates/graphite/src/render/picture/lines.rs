//! The lines and areas of a line graph.

use super::line_graph::{AreaMode, Line, LineGraph, LineMode, Side};
use super::surface::Pen;
use crate::error::EvaluationError;
use crate::series::{Consolidation, Series, Tags, is_null};

type Drawn<T = ()> = Result<T, EvaluationError>;

impl LineGraph<'_> {
    /// Stacked areas first, then the other lines on top of them.
    pub fn draw_lines(&mut self) -> Drawn {
        // What is stacked already comes first, in its order.
        self.lines.sort_by_key(|line| !line.series.options.stacked);
        self.stack();
        self.outline_areas()?;
        let area = self.graph.area;
        let (width, height) = (area.right - area.left, area.bottom - area.top);
        self.graph.canvas.clip_to(area.left, area.top, width, height);
        let mut over_the_areas = false;
        for index in 0..self.lines.len() {
            let line = self.lines[index].clone();
            if !line.series.options.stacked && !over_the_areas {
                over_the_areas = true;
                self.graph.canvas.unclip_to_first();
            }
            self.draw_line(&line)?;
        }
        Ok(())
    }

    fn stack(&mut self) {
        match self.area_mode {
            AreaMode::Stacked if !self.second_axis => self.stack_values(),
            AreaMode::First => {
                self.lines.iter_mut().take(1).for_each(|line| line.series.options.stacked = true)
            }
            AreaMode::All => {
                for line in self.lines.iter_mut().filter(|line| !line.series.options.draw_as_infinite) {
                    line.series.options.stacked = true;
                }
            }
            // The original leaves the values of two axes unstacked.
            AreaMode::None | AreaMode::Stacked => {}
        }
    }

    fn stack_values(&mut self) {
        let mut total: Vec<f64> = Vec::new();
        for line in self.lines.iter_mut().filter(|line| !line.series.options.draw_as_infinite) {
            line.series.options.stacked = true;
            let values = line.series.values_mut();
            if total.len() < values.len() {
                total.resize(values.len(), 0.0);
            }
            for (value, total) in values.iter_mut().zip(&mut total).filter(|(value, _)| !is_null(**value)) {
                let own = *value;
                *value += *total;
                *total += own;
            }
        }
    }

    /// With `areaAlpha` areas are transparent, and each has its upper edge drawn as a line.
    fn outline_areas(&mut self) -> Drawn {
        if !self.graph.options.flag("areaAlpha") {
            return Ok(());
        }
        // A text that is no number counts as a half.
        let alpha = self.graph.options.float("areaAlpha").ok().flatten().unwrap_or(0.5);
        let mut outlines = Vec::new();
        for line in self.lines.iter_mut().filter(|line| line.series.options.stacked) {
            line.series.options.alpha = Some(alpha);
            outlines.push(outline_of(line)?);
        }
        self.lines.extend(outlines);
        Ok(())
    }

    fn draw_line(&mut self, line: &Line) -> Drawn {
        let options = &line.series.options;
        let dash = match options.dashed {
            Some(length) if length > 0.0 && length.is_finite() => Some(length),
            Some(length) => {
                return Err(EvaluationError::failed(format!(
                    "a line cannot be dashed every {length} pixels"
                )));
            }
            None => None,
        };
        self.graph.canvas.pen = Pen { width: options.line_width.unwrap_or(self.line_width), dash };
        let alpha = options.alpha.filter(|alpha| *alpha != 0.0).unwrap_or(1.0);
        self.graph.set_color(&line.color, alpha)?;
        if options.invisible {
            self.graph.canvas.ink.alpha = 0.0;
        }
        let side = self.side_of(line);
        let mut tracer = self.tracer(line, side);
        for (index, value) in line.series.points()?.iter().enumerate() {
            self.point(&mut tracer, line, index, *value)?;
        }
        if options.stacked {
            let end = if self.line_mode == LineMode::Staircase { tracer.x } else { tracer.x - line.x_step };
            return self.fill_to_base(end, tracer.start_x, side);
        }
        self.graph.canvas.stroke();
        Ok(())
    }

    fn tracer(&self, line: &Line, side: Side) -> Tracer {
        let series = &line.series;
        let missing = (series.start.0 - self.start.0) as f64 / series.step.seconds() as f64;
        let shift = line.x_step * (missing / series.values_per_point.max(1) as f64);
        let x = self.graph.area.left + shift + self.line_width / 2.0;
        Tracer { x, y: self.graph.area.top, start_x: x, nulls: 0, side }
    }

    fn point(&mut self, tracer: &mut Tracer, line: &Line, index: usize, value: f64) -> Drawn {
        let value = match value.is_nan() && self.graph.options.flag("drawNullAsZero") {
            true => 0.0,
            false => value,
        };
        if value.is_nan() {
            return self.gap(tracer, line);
        }
        let Some(y) = self.y(value, tracer.side)? else {
            let what = "a value of 0 or less cannot be drawn on a logarithmic axis: leave out logBase";
            return Err(EvaluationError::failed(what));
        };
        tracer.y = y.max(0.0);
        if line.series.options.draw_as_infinite && value > 0.0 {
            let (top, bottom) = (self.graph.area.top, self.graph.area.bottom);
            let path = &mut self.graph.canvas.path;
            path.move_to((tracer.x, bottom));
            path.line_to((tracer.x, top));
            self.graph.canvas.stroke();
            tracer.x += line.x_step;
            return Ok(());
        }
        if tracer.nulls > 0 {
            tracer.start_x = tracer.x;
        }
        let at = (tracer.x, tracer.y);
        let path = &mut self.graph.canvas.path;
        let lift = match self.line_mode {
            LineMode::Staircase | LineMode::Slope => tracer.nulls > 0,
            LineMode::Connected => tracer.nulls as f64 > self.connected_limit || tracer.nulls == index,
        };
        if lift {
            path.move_to(at);
        }
        match self.line_mode {
            LineMode::Staircase => {
                if !lift {
                    path.line_to(at);
                }
                path.line_to((tracer.x + line.x_step, tracer.y));
            }
            LineMode::Slope | LineMode::Connected => path.line_to(at),
        }
        tracer.x += line.x_step;
        tracer.nulls = 0;
        Ok(())
    }

    /// The first missing point ends the line, level with the point before it.
    fn gap(&mut self, tracer: &mut Tracer, line: &Line) -> Drawn {
        if tracer.nulls == 0 {
            self.graph.canvas.path.line_to((tracer.x, tracer.y));
            if line.series.options.stacked {
                self.fill_to_base(tracer.x, tracer.start_x, tracer.side)?;
            }
        }
        tracer.x += line.x_step;
        tracer.nulls += 1;
        Ok(())
    }

    /// Fills between the line so far and the base, and keeps what is drawn later away from there.
    fn fill_to_base(&mut self, end: f64, start: f64, side: Side) -> Drawn {
        let area = self.graph.area;
        let start = if start == 0.0 { area.left } else { start };
        let base = self.y(0.0, side)?.filter(|base| *base != 0.0).unwrap_or(area.bottom);
        let canvas = &mut self.graph.canvas;
        let line = canvas.path.clone();
        canvas.path.line_to((end, base));
        canvas.path.line_to((start, base));
        canvas.path.close();
        canvas.fill();
        // Above the line, and below the base.
        canvas.path = line;
        for edge in [area.top, area.bottom] {
            for corner in [
                (end, base),
                (area.right, base),
                (area.right, edge),
                (area.left, edge),
                (area.left, base),
                (start, base),
            ] {
                canvas.path.line_to(corner);
            }
        }
        canvas.path.close();
        canvas.clip();
        Ok(())
    }
}

/// A line while it is drawn.
struct Tracer {
    x: f64,
    y: f64,
    /// Where the line began after the last gap.
    start_x: f64,
    /// Missing points up to here.
    nulls: usize,
    side: Side,
}

/// A line with the points of an area.
fn outline_of(line: &Line) -> Drawn<Line> {
    let series = &line.series;
    let seconds = u32::try_from(series.seconds_per_point()).ok().and_then(vocabulary::Step::new);
    let step = seconds.unwrap_or(series.step);
    let mut outline =
        Series::new(series.name.clone(), series.start, series.end, step, series.points()?.into_owned());
    outline.tags = Tags::default();
    outline.consolidation = Consolidation::Average;
    outline.options.second_y_axis = series.options.second_y_axis;
    Ok(Line { series: outline, color: line.color.clone(), x_step: line.x_step })
}
