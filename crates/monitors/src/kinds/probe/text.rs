//! Text for people: one line, without what a terminal would obey.

use super::limits::{LINE_CHARS_MAX, NAME_CHARS_MAX};

/// One line of bounded length. `|` begins performance data wherever such lines are written, so it does not stay.
pub fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LINE_CHARS_MAX));
    for letter in text.chars().take(LINE_CHARS_MAX) {
        match letter {
            '|' => line.push('¦'),
            letter if letter.is_control() => line.push(' '),
            letter => line.push(letter),
        }
    }
    line.trim_end().to_owned()
}

/// What the other side calls a part of itself. Nothing is the check itself, so it is called something.
pub fn name(text: &str) -> String {
    let name: String = line(text).trim_start().chars().take(NAME_CHARS_MAX).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

/// The first words of what another side said.
pub fn excerpt(bytes: &[u8]) -> String {
    const ENOUGH: usize = 120;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(ENOUGH * 4)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut short: String = words.join(" ").chars().take(ENOUGH + 1).collect();
    if short.chars().count() > ENOUGH {
        short.pop();
        short.push('…');
    }
    line(&short)
}

/// `1.5 KiB`
pub fn bytes(count: f64) -> String {
    let mut size = count;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{size} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

/// `2 days`, `3.5 hours`, `12 s`
pub fn duration(seconds: f64) -> String {
    let (number, unit) = match seconds.abs() {
        s if s >= 2.0 * 86_400.0 => (seconds / 86_400.0, "days"),
        s if s >= 2.0 * 3_600.0 => (seconds / 3_600.0, "hours"),
        s if s >= 120.0 => (seconds / 60.0, "minutes"),
        _ => (seconds, "s"),
    };
    format!("{} {unit}", (number * 10.0).round() / 10.0)
}

/// `1 worker`, `2 workers`
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
