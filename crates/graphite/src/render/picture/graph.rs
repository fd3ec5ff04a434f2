//! What all pictures share: size, colours, letters, title, and the part that is left for the drawing.

use super::canvas::{Across, Canvas, Down};
use super::color::{ink, name_of};
use super::font::Typeface;
use super::options::{Options, wrong};
use super::surface::Kind;
use super::template::Template;
use super::{Fonts, Picture};
use crate::error::EvaluationError;
use crate::limits::{MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE};
use crate::python::unquoted;

/// The edges of the drawing.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Font {
    pub name: String,
    pub size: f64,
    pub bold: bool,
    pub italic: bool,
}

pub struct Graph<'a> {
    pub options: Options,
    pub template: &'a Template,
    pub canvas: Canvas,
    pub width: f64,
    pub height: f64,
    pub margin: f64,
    pub area: Area,
    pub font: Font,
    pub background: String,
    pub foreground: String,
    colors: Vec<String>,
    next_color: usize,
}

type Drawn<T = ()> = Result<T, EvaluationError>;

impl<'a> Graph<'a> {
    /// An empty picture with its background.
    pub fn new(picture: &'a Picture, fonts: &dyn Fonts) -> Drawn<Graph<'a>> {
        let options = picture.options.clone();
        let template = picture.templates.named(&options.text("template").unwrap_or_else(|| "default".into()));
        let (width, height) = size(&options)?;
        let margin = options.integer("margin")?.filter(|margin| *margin >= 0.0);
        // The original falls back to 10 for a margin below 0.
        let margin = margin.unwrap_or(10.0).min(f64::from(MAX_PICTURE_SIDE));
        // Its pdf has 72 points where 300 pixels are asked for.
        let shrunk = |side: f64| if picture.kind == Kind::Pdf { side / 300.0 * 72.0 } else { side };
        let (width, height) = (shrunk(width), shrunk(height));
        let font = font(&options, template)?;
        let canvas = Canvas::new(picture.kind, width, height, typeface(&font, fonts), font.size);
        let area = Area { left: margin + 10.0, right: width - margin, top: margin, bottom: height - margin };
        let colors = match options.text("colorList") {
            Some(list) => unquoted(&list).split(',').map(|color| color.trim().to_owned()).collect(),
            None => template.line_colors.clone(),
        };
        let background = name_of(options.get("bgcolor"), &template.background);
        let foreground = name_of(options.get("fgcolor"), &template.foreground);
        let mut graph = Graph {
            options,
            template,
            canvas,
            width,
            height,
            margin,
            area,
            font,
            background,
            foreground,
            colors,
            next_color: 0,
        };
        graph.set_color(&graph.background.clone(), 1.0)?;
        graph.canvas.fill_rectangle(0.0, 0.0, width, height);
        Ok(graph)
    }

    pub fn set_color(&mut self, color: &str, alpha: f64) -> Drawn {
        self.canvas.ink = ink(color, alpha)?;
        Ok(())
    }

    pub fn set_foreground(&mut self) -> Drawn {
        self.canvas.ink = ink(&self.foreground, 1.0)?;
        Ok(())
    }

    pub fn next_color(&mut self) -> String {
        let color = self.colors.get(self.next_color % self.colors.len().max(1)).cloned().unwrap_or_default();
        self.next_color += 1;
        color
    }

    pub fn usual_font_size(&mut self) {
        self.canvas.set_font_size(self.font.size);
    }

    /// A little larger than the rest; without a size above 0 there is none.
    pub fn title_font_size(&mut self) -> Drawn {
        if self.font.size <= 0.0 {
            return Err(wrong("fontSize", &self.font.size.to_string(), "greater than 0"));
        }
        self.canvas.set_font_size(self.font.size + self.font.size.ln().floor());
        Ok(())
    }

    /// In red, over everything.
    pub fn no_data(&mut self) -> Drawn {
        self.set_color("red", 1.0)?;
        self.canvas.set_font_size((self.width * self.height).ln());
        self.canvas.text("No Data", (self.width / 2.0, self.height / 2.0), Across::Center, Down::Top);
        Ok(())
    }

    pub fn title(&mut self, text: &str) {
        self.canvas.begin_part("title");
        let mut y = self.area.top;
        let height = self.canvas.heights().line;
        for line in unquoted(text).split('\n') {
            self.canvas.text(line, (self.width / 2.0, y), Across::Center, Down::Top);
            y += height;
        }
        let axis_on_the_right = self.options.text("yAxisSide").is_some_and(|side| side == "right");
        self.area.top = if axis_on_the_right { y } else { y + self.margin };
    }
}

fn size(options: &Options) -> Drawn<(f64, f64)> {
    let side = |name: &str, default: f64| match options.integer(name)?.unwrap_or(default) {
        side if (1.0..=f64::from(MAX_PICTURE_SIDE)).contains(&side) => Ok(side),
        side => Err(wrong(name, &side.to_string(), &format!("from 1 to {MAX_PICTURE_SIDE}"))),
    };
    let (width, height) = (side("width", 330.0)?, side("height", 250.0)?);
    if width * height > MAX_PICTURE_PIXELS as f64 {
        let what = format!("{width} by {height} are more than {MAX_PICTURE_PIXELS} pixels");
        return Err(EvaluationError::failed(format!("{what}: choose a smaller width or height")));
    }
    Ok((width, height))
}

fn font(options: &Options, template: &Template) -> Drawn<Font> {
    let style = |name: &str, default: bool| match options.number(name)? {
        Some(number) => Ok::<bool, EvaluationError>(number != 0.0),
        None => Ok(default),
    };
    Ok(Font {
        name: options.text("fontName").unwrap_or_else(|| template.font_name.clone()),
        size: options.integer("fontSize")?.unwrap_or(template.font_size.trunc()),
        bold: style("fontBold", template.font_bold)?,
        italic: style("fontItalic", template.font_italic)?,
    })
}

fn typeface(font: &Font, fonts: &dyn Fonts) -> Typeface {
    let found = fonts.find(&font.name, font.bold, font.italic).and_then(Typeface::of_file);
    found.unwrap_or_else(|| Typeface::built_in(font.bold))
}
