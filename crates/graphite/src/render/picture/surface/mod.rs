//! What is drawn on: pixels (png) or drawing instructions (svg, pdf). All take the same strokes and fills.

mod pdf;
mod pixels;
mod shape;
mod stroke;
mod svg;

use super::path::Path;
use crate::error::EvaluationError;

/// Red, green, blue and opacity, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    pub red: f64,
    pub green: f64,
    pub blue: f64,
    pub alpha: f64,
}

/// Corners are pointed and ends cut off straight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pen {
    pub width: f64,
    /// Length of dashes and of the gaps between.
    pub dash: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Png,
    Svg,
    Pdf,
}

pub enum Surface {
    Pixels(pixels::Pixels),
    Svg(svg::Svg),
    Pdf(pdf::Pdf),
}

impl Surface {
    pub fn new(kind: Kind, width: f64, height: f64) -> Surface {
        match kind {
            Kind::Png => Surface::Pixels(pixels::Pixels::new(width as usize, height as usize)),
            Kind::Svg => Surface::Svg(svg::Svg::new(width, height)),
            Kind::Pdf => Surface::Pdf(pdf::Pdf::new(width, height)),
        }
    }

    pub fn fill(&mut self, path: &Path, ink: Ink) {
        match self {
            Surface::Pixels(pixels) => pixels.fill(path, ink),
            Surface::Svg(svg) => svg.fill(path, ink),
            Surface::Pdf(pdf) => pdf.fill(path, ink),
        }
    }

    /// A pen without width draws nothing.
    pub fn stroke(&mut self, path: &Path, pen: Pen, ink: Ink) {
        if pen.width <= 0.0 || path.segments.is_empty() {
            return;
        }
        match self {
            Surface::Pixels(pixels) => pixels.stroke(path, pen, ink),
            Surface::Svg(svg) => svg.stroke(path, pen, ink),
            Surface::Pdf(pdf) => pdf.stroke(path, pen, ink),
        }
    }

    /// From now on only within this shape too.
    pub fn clip(&mut self, path: &Path) {
        match self {
            Surface::Pixels(pixels) => pixels.clip(path),
            Surface::Svg(svg) => svg.clip(path),
            Surface::Pdf(pdf) => pdf.clip(path),
        }
    }

    /// Back to the first of the shapes that limit the drawing.
    pub fn unclip_to_first(&mut self) {
        match self {
            Surface::Pixels(pixels) => pixels.unclip_to_first(),
            Surface::Svg(svg) => svg.unclip_to_first(),
            Surface::Pdf(pdf) => pdf.unclip_to_first(),
        }
    }

    /// What follows belongs together under a name. Only svg has a place for it.
    pub fn begin_part(&mut self, name: &str) {
        if let Surface::Svg(svg) = self {
            svg.begin_part(name);
        }
    }

    /// The bytes of the picture; those of an svg without its end, for more to be added.
    pub fn finish(self) -> Result<Vec<u8>, EvaluationError> {
        match self {
            Surface::Pixels(pixels) => pixels.png(),
            Surface::Svg(svg) => svg.finish(),
            Surface::Pdf(pdf) => pdf.finish(),
        }
    }
}

/// Digits as cairo writes them: six behind the point at most, without zeros at the end.
fn push_number(out: &mut String, value: f64) {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        out.push_str(itoa::Buffer::new().format(value as i64));
        return;
    }
    let start = out.len();
    let _ = std::fmt::Write::write_fmt(out, format_args!("{value:.6}"));
    let kept = out.trim_end_matches('0').trim_end_matches('.').len();
    out.truncate(kept.max(start + 1));
}

fn too_long() -> EvaluationError {
    let most = crate::limits::MAX_DRAWING_BYTES / 1_000_000;
    EvaluationError::input(format!(
        "the drawing becomes longer than {most} MB: ask for fewer series, or for png"
    ))
}
