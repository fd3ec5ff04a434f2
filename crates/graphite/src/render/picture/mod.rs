//! Pictures: png, svg and pdf of lines over time or of a pie, looking as graphite-web's do.
//!
//! [`options`] and [`template`] say how; [`graph`] is what all pictures share, [`line_graph`] and [`pie`] put
//! everything in its place, [`x_axis`] and [`y_axis`] choose what is marked, [`lines`] draws the series. All draw
//! with a [`canvas`], which knows letters ([`font`]) and hands strokes and fills to a [`surface`].

mod canvas;
mod clock;
mod color;
mod font;
mod graph;
mod legend;
mod line_axes;
mod line_graph;
mod lines;
mod metadata;
mod options;
mod path;
mod pie;
mod surface;
mod template;
mod x_axis;
mod y_axis;

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::answer::Answer;
use crate::error::EvaluationError;
use crate::parameters::Parameters;
use crate::python::push_json_text;
use crate::series::Series;

pub use pie::Slice;
pub use surface::Kind;
pub use template::{TemplateError, Templates};

/// Where typefaces come from that are not built in.
pub trait Fonts: Send + Sync {
    /// The file of a family, such as `Sans` or `DejaVu Serif`, that fits best. None: the built-in one.
    fn find(&self, family: &str, bold: bool, italic: bool) -> Option<Arc<[u8]>>;
}

/// Nothing but the built-in typeface.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInFonts;

impl Fonts for BuiltInFonts {
    fn find(&self, _: &str, _: bool, _: bool) -> Option<Arc<[u8]>> {
        None
    }
}

/// What a request says about its picture.
#[derive(Clone, Debug)]
pub struct Picture {
    pub kind: Kind,
    pub pie: bool,
    options: options::Options,
    templates: Arc<Templates>,
}

impl Picture {
    pub fn of(params: Parameters<'_>, pie: bool, templates: &Arc<Templates>) -> Picture {
        let options = options::Options::of(params, pie);
        // The original has a second name for it, which wins.
        let format = options.text("outputFormat").or(params.get("format").map(str::to_owned));
        let kind = match format.as_deref() {
            Some("svg") => Kind::Svg,
            Some("pdf") => Kind::Pdf,
            _ => Kind::Png,
        };
        Picture { kind, pie, options, templates: templates.clone() }
    }

    pub fn lines(
        &self,
        series: Vec<Series>,
        zone: &TimeZone,
        fonts: &dyn Fonts,
    ) -> Result<Vec<u8>, EvaluationError> {
        match line_graph::draw(graph::Graph::new(self, fonts)?, series, zone)? {
            Ok(picture) => {
                let metadata =
                    if self.kind == Kind::Svg { metadata::of_lines(&picture)? } else { Vec::new() };
                self.finish(picture.graph, &metadata)
            }
            Err(graph) => self.finish(graph, b"{}"),
        }
    }

    pub fn pie(&self, slices: Vec<Slice>, fonts: &dyn Fonts) -> Result<Vec<u8>, EvaluationError> {
        let mut graph = graph::Graph::new(self, fonts)?;
        pie::draw(&mut graph, slices)?;
        self.finish(graph, b"{}")
    }

    fn finish(&self, graph: graph::Graph<'_>, metadata: &[u8]) -> Result<Vec<u8>, EvaluationError> {
        let mut bytes = graph.canvas.finish()?;
        if self.kind == Kind::Svg {
            bytes.extend(metadata::script(metadata));
        }
        Ok(bytes)
    }

    /// An svg may be wanted as a call of a function with its text. (The original fails at that.)
    pub fn answer(&self, bytes: Vec<u8>, callback: Option<&str>) -> Answer {
        match (self.kind, callback) {
            (Kind::Svg, Some(callback)) => {
                let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 8);
                push_json_text(&mut text, &String::from_utf8_lossy(&bytes));
                Answer::json(text, Some(callback))
            }
            (Kind::Svg, None) => Answer::new("image/svg+xml", bytes),
            (Kind::Pdf, _) => Answer::new("application/x-pdf", bytes),
            (Kind::Png, _) => Answer::new("image/png", bytes),
        }
    }
}
