//! Lines over time: title, legend, axes, and then the lines.
//!
//! The order is the original's, as each part takes its space from what the ones before it left: titles above
//! and beside, legend below, labels of the time axis, labels of the value axes. Those last depend on the values,
//! which depend on how many points there is space for, which depends on the labels: so again until it fits.

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::canvas::{Across, Down};
use super::graph::{Area, Graph};
use super::legend::Entry;
use super::options::{Setting, wrong};
use super::x_axis::XAxis;
use super::y_axis::{Max, Scale, Wishes, YAxis, logarithm};
use crate::attime;
use crate::error::EvaluationError;
use crate::functions::units::System;
use crate::limits::MAX_AXIS_MARKS;
use crate::python::unquoted;
use crate::series::{Series, is_null};

/// More series than this have no legend unless one is asked for.
const LEGEND_MOST: usize = 10;

type Drawn<T = ()> = Result<T, EvaluationError>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineMode {
    /// From point to point.
    Slope,
    /// Level until the next point.
    Staircase,
    /// From point to point, over gaps too.
    Connected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaMode {
    None,
    First,
    All,
    Stacked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Only,
    Left,
    Right,
}

/// A series with what the drawing knows about it.
#[derive(Clone)]
pub struct Line {
    pub series: Series,
    pub color: String,
    /// Pixels from point to point.
    pub x_step: f64,
}

impl Line {
    fn is_right(&self) -> bool {
        self.series.options.second_y_axis
    }
}

pub struct LineGraph<'a> {
    pub graph: Graph<'a>,
    pub lines: Vec<Line>,
    pub second_axis: bool,
    pub line_width: f64,
    pub line_mode: LineMode,
    pub area_mode: AreaMode,
    pub connected_limit: f64,
    pub log_base: Option<f64>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// The only axis, or the left one.
    pub left: YAxis,
    pub right: YAxis,
    left_label_width: f64,
    right_label_width: f64,
    graph_width: f64,
}

/// Draws, if there is something to draw.
pub fn draw<'a>(
    mut graph: Graph<'a>,
    series: Vec<Series>,
    zone: &TimeZone,
) -> Drawn<Result<LineGraph<'a>, Graph<'a>>> {
    let (start, end) = (series.iter().map(|one| one.start).min(), series.iter().map(|one| one.end).max());
    let log_base = log_base(&graph)?;
    let minor_lines = graph.options.integer("minorY")?.unwrap_or(1.0);
    let (Some(start), Some(end)) = (start, end) else { return no_data(graph) };
    if start == end {
        return no_data(graph);
    }
    let zone = own_zone(&graph, zone)?;
    only_the_graph(&mut graph);
    let mut picture = LineGraph::new(graph, series, start, log_base)?;
    picture.titles()?;
    picture.legend()?;
    picture.fit_axes()?;
    picture.draw_axes(&zone, minor_lines)?;
    picture.graph.canvas.begin_part("lines");
    picture.draw_lines()?;
    Ok(Ok(picture))
}

fn no_data(mut graph: Graph<'_>) -> Drawn<Result<LineGraph<'_>, Graph<'_>>> {
    graph.no_data()?;
    Ok(Err(graph))
}

/// `e` or a number; below 1 there is none.
fn log_base(graph: &Graph<'_>) -> Drawn<Option<f64>> {
    if matches!(graph.options.get("logBase"), Some(Setting::Text(text)) if text == "e") {
        return Ok(Some(std::f64::consts::E));
    }
    Ok(graph.options.number("logBase")?.filter(|base| *base >= 1.0))
}

fn own_zone(graph: &Graph<'_>, server: &TimeZone) -> Drawn<TimeZone> {
    let Some(name) = graph.options.text("tz") else { return Ok(server.clone()) };
    attime::zone(&name).ok_or_else(|| wrong("tz", &name, "the name of a time zone, such as Europe/Berlin"))
}

