//! Objects of numbers, and of arrays of numbers, as Node's `util.inspect` prints them (Node 12 to 22): the
//! admin interface's answers to `counters`, `gauges` and `timers`.

use crate::js;

/// Where lines break.
const BREAK_LENGTH: usize = 80;
/// What a line needs besides its entries, as Node reckons.
const BRACES_AND_SLACK: usize = 11;
/// Elements of an array that are shown.
const ARRAY_SHOWN: usize = 100;
/// Arrays with more elements are set in columns.
const ARRAY_IN_A_ROW: usize = 6;
const INDENTATION: usize = 2;
const COLUMNS_MOST: f64 = 12.0;

pub fn numbers(entries: &[(&str, f64)]) -> String {
    let lines = entries.iter().map(|(key, value)| format!("{}: {}", property(key), number(*value)));
    object(&lines.collect::<Vec<_>>())
}

pub fn arrays(entries: &[(&str, &[f64])]) -> String {
    let lines = entries.iter().map(|(key, values)| format!("{}: {}", property(key), array(values)));
    object(&lines.collect::<Vec<_>>())
}

fn object(entries: &[String]) -> String {
    if entries.is_empty() {
        return "{}".into();
    }
    reduced(entries, ['{', '}'], 0, true)
}

/// An array as a value of the outer object.
fn array(values: &[f64]) -> String {
    if values.is_empty() {
        return "[]".into();
    }
    let mut entries: Vec<String> = values.iter().take(ARRAY_SHOWN).map(|value| number(*value)).collect();
    let hidden = values.len() - entries.len();
    if hidden > 0 {
        let plural = if hidden > 1 { "s" } else { "" };
        entries.push(format!("... {hidden} more item{plural}"));
    }
    if entries.len() <= ARRAY_IN_A_ROW {
        return reduced(&entries, ['[', ']'], INDENTATION, true);
    }
    let rows = in_columns(&entries);
    let grouped = rows.len() != entries.len();
    reduced(&rows, ['[', ']'], INDENTATION, !grouped)
}

/// All on one line if that is allowed and short enough, else one a line.
fn reduced(entries: &[String], [open, close]: [char; 2], indentation: usize, one_line: bool) -> String {
    if one_line && fits(entries, indentation) && !entries.iter().any(|entry| entry.contains('\n')) {
        return format!("{open} {} {close}", entries.join(", "));
    }
    let break_line = format!("\n{}", " ".repeat(indentation));
    format!("{open}{break_line}  {}{break_line}{close}", entries.join(&format!(",{break_line}  ")))
}

fn fits(entries: &[String], indentation: usize) -> bool {
    let start = 2 * entries.len() + indentation + BRACES_AND_SLACK;
    let lengths: usize = entries.iter().map(|entry| width(entry)).sum();
    start + entries.len() <= BREAK_LENGTH && start + lengths <= BREAK_LENGTH
}

/// Node's `groupArrayElements`: numbers set right-aligned in as many columns as look good.
fn in_columns(entries: &[String]) -> Vec<String> {
    let more = entries.len() > ARRAY_SHOWN;
    let shown = entries.len() - usize::from(more);
    let separator = 2;
    let widths: Vec<usize> = entries[..shown].iter().map(|entry| width(entry)).collect();
    let widest = widths.iter().copied().max().unwrap_or(0);
    let total: usize = widths.iter().map(|width| width + separator).sum();
    let actual = widest + separator;
    let alike = total as f64 / actual as f64 > 5.0 || widest <= 6;
    if actual * 3 + INDENTATION >= BREAK_LENGTH || !alike {
        return entries.to_vec();
    }
    let bias = (actual as f64 - total as f64 / entries.len() as f64).sqrt();
    let biased = (actual as f64 - 3.0 - bias).max(1.0);
    let square = js::round((2.5 * biased * shown as f64).sqrt() / biased);
    let fitting = ((BREAK_LENGTH - INDENTATION) / actual) as f64;
    let columns = square.min(fitting).min(COLUMNS_MOST).min(15.0) as usize;
    if columns <= 1 {
        return entries.to_vec();
    }
    let column_width =
        |column: usize| widths.iter().skip(column).step_by(columns).copied().max().unwrap_or(0) + separator;
    let column_widths: Vec<usize> = (0..columns).map(column_width).collect();
    let mut rows: Vec<String> = entries[..shown]
        .chunks(columns)
        .map(|row| {
            let mut line = String::new();
            for (column, entry) in row.iter().enumerate() {
                let last = column + 1 == row.len();
                let (text, width) = match last {
                    true => (entry.clone(), column_widths[column] - separator),
                    false => (format!("{entry}, "), column_widths[column]),
                };
                line.push_str(&format!("{text:>width$}"));
            }
            line
        })
        .collect();
    rows.extend(entries[shown..].iter().cloned());
    rows
}

/// Length as JavaScript counts it.
fn width(text: &str) -> usize {
    text.encode_utf16().count()
}

fn number(value: f64) -> String {
    if value == 0.0 && value.is_sign_negative() { "-0".into() } else { js::number_to_text(value) }
}

/// A key: bare if it could be an identifier, else quoted.
fn property(key: &str) -> String {
    let mut bytes = key.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if starts && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return key.into();
    }
    quoted(key)
}

fn quoted(text: &str) -> String {
    let quote = match text.contains('\'') {
        true if !text.contains('"') => '"',
        true if !text.contains('`') && !text.contains("${") => '`',
        _ => '\'',
    };
    let mut quoted = String::from(quote);
    for character in text.chars() {
        match character {
            '\u{8}' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\u{c}' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '\\' => quoted.push_str("\\\\"),
            '\'' if quote == '\'' => quoted.push_str("\\'"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                quoted.push_str(&format!("\\x{:02X}", character as u32));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push(quote);
    quoted
}
