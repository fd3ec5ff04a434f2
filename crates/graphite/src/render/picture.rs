//! How a picture is to look: the parameters that graphite-web has for it, as far as a line chart needs them.

use super::canvas::Color;
use crate::error::Refusal;
use crate::functions::units::System;
use crate::limits;
use crate::parameters::Parameters;

#[derive(Clone, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub margin: f32,
    pub font_size: f32,
    pub background: Color,
    pub foreground: Color,
    pub major_grid: Color,
    pub minor_grid: Color,
    /// Of lines without a colour of their own, in turn.
    pub colors: Vec<Color>,
    pub title: Option<String>,
    pub vertical_title: Option<String>,
    /// `None`: hidden when there are many series.
    pub hide_legend: Option<bool>,
    pub hide_grid: bool,
    pub hide_x_axis: bool,
    pub hide_y_axis: bool,
    pub line_width: f32,
    pub line_mode: LineMode,
    pub area_mode: AreaMode,
    pub area_alpha: Option<f64>,
    pub null_as_zero: bool,
    pub y_min: Option<f64>,
    pub y_max: Option<f64>,
    pub units: System,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineMode {
    /// From point to point.
    Slope,
    /// Level until the next point.
    Staircase,
    /// From point to point, over gaps too.
    Connected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaMode {
    None,
    First,
    All,
    Stacked,
}

impl Look {
    pub fn of(params: Parameters<'_>) -> Result<Look, Refusal> {
        let params = Params(params);
        let graph_only = params.flag("graphOnly");
        let hide_axes = graph_only || params.flag("hideAxes");
        let number = |name: &str| params.number(name);
        let color = |name: &str, default: Color| params.color(name, default);
        Ok(Look {
            width: params.side("width", 330)?,
            height: params.side("height", 250)?,
            margin: number("margin")?.map_or(10.0, |margin| margin.clamp(0.0, 500.0) as f32),
            font_size: number("fontSize")?.map_or(10.0, |size| size.clamp(4.0, 100.0) as f32),
            background: color("bgcolor", WHITE)?,
            foreground: color("fgcolor", BLACK)?,
            major_grid: color("majorGridLineColor", ROSE)?,
            minor_grid: color("minorGridLineColor", GRAY)?,
            colors: params.colors()?,
            title: params.text("title").map(str::to_owned),
            vertical_title: params.text("vtitle").map(str::to_owned),
            hide_legend: if graph_only { Some(true) } else { params.optional_flag("hideLegend") },
            hide_grid: graph_only || params.flag("hideGrid"),
            hide_x_axis: hide_axes || params.flag("hideXAxis"),
            hide_y_axis: hide_axes || params.flag("hideYAxis"),
            line_width: params.line_width()?,
            line_mode: params.line_mode()?,
            area_mode: params.area_mode()?,
            area_alpha: number("areaAlpha")?,
            null_as_zero: params.flag("drawNullAsZero"),
            y_min: number("yMin")?.or(number("min")?),
            y_max: number("yMax")?.or(number("max")?),
            units: System::of_axis(params.text("yUnitSystem").unwrap_or("si")),
        })
    }
}

/// Values as the original reads them: `default` and nothing are as if they were not there.
struct Params<'a>(Parameters<'a>);

