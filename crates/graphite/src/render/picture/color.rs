//! Names and numbers of colours.

use super::options::Setting;
use super::surface::Ink;
use crate::error::EvaluationError;
use crate::python::quoted;

const NAMES: [(&str, [u8; 3]); 22] = [
    ("black", [0, 0, 0]),
    ("white", [255, 255, 255]),
    ("blue", [100, 100, 255]),
    ("green", [0, 200, 0]),
    ("red", [200, 0, 50]),
    ("yellow", [255, 255, 0]),
    ("orange", [255, 165, 0]),
    ("purple", [200, 100, 255]),
    ("brown", [150, 100, 50]),
    ("cyan", [0, 255, 255]),
    ("aqua", [0, 150, 150]),
    ("gray", [175, 175, 175]),
    ("grey", [175, 175, 175]),
    ("magenta", [255, 0, 255]),
    ("pink", [255, 100, 100]),
    ("gold", [200, 200, 0]),
    ("rose", [200, 150, 200]),
    ("darkblue", [0, 0, 255]),
    ("darkgreen", [0, 255, 0]),
    ("darkred", [255, 0, 0]),
    ("darkgray", [111, 111, 111]),
    ("darkgrey", [111, 111, 111]),
];

/// A name, or `RRGGBB`, or `RRGGBBAA` whose opacity counts instead of the given one.
pub fn ink(text: &str, alpha: f64) -> Result<Ink, EvaluationError> {
    read(text, alpha).ok_or_else(|| {
        let what = format!("{} is not a color: a name such as blue, or RRGGBB or RRGGBBAA", quoted(text));
        EvaluationError::failed(what)
    })
}

/// What a parameter says; numbers and truth values are no colours.
pub fn name_of(setting: Option<&Setting>, default: &str) -> String {
    match setting {
        None => default.to_owned(),
        Some(Setting::Text(text)) => text.clone(),
        Some(Setting::Integer(number) | Setting::Float(number)) => crate::python::float(*number),
        Some(Setting::Flag(flag)) => if *flag { "True" } else { "False" }.to_owned(),
    }
}

fn read(text: &str, alpha: f64) -> Option<Ink> {
    let of = |[red, green, blue]: [u8; 3], alpha: f64| {
        let part = |value: u8| f64::from(value) / 255.0;
        Ink { red: part(red), green: part(green), blue: part(blue), alpha }
    };
    if let Some((_, color)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Some(of(*color, alpha));
    }
    // Longer ones are cut off, as in the original; `%23` is a `#` that was quoted twice.
    let digits = text.strip_prefix('#').unwrap_or(text);
    let digits = digits.strip_prefix("%23").unwrap_or(digits);
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let color = [pair(0)?, pair(2)?, pair(4)?];
    let alpha = if digits.len() == 8 { f64::from(pair(6)?) / 255.0 } else { alpha };
    Some(of(color, alpha))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors() {
        let bytes = |text: &str| {
            let byte = |part: f64| (part * 255.0).round() as u8;
            read(text, 1.0).map(|ink| [byte(ink.red), byte(ink.green), byte(ink.blue), byte(ink.alpha)])
        };
        assert_eq!(bytes("red"), Some([200, 0, 50, 255]));
        assert_eq!(bytes("#0a0B0c"), Some([10, 11, 12, 255]));
        assert_eq!(bytes("%230a0b0c80"), Some([10, 11, 12, 128]));
        assert_eq!(bytes("0a0b0c8"), Some([10, 11, 12, 255]));
        for bad in ["", "#", "reddish", "12345", "zzzzzz", "ééé"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
