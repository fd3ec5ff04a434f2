//! Drawing instructions as svg, in cairo's words: scripts that read graphite-web's pictures read these.

use super::{Ink, Pen, push_number};
use crate::error::EvaluationError;
use crate::limits::MAX_DRAWING_BYTES;
use crate::render::picture::path::{Path, Point, Segment};

pub struct Svg {
    width: f64,
    height: f64,
    definitions: String,
    body: String,
    clips: usize,
    /// Shapes that limit the drawing, none of which is open yet, and how many are.
    waiting: Vec<usize>,
    open: usize,
    parts: usize,
    first: bool,
    too_long: bool,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Svg {
        Svg {
            width,
            height,
            definitions: String::new(),
            body: String::new(),
            clips: 0,
            waiting: Vec::new(),
            open: 0,
            parts: 0,
            first: true,
            too_long: false,
        }
    }

    pub fn fill(&mut self, path: &Path, ink: Ink) {
        if std::mem::take(&mut self.first) {
            return self.background(ink);
        }
        self.element(path, |out| {
            out.push_str("<path style=\" stroke:none;fill-rule:nonzero;");
            push_ink(out, "fill", ink);
        });
    }

    pub fn stroke(&mut self, path: &Path, pen: Pen, ink: Ink) {
        self.element(path, |out| {
            out.push_str("<path style=\"fill:none;stroke-width:");
            push_number(out, pen.width);
            out.push_str(";stroke-linecap:butt;stroke-linejoin:miter;");
            push_ink(out, "stroke", ink);
            if let Some(length) = pen.dash {
                out.push_str("stroke-dasharray:");
                push_number(out, length);
                out.push_str(";stroke-dashoffset:1;");
            }
            out.push_str("stroke-miterlimit:10;");
        });
    }

    /// The first fill covers everything.
    fn background(&mut self, ink: Ink) {
        self.body.push_str("<rect x=\"0\" y=\"0\" width=\"");
        push_number(&mut self.body, self.width);
        self.body.push_str("\" height=\"");
        push_number(&mut self.body, self.height);
        self.body.push_str("\" style=\"");
        push_ink(&mut self.body, "fill", ink);
        self.body.push_str("stroke:none;\"/>\n");
    }

    fn element(&mut self, path: &Path, style: impl FnOnce(&mut String)) {
        self.too_long |= self.body.len() + self.definitions.len() > MAX_DRAWING_BYTES;
        if self.too_long {
            return;
        }
        for clip in self.waiting.drain(..) {
            self.body.push_str(&format!("<g clip-path=\"url(#clip{clip})\" clip-rule=\"nonzero\">\n"));
            self.open += 1;
        }
        style(&mut self.body);
        self.body.push_str("\" d=\"");
        push_path(&mut self.body, path);
        self.body.push_str("\"/>\n");
    }

    pub fn clip(&mut self, path: &Path) {
        self.too_long |= self.body.len() + self.definitions.len() > MAX_DRAWING_BYTES;
        if self.too_long {
            return;
        }
        self.clips += 1;
        self.waiting.push(self.clips);
        self.definitions.push_str(&format!("<clipPath id=\"clip{}\">\n  <path d=\"", self.clips));
        push_path(&mut self.definitions, path);
        self.definitions.push_str("\"/>\n</clipPath>\n");
    }

    pub fn unclip_to_first(&mut self) {
        while self.open > 1 {
            self.body.push_str("</g>\n");
            self.open -= 1;
        }
        self.waiting = if self.open == 0 && self.clips > 0 { vec![1] } else { Vec::new() };
    }

    pub fn begin_part(&mut self, name: &str) {
        if self.parts > 0 {
            self.body.push_str("</g>");
        }
        self.parts += 1;
        self.body.push_str(&format!("<g class=\"{name}\">\n"));
    }

    pub fn finish(mut self) -> Result<Vec<u8>, EvaluationError> {
        if self.too_long {
            return Err(super::too_long());
        }
        let mut out = String::with_capacity(self.definitions.len() + self.body.len() + 500);
        out.push_str(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" ",
        );
        out.push_str("xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"");
        push_number(&mut out, self.width);
        out.push_str("px\" height=\"");
        push_number(&mut out, self.height);
        out.push_str("px\" viewBox=\"0 0 ");
        push_number(&mut out, self.width);
        out.push(' ');
        push_number(&mut out, self.height);
        out.push_str("\" version=\"1.1\">\n");
        if self.definitions.is_empty() {
            out.push_str("<g id=\"surface1\">\n");
        } else {
            out.push_str("<defs>\n");
            out.push_str(&self.definitions);
            out.push_str("</defs>\n<g class=\"graphite\" id=\"surface1\">\n");
        }
        for _ in 0..self.open {
            self.body.push_str("</g>\n");
        }
        out.push_str(&self.body);
        out.push_str("</g>\n");
        if self.parts > 0 {
            out.push_str("</g>");
        }
        Ok(out.into_bytes())
    }
}

fn push_ink(out: &mut String, what: &str, ink: Ink) {
    out.push_str(what);
    out.push_str(":rgb(");
    for (index, part) in [ink.red, ink.green, ink.blue].into_iter().enumerate() {
        out.push_str(if index > 0 { "%," } else { "" });
        push_number(out, part.clamp(0.0, 1.0) * 100.0);
    }
    out.push_str("%);");
    out.push_str(what);
    out.push_str("-opacity:");
    push_number(out, ink.alpha.clamp(0.0, 1.0));
    out.push(';');
}

fn push_path(out: &mut String, path: &Path) {
    let mut start = (0.0, 0.0);
    for (index, segment) in path.segments.iter().enumerate() {
        match *segment {
            Segment::Move(point) => {
                out.push_str("M ");
                push_point(out, point);
                start = point;
            }
            Segment::Line(point) => {
                out.push_str("L ");
                push_point(out, point);
            }
            Segment::Curve(first, second, end) => {
                out.push_str("C ");
                [first, second, end].into_iter().for_each(|point| push_point(out, point));
            }
            Segment::Close => {
                out.push_str("Z ");
                if !matches!(path.segments.get(index + 1), Some(Segment::Move(_))) {
                    out.push_str("M ");
                    push_point(out, start);
                }
            }
        }
    }
}

fn push_point(out: &mut String, (x, y): Point) {
    push_number(out, x);
    out.push(' ');
    push_number(out, y);
    out.push(' ');
}
