//! Drawing instructions as a pdf of one page.

use super::{Ink, Pen, push_number};
use crate::error::EvaluationError;
use crate::limits::MAX_DRAWING_BYTES;
use crate::render::picture::path::{Path, Segment};

pub struct Pdf {
    width: f64,
    height: f64,
    page: String,
    clips: usize,
    /// Opacities that were used; a pdf gives them names.
    alphas: Vec<f64>,
    too_long: bool,
}

impl Pdf {
    pub fn new(width: f64, height: f64) -> Pdf {
        // A pdf counts upwards.
        let mut page = "1 0 0 -1 0 ".to_owned();
        push_number(&mut page, height);
        page.push_str(" cm 10 M\n");
        Pdf { width, height, page, clips: 0, alphas: Vec::new(), too_long: false }
    }

    pub fn fill(&mut self, path: &Path, ink: Ink) {
        if self.is_too_long() {
            return;
        }
        self.ink(ink, "rg");
        push_path(&mut self.page, path);
        self.page.push_str("f\n");
    }

    pub fn stroke(&mut self, path: &Path, pen: Pen, ink: Ink) {
        if self.is_too_long() {
            return;
        }
        self.ink(ink, "RG");
        push_number(&mut self.page, pen.width);
        self.page.push_str(" w [");
        if let Some(length) = pen.dash {
            push_number(&mut self.page, length);
        }
        self.page.push_str("] 1 d\n");
        push_path(&mut self.page, path);
        self.page.push_str("S\n");
    }

    fn ink(&mut self, ink: Ink, operator: &str) {
        let alpha = ink.alpha.clamp(0.0, 1.0);
        let known = self.alphas.iter().position(|known| *known == alpha);
        let index = known.unwrap_or_else(|| {
            self.alphas.push(alpha);
            self.alphas.len() - 1
        });
        self.page.push_str(&format!("/a{index} gs "));
        for part in [ink.red, ink.green, ink.blue] {
            push_number(&mut self.page, part.clamp(0.0, 1.0));
            self.page.push(' ');
        }
        self.page.push_str(operator);
        self.page.push('\n');
    }

    /// What limits the drawing ends with the state that is put aside here.
    pub fn clip(&mut self, path: &Path) {
        if self.is_too_long() {
            return;
        }
        self.page.push_str("q\n");
        push_path(&mut self.page, path);
        self.page.push_str("W n\n");
        self.clips += 1;
    }

    pub fn unclip_to_first(&mut self) {
        while self.clips > 1 {
            self.page.push_str("Q\n");
            self.clips -= 1;
        }
    }

    fn is_too_long(&mut self) -> bool {
        self.too_long |= self.page.len() > MAX_DRAWING_BYTES;
        self.too_long
    }

    pub fn finish(mut self) -> Result<Vec<u8>, EvaluationError> {
        if self.too_long {
            return Err(super::too_long());
        }
        self.page.push_str(&"Q\n".repeat(self.clips));
        let mut sizes = String::new();
        push_number(&mut sizes, self.width);
        sizes.push(' ');
        push_number(&mut sizes, self.height);
        let mut states = String::new();
        for (index, alpha) in self.alphas.iter().enumerate() {
            let mut number = String::new();
            push_number(&mut number, *alpha);
            states.push_str(&format!("/a{index} << /ca {number} /CA {number} >> "));
        }
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [ 3 0 R ] /Count 1 >>".to_owned(),
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 {sizes} ] /Contents 4 0 R \
                 /Resources << /ExtGState << {states}>> >> >>"
            ),
            format!("<< /Length {} >>\nstream\n{}endstream", self.page.len(), self.page),
        ];
        Ok(file(&objects))
    }
}

/// Objects, the table of where they begin, and where that is.
fn file(objects: &[String]) -> Vec<u8> {
    let mut out = "%PDF-1.5\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let table = out.len();
    out.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1));
    for place in &places {
        out.push_str(&format!("{place:010} 00000 n \n"));
    }
    let count = places.len() + 1;
    out.push_str(&format!("trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    out.into_bytes()
}

fn push_path(out: &mut String, path: &Path) {
    let mut push = |points: &[(f64, f64)], operator: &str| {
        for (x, y) in points {
            push_number(out, *x);
            out.push(' ');
            push_number(out, *y);
            out.push(' ');
        }
        out.push_str(operator);
        out.push('\n');
    };
    for segment in &path.segments {
        match *segment {
            Segment::Move(point) => push(&[point], "m"),
            Segment::Line(point) => push(&[point], "l"),
            Segment::Curve(first, second, end) => push(&[first, second, end], "c"),
            Segment::Close => push(&[], "h"),
        }
    }
}
