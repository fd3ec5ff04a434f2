//! Shares of a whole.

use std::f64::consts::PI;

use super::canvas::{Across, Down};
use super::graph::Graph;
use super::legend::Entry;
use super::options::wrong;
use crate::error::EvaluationError;
use crate::series::{Series, is_null};

pub struct Slice {
    pub name: String,
    pub value: f64,
}

impl Slice {
    /// A series as one value, which is 0 if it has none.
    pub fn of(series: Series, mode: &str) -> Result<Slice, EvaluationError> {
        let points = series.points()?;
        let known = points.iter().copied().filter(|value| !is_null(*value));
        let value = match mode {
            "average" => {
                let (count, sum) = known.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
                if count == 0 { 0.0 } else { sum / f64::from(count) }
            }
            "maximum" => known.reduce(f64::max).unwrap_or(0.0),
            "minimum" => known.reduce(f64::min).unwrap_or(0.0),
            other => return Err(wrong("pieMode", other, "average, maximum or minimum")),
        };
        drop(points);
        Ok(Slice { name: series.name, value })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Labels {
    None,
    Number,
    Percent,
}

type Drawn<T = ()> = Result<T, EvaluationError>;

/// A slice with its place in the pie.
struct Piece {
    slice: Slice,
    share: f64,
    color: String,
    middle: f64,
}

pub fn draw(graph: &mut Graph<'_>, slices: Vec<Slice>) -> Drawn {
    if slices.is_empty() {
        return graph.no_data();
    }
    let mut pieces = pieces(graph, slices)?;
    // A text that is no number counts as 1, and so does 0.
    let alpha = graph.options.float("areaAlpha").ok().flatten().filter(|alpha| *alpha != 0.0).unwrap_or(1.0);
    graph.title_font_size()?;
    graph.set_foreground()?;
    if let Some(title) = graph.options.text("title") {
        graph.title(&title);
    }
    graph.usual_font_size();
    if !graph.options.flag("hideLegend") {
        let entry = |piece: &Piece| Entry {
            name: piece.slice.name.clone(),
            color: piece.color.clone(),
            right: false,
        };
        graph.legend(pieces.iter().map(entry).collect(), false, false)?;
    }
    let circle = draw_pieces(graph, &mut pieces, alpha)?;
    draw_labels(graph, &pieces, circle)
}

fn pieces(graph: &mut Graph<'_>, slices: Vec<Slice>) -> Drawn<Vec<Piece>> {
    let total: f64 = slices.iter().map(|slice| slice.value).sum();
    if total == 0.0 {
        return Err(EvaluationError::failed("the slices of a pie must not add up to 0"));
    }
    let piece =
        |slice: Slice| Piece { share: slice.value / total, color: graph.next_color(), middle: 0.0, slice };
    Ok(slices.into_iter().map(piece).collect())
}

type Circle = ((f64, f64), f64);

/// From the top, clockwise.
fn draw_pieces(graph: &mut Graph<'_>, pieces: &mut [Piece], alpha: f64) -> Drawn<Circle> {
    let area = graph.area;
    let half = ((area.right - area.left) / 2.0, (area.bottom - area.top) / 2.0);
    let center = (area.left + half.0, area.top + half.1);
    let radius = half.0.min(half.1) * 0.95;
    let mut from = 1.5 * PI;
    for piece in pieces {
        graph.set_color(&piece.color, alpha)?;
        let until = from + 2.0 * PI * piece.share;
        piece.middle = ((from + until) / 2.0).rem_euclid(2.0 * PI);
        // An arc goes forward, as cairo's do, and around twice at most.
        let turn = match until - from {
            turn if turn < 0.0 => turn.rem_euclid(2.0 * PI),
            turn if turn > 4.0 * PI => 2.0 * PI + turn.rem_euclid(2.0 * PI),
            turn => turn,
        };
        graph.canvas.path.move_to(center);
        graph.canvas.path.arc(center, radius, from, from + turn);
        graph.canvas.path.line_to(center);
        graph.canvas.fill();
        from = until;
    }
    Ok((center, radius))
}

fn draw_labels(graph: &mut Graph<'_>, pieces: &[Piece], (center, radius): Circle) -> Drawn {
    let color = super::color::name_of(graph.options.get("valueLabelsColor"), "black");
    let least = graph.options.float("valueLabelsMin")?.unwrap_or(5.0);
    let words = [("none", Labels::None), ("number", Labels::Number), ("percent", Labels::Percent)];
    let labels = graph.options.word("valueLabels", &words, Labels::Percent)?;
    if labels == Labels::None {
        return Ok(());
    }
    let rotated = graph.options.text("pieLabels").is_some_and(|labels| labels == "rotated");
    graph.set_color(&color, 1.0)?;
    for piece in pieces {
        let Some(label) = label(piece, labels, least)? else { continue };
        let mut angle = piece.middle;
        let at = (center.0 + radius / 2.0 * angle.cos(), center.1 + radius / 2.0 * angle.sin());
        if angle > PI / 2.0 && angle <= 1.5 * PI {
            // Nobody reads upside down.
            angle -= PI;
        }
        let angle = if rotated { angle } else { 0.0 };
        graph.canvas.turned_text(&label, at, Across::Center, Down::Middle, angle);
    }
    Ok(())
}

/// None for slices too small for one.
fn label(piece: &Piece, labels: Labels, least: f64) -> Drawn<Option<String>> {
    let (share, value) = (piece.share * 100.0, piece.slice.value);
    let measured = if labels == Labels::Percent { share } else { value };
    if measured < least {
        return Ok(None);
    }
    if labels == Labels::Percent {
        return Ok(Some(format!("%{share:.2}")));
    }
    if value < 10.0 && value != value.trunc() {
        return Ok(Some(format!("{value:.2}")));
    }
    let whole = crate::python::decimal(value);
    whole.map(Some).ok_or_else(|| wrong("valueLabels", &value.to_string(), "of finite values"))
}
