//! Pixels, and their png.

use super::shape::{Rectangle, Shape, filled, rasterize};
use super::stroke::stroked;
use super::{Ink, Pen};
use crate::error::EvaluationError;
use crate::render::picture::path::Path;

pub struct Pixels {
    width: usize,
    height: usize,
    /// Opacity, red, green, blue from the highest byte down, the colours multiplied by the opacity.
    pixels: Vec<u32>,
    clip: Clip,
    first_clip: Option<Clip>,
}

/// Where may be drawn: within a rectangle, and by how much on each pixel.
#[derive(Clone)]
struct Clip {
    limits: Rectangle,
    mask: Option<Vec<u8>>,
}

impl Pixels {
    pub fn new(width: usize, height: usize) -> Pixels {
        let limits = Rectangle::new(0.0, 0.0, width as f64, height as f64);
        let clip = Clip { limits, mask: None };
        Pixels { width, height, pixels: vec![0; width * height], clip, first_clip: None }
    }

    pub fn fill(&mut self, path: &Path, ink: Ink) {
        self.paint(&filled(&path.outlines()), ink);
    }

    pub fn stroke(&mut self, path: &Path, pen: Pen, ink: Ink) {
        let (pen, ink) = without_tiny_dashes(pen, ink);
        self.paint(&stroked(&path.outlines(), pen), ink);
    }

    fn paint(&mut self, shape: &Shape, ink: Ink) {
        let color = premultiplied(ink);
        if color >> 24 == 0 {
            return;
        }
        let Pixels { width, pixels, clip, .. } = self;
        rasterize(shape, clip.limits, |y, first, covered| {
            let start = y * *width + first;
            let end = (start + covered.len()).min(pixels.len());
            let Some(row) = pixels.get_mut(start..end) else { return };
            match clip.mask.as_ref().and_then(|mask| mask.get(start..end)) {
                Some(mask) => {
                    for ((pixel, share), most) in row.iter_mut().zip(covered).zip(mask) {
                        blend(pixel, color, multiplied(*share, *most));
                    }
                }
                None => row.iter_mut().zip(covered).for_each(|(pixel, share)| blend(pixel, color, *share)),
            }
        });
    }

    pub fn clip(&mut self, path: &Path) {
        match filled(&path.outlines()) {
            Shape::Boxes(boxes) if boxes.len() == 1 => {
                self.clip.limits = self.clip.limits.within(boxes[0]);
            }
            shape => self.mask(&shape),
        }
        if self.first_clip.is_none() {
            self.first_clip = Some(self.clip.clone());
        }
    }

    /// Only what the shape leaves as it was is drawn on; the rest is cleared run by run.
    fn mask(&mut self, shape: &Shape) {
        let Pixels { width, height, clip, .. } = self;
        let mask = clip.mask.get_or_insert_with(|| vec![255; *width * *height]);
        let mut next = 0;
        rasterize(shape, clip.limits, |y, first, covered| {
            let start = (y * *width + first).min(mask.len());
            let end = (start + covered.len()).min(mask.len());
            mask[next..start.max(next)].fill(0);
            for (most, share) in mask[start..end].iter_mut().zip(covered) {
                *most = multiplied(*most, *share);
            }
            next = end;
        });
        mask[next..].fill(0);
    }

    pub fn unclip_to_first(&mut self) {
        if let Some(first) = &self.first_clip {
            self.clip = first.clone();
        }
    }

    /// Without opacity where there is none to tell.
    pub fn png(self) -> Result<Vec<u8>, EvaluationError> {
        let opaque = self.pixels.iter().all(|pixel| pixel >> 24 == 255);
        let bytes: Vec<u8> = if opaque {
            let mut bytes = Vec::with_capacity(self.pixels.len() * 3);
            for pixel in &self.pixels {
                bytes.extend_from_slice(&pixel.to_be_bytes()[1..]);
            }
            bytes
        } else {
            self.pixels.iter().flat_map(|pixel| straight(*pixel)).collect()
        };
        let mut out = Vec::with_capacity(bytes.len() / 16);
        let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
        encoder.set_color(if opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let failed =
            |error: png::EncodingError| EvaluationError::failed(format!("cannot write the png: {error}"));
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&bytes).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(out)
    }
}

/// Dashes that no eye can tell apart are a line of half the opacity, as in cairo.
fn without_tiny_dashes(pen: Pen, ink: Ink) -> (Pen, Ink) {
    match pen.dash {
        Some(length) if length < 0.05 => (Pen { dash: None, ..pen }, Ink { alpha: ink.alpha / 2.0, ..ink }),
        _ => (pen, ink),
    }
}

fn premultiplied(ink: Ink) -> u32 {
    let alpha = ink.alpha.clamp(0.0, 1.0);
    let byte = |part: f64| {
        let sixteen = (part.clamp(0.0, 1.0) * 65_536.0) as u32;
        (sixteen - (sixteen >> 16)) >> 8
    };
    byte(alpha) << 24 | byte(ink.red * alpha) << 16 | byte(ink.green * alpha) << 8 | byte(ink.blue * alpha)
}

fn straight(pixel: u32) -> [u8; 4] {
    let alpha = pixel >> 24;
    if alpha == 0 {
        return [0; 4];
    }
    let part = |shift: u32| ((((pixel >> shift) & 255) * 255 + alpha / 2) / alpha).min(255) as u8;
    [part(16), part(8), part(0), alpha as u8]
}

fn multiplied(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

/// Two bytes of a pixel at a time, each in 16 bits, times a share of 255.
fn scaled(pair: u32, share: u32, rounding: u32) -> u32 {
    let product = (pair & 0x00ff_00ff) * share + rounding;
    ((product + ((product >> 8) & 0x00ff_00ff)) >> 8) & 0x00ff_00ff
}

/// A colour over a pixel; the rounding is cairo's, which has two ways.
#[inline]
fn blend(pixel: &mut u32, color: u32, share: u8) {
    let share = u32::from(share);
    if share == 0 {
        return;
    }
    if color >> 24 == 255 {
        if share == 255 {
            *pixel = color;
            return;
        }
        const ROUNDING: u32 = 0x007f_007f;
        let mix = |shift: u32| {
            let (over, under) = (color >> shift, *pixel >> shift);
            scaled(over, share, ROUNDING) + scaled(under, 255 - share, ROUNDING)
        };
        *pixel = mix(0) | mix(8) << 8;
        return;
    }
    const ROUNDING: u32 = 0x0080_0080;
    let over = |shift: u32| scaled(color >> shift, share, ROUNDING);
    let (low, high) = (over(0), over(8));
    let rest = 255 - (high >> 16);
    let under = |shift: u32| scaled(*pixel >> shift, rest, ROUNDING);
    *pixel = (low + under(0)) | (high + under(8)) << 8;
}
