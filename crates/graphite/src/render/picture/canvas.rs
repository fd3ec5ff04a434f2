//! A pen on a surface: the path that is being made, the ink, and the letters.

use super::font::{Heights, Letters, Typeface};
use super::path::{Path, Point};
use super::surface::{Ink, Kind, Pen, Surface};
use crate::error::EvaluationError;

pub struct Canvas {
    surface: Surface,
    pub kind: Kind,
    pub path: Path,
    pub ink: Ink,
    pub pen: Pen,
    typeface: Typeface,
    sizes: Vec<Letters>,
    current: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    Left,
    Center,
    Right,
}

/// Which line of the text is at the point that is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    Top,
    Middle,
    Baseline,
}

impl Canvas {
    pub fn new(kind: Kind, width: f64, height: f64, typeface: Typeface, size: f64) -> Canvas {
        let letters = Letters::new(typeface.clone(), size, kind == Kind::Png);
        Canvas {
            surface: Surface::new(kind, width, height),
            kind,
            path: Path::default(),
            ink: Ink { red: 0.0, green: 0.0, blue: 0.0, alpha: 1.0 },
            pen: Pen { width: 2.0, dash: None },
            typeface,
            sizes: vec![letters],
            current: 0,
        }
    }

    pub fn set_font_size(&mut self, size: f64) {
        self.current = self.sizes.iter().position(|letters| letters.is(size)).unwrap_or_else(|| {
            self.sizes.push(Letters::new(self.typeface.clone(), size, self.kind == Kind::Png));
            self.sizes.len() - 1
        });
    }

    pub fn heights(&self) -> Heights {
        self.sizes[self.current].heights()
    }

    pub fn width_of(&mut self, text: &str) -> f64 {
        self.sizes[self.current].width(text)
    }

    pub fn text(&mut self, text: &str, at: Point, across: Across, down: Down) {
        self.turned_text(text, at, across, down, 0.0);
    }

    /// Turned clockwise around the point, in radians.
    pub fn turned_text(&mut self, text: &str, at: Point, across: Across, down: Down, angle: f64) {
        if text.is_empty() {
            return;
        }
        let width = self.width_of(text);
        let heights = self.heights();
        let back = match across {
            Across::Left => 0.0,
            Across::Center => width / 2.0,
            Across::Right => width,
        };
        let lower = match down {
            Down::Top => heights.ascent,
            Down::Middle => heights.line / 2.0 - heights.descent,
            Down::Baseline => 0.0,
        };
        let (sine, cosine) = angle.sin_cos();
        let start = (at.0 - sine * lower - cosine * back, at.1 + cosine * lower - sine * back);
        let mut path = Path::default();
        self.sizes[self.current].outline(&mut path, text, start, angle);
        self.surface.fill(&path, self.ink);
    }

    pub fn fill_rectangle(&mut self, left: f64, top: f64, width: f64, height: f64) {
        self.surface.fill(&Path::rectangle(left, top, width, height), self.ink);
    }

    /// A frame within the rectangle, as cairo's users draw it: half a line in from the top left.
    pub fn frame(&mut self, left: f64, top: f64, width: f64, height: f64) {
        let inset = self.pen.width / 2.0;
        let path = Path::rectangle(left + inset, top + inset, width - inset, height - inset);
        self.surface.stroke(&path, Pen { dash: None, ..self.pen }, self.ink);
    }

    pub fn line(&mut self, from: Point, to: Point) {
        let mut path = Path::default();
        path.move_to(from);
        path.line_to(to);
        self.surface.stroke(&path, self.pen, self.ink);
    }

    pub fn stroke(&mut self) {
        let path = std::mem::take(&mut self.path);
        self.surface.stroke(&path, self.pen, self.ink);
    }

    pub fn fill(&mut self) {
        let path = std::mem::take(&mut self.path);
        self.surface.fill(&path, self.ink);
    }

    pub fn clip(&mut self) {
        let path = std::mem::take(&mut self.path);
        self.surface.clip(&path);
    }

    pub fn clip_to(&mut self, left: f64, top: f64, width: f64, height: f64) {
        self.surface.clip(&Path::rectangle(left, top, width, height));
    }

    pub fn unclip_to_first(&mut self) {
        self.surface.unclip_to_first();
    }

    pub fn begin_part(&mut self, name: &str) {
        self.surface.begin_part(name);
    }

    pub fn finish(self) -> Result<Vec<u8>, EvaluationError> {
        self.surface.finish()
    }
}
