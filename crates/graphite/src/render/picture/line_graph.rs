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
use super::y_axis::YAxis;
use crate::attime;
use crate::error::EvaluationError;
use crate::python::unquoted;
use crate::series::{Series, is_null};

/// More series than this have no legend unless one is asked for.
const LEGEND_MOST: usize = 10;

pub type Drawn<T = ()> = Result<T, EvaluationError>;

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
    pub(super) fn is_right(&self) -> bool {
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
    pub(super) left_label_width: f64,
    pub(super) right_label_width: f64,
    pub(super) graph_width: f64,
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