impl<'a> Params<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case("default"))
    }

    fn optional_flag(&self, name: &str) -> Option<bool> {
        let value = self.text(name)?;
        Some(!value.eq_ignore_ascii_case("false") && value.parse() != Ok(0.0))
    }

    fn flag(&self, name: &str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let number = value.parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Some).ok_or_else(|| wrong(name, value, "a number"))
    }

    fn side(&self, name: &str, default: u32) -> Result<u32, Refusal> {
        let Some(number) = self.number(name)? else { return Ok(default) };
        let most = limits::MAX_PICTURE_SIDE;
        if (1.0..=f64::from(most)).contains(&number) {
            return Ok(number as u32);
        }
        Err(wrong(name, self.text(name).unwrap_or_default(), &format!("a number from 1 to {most}")))
    }

    fn line_width(&self) -> Result<f32, Refusal> {
        let width = self.number("lineWidth")?.or(self.number("thickness")?);
        Ok(width.map_or(1.2, |width| width.clamp(0.0, 100.0) as f32))
    }

    fn line_mode(&self) -> Result<LineMode, Refusal> {
        match self.text("lineMode").unwrap_or("slope").to_ascii_lowercase().as_str() {
            "slope" => Ok(LineMode::Slope),
            "staircase" => Ok(LineMode::Staircase),
            "connected" => Ok(LineMode::Connected),
            other => Err(wrong("lineMode", other, "slope, staircase or connected")),
        }
    }

    fn area_mode(&self) -> Result<AreaMode, Refusal> {
        match self.text("areaMode").unwrap_or("none").to_ascii_lowercase().as_str() {
            "none" => Ok(AreaMode::None),
            "first" => Ok(AreaMode::First),
            "all" => Ok(AreaMode::All),
            "stacked" => Ok(AreaMode::Stacked),
            other => Err(wrong("areaMode", other, "none, first, all or stacked")),
        }
    }

    fn color(&self, name: &str, default: Color) -> Result<Color, Refusal> {
        let Some(value) = self.text(name) else { return Ok(default) };
        color(value).ok_or_else(|| wrong(name, value, "a color"))
    }

    fn colors(&self) -> Result<Vec<Color>, Refusal> {
        let Some(list) = self.text("colorList") else { return Ok(LINES.to_vec()) };
        let one = |name: &str| color(name).ok_or_else(|| wrong("colorList", name, "a color"));
        list.trim_matches('"').split(',').map(|name| one(name.trim())).collect()
    }
}

fn wrong(name: &str, value: &str, wanted: &str) -> Refusal {
    Refusal::bad_parameters(&format!("{name} must be {wanted}, not {}", crate::python::quoted(value)))
}

const WHITE: Color = Color::rgb(255, 255, 255);
const BLACK: Color = Color::rgb(0, 0, 0);
const ROSE: Color = Color::rgb(200, 150, 200);
const GRAY: Color = Color::rgb(175, 175, 175);

const NAMES: [(&str, Color); 22] = [
    ("black", BLACK),
    ("white", WHITE),
    ("blue", Color::rgb(100, 100, 255)),
    ("green", Color::rgb(0, 200, 0)),
    ("red", Color::rgb(200, 0, 50)),
    ("yellow", Color::rgb(255, 255, 0)),
    ("orange", Color::rgb(255, 165, 0)),
    ("purple", Color::rgb(200, 100, 255)),
    ("brown", Color::rgb(150, 100, 50)),
    ("cyan", Color::rgb(0, 255, 255)),
    ("aqua", Color::rgb(0, 150, 150)),
    ("gray", GRAY),
    ("grey", GRAY),
    ("magenta", Color::rgb(255, 0, 255)),
    ("pink", Color::rgb(255, 100, 100)),
    ("gold", Color::rgb(200, 200, 0)),
    ("rose", ROSE),
    ("darkblue", Color::rgb(0, 0, 255)),
    ("darkgreen", Color::rgb(0, 255, 0)),
    ("darkred", Color::rgb(255, 0, 0)),
    ("darkgray", Color::rgb(111, 111, 111)),
    ("darkgrey", Color::rgb(111, 111, 111)),
];

/// The original's order of line colours.
const LINES: [Color; 12] = [
    Color::rgb(100, 100, 255),
    Color::rgb(0, 200, 0),
    Color::rgb(200, 0, 50),
    Color::rgb(200, 100, 255),
    Color::rgb(150, 100, 50),
    Color::rgb(255, 255, 0),
    Color::rgb(0, 150, 150),
    GRAY,
    Color::rgb(255, 0, 255),
    Color::rgb(255, 100, 100),
    Color::rgb(200, 200, 0),
    ROSE,
];

/// A name, or `RRGGBB` or `RRGGBBAA` with or without `#`.
pub fn color(text: &str) -> Option<Color> {
    if let Some((_, color)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Some(*color);
    }
    let digits = text.strip_prefix('#').unwrap_or(text);
    if !matches!(digits.len(), 6 | 8) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut parts = [255; 4];
    for (part, digits) in parts.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *part = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(Color(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors() {
        assert_eq!(color("red"), Some(Color::rgb(200, 0, 50)));
        assert_eq!(color("#0a0B0c"), Some(Color::rgb(10, 11, 12)));
        assert_eq!(color("0a0b0c80"), Some(Color([10, 11, 12, 128])));
        for bad in ["", "#", "reddish", "12345", "1234567", "zzzzzz", "ééé"] {
            assert_eq!(color(bad), None, "{bad}");
        }
    }
}
