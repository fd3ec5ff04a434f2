//! Shapes and letters to pixels to png.

use tiny_skia::{FillRule, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform};
use ttf_parser::{Face, OutlineBuilder};

/// DejaVu Sans, cut down to European scripts; see assets/DejaVuSans-LICENSE.txt.
static FONT: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");

/// Red, green, blue, opacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub [u8; 4]);

impl Color {
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Color {
        Color([red, green, blue, 255])
    }

    pub fn with_alpha(self, alpha: f64) -> Color {
        let Color([red, green, blue, own]) = self;
        Color([red, green, blue, (f64::from(own) * alpha.clamp(0.0, 1.0)).round() as u8])
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Pen {
    pub color: Color,
    pub width: f32,
    /// Length of dashes and of the gaps between.
    pub dash: Option<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Area {
    pub fn width(self) -> f32 {
        self.right - self.left
    }

    pub fn height(self) -> f32 {
        self.bottom - self.top
    }
}

pub type Point = (f32, f32);

pub struct Canvas {
    pixels: Pixmap,
    font: Face<'static>,
    /// Nothing is drawn outside of it.
    clip: Option<Mask>,
}

impl Canvas {
    /// `None` if there would be no pixels, or too many to count.
    pub fn new(width: u32, height: u32, background: Color) -> Option<Canvas> {
        let mut pixels = Pixmap::new(width, height)?;
        let Color([red, green, blue, alpha]) = background;
        pixels.fill(tiny_skia::Color::from_rgba8(red, green, blue, alpha));
        let font = Face::parse(FONT, 0).ok()?;
        Some(Canvas { pixels, font, clip: None })
    }

    pub fn clip_to(&mut self, area: Option<Area>) {
        self.clip = area.and_then(|area| {
            let rectangle = Rect::from_ltrb(area.left, area.top, area.right, area.bottom)?;
            let mut mask = Mask::new(self.pixels.width(), self.pixels.height())?;
            let path = PathBuilder::from_rect(rectangle);
            mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
            Some(mask)
        });
    }

    pub fn rectangle(&mut self, area: Area, color: Color) {
        if let Some(rectangle) = Rect::from_ltrb(area.left, area.top, area.right, area.bottom) {
            self.fill(&PathBuilder::from_rect(rectangle), color);
        }
    }

    pub fn polygon(&mut self, points: &[Point], color: Color) {
        if let Some(path) = path_through(points, true) {
            self.fill(&path, color);
        }
    }

    pub fn line(&mut self, points: &[Point], pen: Pen) {
        let Some(path) = path_through(points, false) else { return };
        let stroke = Stroke {
            width: pen.width,
            line_join: tiny_skia::LineJoin::Round,
            line_cap: tiny_skia::LineCap::Round,
            dash: pen.dash.and_then(|length| StrokeDash::new(vec![length, length], 0.0)),
            ..Stroke::default()
        };
        let paint = paint(pen.color);
        self.pixels.stroke_path(&path, &paint, &stroke, Transform::identity(), self.clip.as_ref());
    }

    fn fill(&mut self, path: &Path, color: Color) {
        let paint = paint(color);
        self.pixels.fill_path(path, &paint, FillRule::Winding, Transform::identity(), self.clip.as_ref());
    }

    pub fn text_width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|character| self.advance(character)).sum::<f32>() * self.scale(size)
    }

    fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.font.units_per_em().max(1))
    }

    fn advance(&self, character: char) -> f32 {
        let glyph = self.font.glyph_index(character).unwrap_or_default();
        self.font.glyph_hor_advance(glyph).map_or(0.0, f32::from)
    }

    /// The point is the left, middle or right end of the line that the letters stand on. Upright text reads
    /// from the bottom to the top.
    pub fn text(&mut self, at: Point, text: &str, size: f32, color: Color, anchor: Anchor, upright: bool) {
        let width = self.text_width(text, size);
        let back = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let mut outline = Outline { builder: PathBuilder::new(), offset: 0.0 };
        for character in text.chars() {
            let glyph = self.font.glyph_index(character).unwrap_or_default();
            self.font.outline_glyph(glyph, &mut outline);
            outline.offset += self.advance(character);
        }
        let Some(path) = outline.builder.finish() else { return };
        let scale = self.scale(size);
        // Fonts count upwards.
        let place = Transform::from_scale(scale, -scale).post_translate(-back, 0.0);
        let place = if upright { place.post_rotate(-90.0) } else { place };
        if let Some(path) = path.transform(place.post_translate(at.0, at.1)) {
            self.fill(&path, color);
        }
    }

    /// As much of the text as fits, with an ellipsis if that is not all.
    pub fn fitting(&self, text: &str, size: f32, width: f32) -> String {
        if self.text_width(text, size) <= width {
            return text.to_owned();
        }
        let room = width / self.scale(size) - self.advance('…');
        let mut used = 0.0;
        let fits = |character: &char| {
            used += self.advance(*character);
            used <= room
        };
        text.chars().take_while(fits).chain(['…']).collect()
    }

    pub fn png(self) -> Result<Vec<u8>, String> {
        self.pixels.encode_png().map_err(|error| format!("cannot write the png: {error}"))
    }
}

fn paint(color: Color) -> Paint<'static> {
    let Color([red, green, blue, alpha]) = color;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, alpha);
    paint
}

fn path_through(points: &[Point], close: bool) -> Option<Path> {
    let (first, rest) = points.split_first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.0, first.1);
    for point in rest {
        builder.line_to(point.0, point.1);
    }
    if rest.is_empty() {
        // A single point shows as a dot.
        builder.line_to(first.0 + 0.01, first.1);
    }
    if close {
        builder.close();
    }
    builder.finish()
}

struct Outline {
    builder: PathBuilder,
    offset: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.builder.move_to(x + self.offset, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.builder.line_to(x + self.offset, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.builder.quad_to(x1 + self.offset, y1, x + self.offset, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.builder.cubic_to(x1 + self.offset, y1, x2 + self.offset, y2, x + self.offset, y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}