/// `graphOnly` is all of these.
fn only_the_graph(graph: &mut Graph<'_>) {
    if !graph.options.flag("graphOnly") {
        return;
    }
    for name in ["hideLegend", "hideGrid", "hideAxes"] {
        graph.options.set(name, Setting::Flag(true));
    }
    for name in ["hideXAxis", "hideYAxis", "yAxisSide", "title", "vtitle"] {
        graph.options.remove(name);
    }
    graph.margin = 0.0;
    graph.area = Area { left: 0.0, right: graph.width, top: 0.0, bottom: graph.height };
}

impl<'a> LineGraph<'a> {
    fn new(
        mut graph: Graph<'a>,
        series: Vec<Series>,
        start: Timestamp,
        log_base: Option<f64>,
    ) -> Drawn<LineGraph<'a>> {
        let second_axis = series.iter().any(|one| one.options.second_y_axis);
        let options = &mut graph.options;
        options.default_to("yMin", "min");
        options.default_to("yMax", "max");
        options.default_to("lineWidth", "thickness");
        if second_axis {
            options.remove("yAxisSide");
        }
        let line_width = options.float("lineWidth")?.unwrap_or(1.2);
        let modes = [
            ("staircase", LineMode::Staircase),
            ("slope", LineMode::Slope),
            ("connected", LineMode::Connected),
        ];
        let mut line_mode = options.word("lineMode", &modes, LineMode::Slope)?;
        let areas = [
            ("none", AreaMode::None),
            ("first", AreaMode::First),
            ("all", AreaMode::All),
            ("stacked", AreaMode::Stacked),
        ];
        let area_mode = options.word("areaMode", &areas, AreaMode::None)?;
        options.word("pieMode", &[("maximum", ()), ("minimum", ()), ("average", ())], ())?;
        let connected_limit = options.number("connectedLimit")?.unwrap_or(f64::INFINITY);
        if graph.options.text("yAxisSide").is_some_and(|side| side == "right") {
            // From here on the margin is where the labels of the axis end.
            graph.margin = graph.width;
        }
        // A single point has no slope.
        if line_mode == LineMode::Slope && series.iter().any(|one| one.values.len() == 1) {
            line_mode = LineMode::Staircase;
        }
        let end_of = |one: &Series| match line_mode {
            LineMode::Staircase => one.end,
            _ => Timestamp(one.end.0 - one.step.seconds()),
        };
        let end = series.iter().map(end_of).max().unwrap_or(start);
        let lines = lines(&mut graph, series, second_axis)?;
        Ok(LineGraph {
            graph,
            lines,
            second_axis,
            line_width,
            line_mode,
            area_mode,
            connected_limit,
            log_base,
            start,
            end,
            left: YAxis::default(),
            right: YAxis::default(),
            left_label_width: 0.0,
            right_label_width: 0.0,
            graph_width: 0.0,
        })
    }

    fn titles(&mut self) -> Drawn {
        self.graph.title_font_size()?;
        self.graph.set_foreground()?;
        if let Some(title) = self.graph.options.text("title") {
            self.graph.title(&title);
        }
        if let Some(title) = self.graph.options.text("vtitle") {
            self.vertical_title(&title, false);
        }
        if self.second_axis
            && let Some(title) = self.graph.options.text("vtitleRight")
        {
            self.vertical_title(&title, true);
        }
        self.graph.usual_font_size();
        Ok(())
    }

    fn vertical_title(&mut self, text: &str, right: bool) {
        let graph = &mut self.graph;
        graph.canvas.begin_part(if right { "vtitleRight" } else { "vtitle" });
        let height = graph.canvas.heights().line;
        let (toward, degrees) = if right { (-1.0, 90.0_f64) } else { (1.0, 270.0) };
        let mut x = if right { graph.area.right } else { graph.area.left } + toward * height;
        for line in unquoted(text).split('\n') {
            let at = (x, graph.height / 2.0);
            graph.canvas.turned_text(line, at, Across::Center, Down::Baseline, degrees.to_radians());
            x += toward * height;
        }
        let edge = x + toward * (graph.margin + height);
        *(if right { &mut graph.area.right } else { &mut graph.area.left }) = edge;
    }

    fn legend(&mut self) -> Drawn {
        let options = &self.graph.options;
        if options.optional_flag("hideLegend").unwrap_or(self.lines.len() > LEGEND_MOST) {
            return Ok(());
        }
        let (unique, hide_null) = (options.flag("uniqueLegend"), options.flag("hideNullFromLegend"));
        let mut entries = Vec::new();
        for line in &self.lines {
            let hidden = hide_null && line.series.points()?.iter().all(|value| is_null(*value));
            if !line.series.name.is_empty() && !hidden {
                let name = unquoted(&line.series.name);
                entries.push(Entry { name, color: line.color.clone(), right: line.is_right() });
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.graph.legend(entries, unique, self.second_axis)
    }

    /// Space for the labels, and the points and axes that go with it.
    fn fit_axes(&mut self) -> Drawn {
        let options = &self.graph.options;
        if !options.flag("hideAxes") && !options.flag("hideXAxis") {
            self.graph.area.bottom -= self.graph.canvas.heights().ascent * 2.0;
        }
        self.consolidate()?;
        self.graph.canvas.begin_part("axes");
        // It settles after a round or two; labels that change back and forth must not keep it going.
        for _ in 0..100 {
            let before = (self.graph.area.left, self.graph.area.right);
            self.set_up_axes()?;
            if before == (self.graph.area.left, self.graph.area.right) {
                break;
            }
            self.consolidate()?;
        }
        Ok(())
    }

    /// At most as many points as there is space for.
    fn consolidate(&mut self) -> Drawn {
        let Area { left, right, .. } = self.graph.area;
        self.graph_width = right - left - (self.line_width + 1.0);
        let min_step = self.graph.options.float("minXStep")?.unwrap_or(1.0);
        let range = (self.end.0 - self.start.0) as f64;
        for line in &mut self.lines {
            let points = range / line.series.step.seconds() as f64;
            if points == 0.0 {
                return Err(EvaluationError::failed(
                    "the lines have no length: choose an earlier from, or lineMode=staircase",
                ));
            }
            line.x_step = self.graph_width / points;
            if line.x_step < min_step {
                let drawable = (self.graph_width / min_step).trunc();
                let values = (points / drawable).ceil();
                if drawable == 0.0 || values == 0.0 || !values.is_finite() {
                    return Err(EvaluationError::failed(
                        "there is no space for the lines: choose a larger width",
                    ));
                }
                line.series.values_per_point = if values > 1.0 { values as usize } else { 1 };
                line.x_step = self.graph_width * values / points;
            }
        }
        Ok(())
    }

    fn set_up_axes(&mut self) -> Drawn {
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

    fn draw_axes(&mut self, zone: &TimeZone, minor_lines: f64) -> Drawn {
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

/// What `leftWidth` and the like say for all series of a side, and colours in turn.
fn lines(graph: &mut Graph<'_>, series: Vec<Series>, second_axis: bool) -> Drawn<Vec<Line>> {
    let mut lines = Vec::with_capacity(series.len());
    for mut one in series {
        if second_axis {
            let [width, dashed, color] = match one.options.second_y_axis {
                true => ["rightWidth", "rightDashed", "rightColor"],
                false => ["leftWidth", "leftDashed", "leftColor"],
            };
            one.options.line_width = graph.options.number(width)?.or(one.options.line_width);
            one.options.dashed = graph.options.number(dashed)?.or(one.options.dashed);
            if graph.options.has(color) {
                one.options.color = Some(super::color::name_of(graph.options.get(color), ""));
            }
        }
        let color = one.options.color.clone().unwrap_or_else(|| graph.next_color());
        lines.push(Line { series: one, color, x_step: 0.0 });
    }
    Ok(lines)
}

/// Of all lines, time by time, as long as all of them have values.
fn greatest_sum(lines: &[&Line]) -> Option<f64> {
    let length = lines.iter().map(|line| line.series.values.len()).min()?;
    let finite =
        |line: &&Line, index: usize| Some(line.series.values[index]).filter(|value| value.is_finite());
    let sums = (0..length).map(|index| lines.iter().filter_map(|line| finite(line, index)).sum::<f64>());
    sums.filter(|sum| sum.is_finite()).reduce(f64::max)
}
