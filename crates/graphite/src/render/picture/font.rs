//! Letters: how wide and high they are, and their outlines.
//!
//! As cairo has them, because their sizes decide where everything else is: on pixels hinted for black and white
//! with whole widths, in svg and pdf neither hinted nor rounded. (In graphite-web a typeface stays as the first
//! picture of a process had it; this is what it is after a png of usual size.)

use std::collections::HashMap;
use std::sync::Arc;

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, Engine, HintingInstance, HintingOptions, OutlinePen, Target};
use skrifa::raw::TableProvider;
use skrifa::{FontRef, GlyphId, MetadataProvider};

use super::path::{Path, Point, Segment, snap};
use crate::limits::MAX_TEXT_LETTERS;

static REGULAR: &[u8] = include_bytes!("../../../assets/DejaVuSans-subset.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/DejaVuSans-Bold-subset.ttf");

#[derive(Clone, Debug)]
pub enum Typeface {
    Ours(&'static [u8]),
    Theirs(Arc<[u8]>),
}

impl Typeface {
    /// The one that is always there: DejaVu Sans. It has no slanted form, as on machines with fonts-dejavu-core.
    pub fn built_in(bold: bool) -> Typeface {
        Typeface::Ours(if bold { BOLD } else { REGULAR })
    }

    /// From a file, if it is a font that can be drawn.
    pub fn of_file(bytes: Arc<[u8]>) -> Option<Typeface> {
        let typeface = Typeface::Theirs(bytes);
        let font = typeface.font()?;
        let drawable = font.outline_glyphs().format().is_some() && font.hhea().is_ok() && font.head().is_ok();
        drawable.then_some(typeface)
    }

    fn font(&self) -> Option<FontRef<'_>> {
        let data = match self {
            Typeface::Ours(data) => data,
            Typeface::Theirs(data) => data.as_ref(),
        };
        FontRef::from_index(data, 0).ok()
    }
}

/// Height above and below the line that letters stand on, and from line to line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heights {
    pub ascent: f64,
    pub descent: f64,
    pub line: f64,
}

/// A typeface in a size.
pub struct Letters {
    typeface: Typeface,
    size: f64,
    /// Widths and heights are whole pixels.
    whole: bool,
    hinting: Option<HintingInstance>,
    known: HashMap<char, Letter>,
}

#[derive(Clone, Default)]
struct Letter {
    width: f64,
    outline: Vec<Segment>,
}

impl Letters {
    pub fn new(typeface: Typeface, size: f64, on_pixels: bool) -> Letters {
        let size = if size.is_finite() { size.clamp(0.0, 20_000.0) } else { 0.0 };
        let mut letters = Letters { typeface, size, whole: on_pixels, hinting: None, known: HashMap::new() };
        if on_pixels {
            letters.hinting = letters.hinting();
        }
        letters
    }

    fn hinting(&self) -> Option<HintingInstance> {
        let options = HintingOptions { engine: Engine::Interpreter, target: Target::Mono };
        let glyphs = self.typeface.font()?.outline_glyphs();
        HintingInstance::new(&glyphs, Size::new(self.fine_size() as f32), LocationRef::default(), options)
            .ok()
    }

    /// FreeType's sizes are multiples of 1/64.
    fn fine_size(&self) -> f64 {
        (self.size * 64.0 + 0.5).floor() / 64.0
    }

    pub fn is(&self, size: f64) -> bool {
        self.size == size
    }

    pub fn heights(&self) -> Heights {
        let measured = self.typeface.font().and_then(|font| {
            let per_em = f64::from(font.head().ok()?.units_per_em()).max(1.0);
            let table = font.hhea().ok()?;
            let (ascender, descender) = (table.ascender().to_i16(), table.descender().to_i16());
            Some((per_em, f64::from(ascender), f64::from(descender), f64::from(table.line_gap().to_i16())))
        });
        let Some((per_em, ascender, descender, gap)) = measured else {
            return Heights { ascent: self.size, descent: 0.0, line: self.size };
        };
        let scaled = |units: f64| units * self.size / per_em;
        let fine = |units: f64| (scaled(units) * 64.0).round() / 64.0;
        let (ascent, descent, line) = (ascender, -descender, ascender - descender + gap);
        match self.whole {
            true => Heights {
                ascent: fine(ascent).ceil(),
                descent: fine(descent).ceil(),
                line: (fine(line) + 0.5).floor(),
            },
            false => Heights { ascent: scaled(ascent), descent: scaled(descent), line: scaled(line) },
        }
    }

    pub fn width(&mut self, text: &str) -> f64 {
        text.chars().take(MAX_TEXT_LETTERS).map(|character| self.letter(character).width).sum()
    }

    /// Adds the outlines of a text that starts at a point and runs at an angle, and says where it ends.
    pub fn outline(&mut self, path: &mut Path, text: &str, start: Point, angle: f64) {
        let (sine, cosine) = exact(angle);
        let mut along = 0.0;
        for character in text.chars().take(MAX_TEXT_LETTERS) {
            let letter = self.letter(character);
            let origin = (snap(start.0 + along * cosine), snap(start.1 + along * sine));
            let place = |(x, y): Point| (origin.0 + x * cosine - y * sine, origin.1 + x * sine + y * cosine);
            for segment in &letter.outline {
                match *segment {
                    Segment::Move(point) => path.move_to(place(point)),
                    Segment::Line(point) => path.line_to(place(point)),
                    Segment::Curve(first, second, end) => {
                        path.curve_to(place(first), place(second), place(end))
                    }
                    Segment::Close => path.close(),
                }
            }
            along += letter.width;
        }
        path.move_to((start.0 + along * cosine, start.1 + along * sine));
    }

    fn letter(&mut self, character: char) -> &Letter {
        if !self.known.contains_key(&character) {
            let letter = self.drawn(character).unwrap_or_default();
            self.known.insert(character, letter);
        }
        &self.known[&character]
    }

    fn drawn(&self, character: char) -> Option<Letter> {
        let font = self.typeface.font()?;
        let glyph = font.charmap().map(character).unwrap_or(GlyphId::NOTDEF);
        let size = self.fine_size();
        let linear =
            f64::from(font.glyph_metrics(Size::unscaled(), LocationRef::default()).advance_width(glyph)?);
        let per_em = f64::from(font.head().ok()?.units_per_em()).max(1.0);
        let mut width = linear * self.size / per_em;
        let mut tracer = Tracer::default();
        if let Some(outline) = font.outline_glyphs().get(glyph) {
            let drawn = match &self.hinting {
                Some(hinting) => outline.draw(DrawSettings::hinted(hinting, false), &mut tracer),
                None => {
                    let size = Size::new(size as f32);
                    outline.draw(DrawSettings::unhinted(size, LocationRef::default()), &mut tracer)
                }
            };
            let hinted = drawn.ok().and_then(|metrics| metrics.advance_width);
            width = hinted.filter(|_| self.hinting.is_some()).map_or(width, f64::from);
        }
        let width = if self.whole { (width + 0.5).floor() } else { width };
        Some(Letter { width, outline: tracer.outline })
    }
}

/// Sine and cosine, without rounding errors for upright text.
fn exact(angle: f64) -> (f64, f64) {
    let clean = |value: f64| if value.abs() < 1e-12 { 0.0 } else { value };
    (clean(angle.sin()), clean(angle.cos()))
}

/// Takes down an outline, turned over: fonts count upwards.
#[derive(Default)]
struct Tracer {
    outline: Vec<Segment>,
    at: Point,
}

impl Tracer {
    /// On FreeType's grid of 1/64.
    fn point(&self, x: f32, y: f32) -> Point {
        let (x, y) = (f64::from(x), f64::from(y));
        ((x * 64.0).round() / 64.0, -(y * 64.0).round() / 64.0)
    }
}

impl OutlinePen for Tracer {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = self.point(x, y);
        self.outline.push(Segment::Move(self.at));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = self.point(x, y);
        self.outline.push(Segment::Line(self.at));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (inner, end) = (self.point(x1, y1), self.point(x, y));
        // Cut off, not rounded, to cairo's grid, as there.
        let part = |from: f64, inner: f64| ((from + (inner - from) * 2.0 / 3.0) * 256.0).trunc() / 256.0;
        let toward = |from: Point| (part(from.0, inner.0), part(from.1, inner.1));
        self.outline.push(Segment::Curve(toward(self.at), toward(end), end));
        self.at = end;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let end = self.point(x, y);
        self.outline.push(Segment::Curve(self.point(x1, y1), self.point(x2, y2), end));
        self.at = end;
    }

    fn close(&mut self) {
        self.outline.push(Segment::Close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cairo 1.16 measures them.
    #[test]
    fn sizes_of_text() {
        let text = "Hello WAVE 0.123 k";
        let check = |size: f64, bold: bool, pixels: bool, width: f64, heights: [f64; 3]| {
            let mut letters = Letters::new(Typeface::built_in(bold), size, pixels);
            assert!((letters.width(text) - width).abs() < 1e-3, "{size}: {}", letters.width(text));
            let Heights { ascent, descent, line } = letters.heights();
            for (found, wanted) in [ascent, descent, line].into_iter().zip(heights) {
                assert!((found - wanted).abs() < 1e-4, "{size}: {found} instead of {wanted}");
            }
        };
        check(6.0, false, true, 62.0, [6.0, 2.0, 7.0]);
        check(8.0, false, true, 80.0, [8.0, 2.0, 9.0]);
        check(10.0, false, true, 95.0, [10.0, 3.0, 12.0]);
        check(10.0, true, true, 111.0, [10.0, 3.0, 12.0]);
        check(13.0, false, true, 124.0, [13.0, 4.0, 15.0]);
        check(13.0, true, true, 145.0, [13.0, 4.0, 15.0]);
        check(10.0, false, false, 99.1895, [9.28223, 2.3584, 11.64063]);
    }
}
