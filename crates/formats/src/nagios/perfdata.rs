//! Performance data: `label=value[unit];[warn];[crit];[min];[max]`, items apart by spaces.

use super::range::{Range, plain_number};

/// Items of one result; a plugin with more is not believed further.
pub const MAX_ITEMS: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    pub label: String,
    /// Nothing for `U`: it could not be measured.
    pub value: Option<f64>,
    /// As it was written.
    pub uom: String,
    /// Ranges as they were written; [`Range::parse`] reads them.
    pub warn: Option<String>,
    pub crit: Option<String>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    None,
    Warning,
    Critical,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    pub items: Vec<Item>,
    /// What was passed over, because it is no item.
    pub skipped: Vec<String>,
}

/// What does not parse is passed over, and the others are kept.
pub fn parse(perfdata: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rest = perfdata.trim_start();
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest));
        match item(token) {
            Some(item) if parsed.items.len() < MAX_ITEMS => parsed.items.push(item),
            _ => parsed.skipped.push(token.to_owned()),
        }
        rest = after.trim_start();
    }
    parsed
}

impl Item {
    /// Which threshold the value is beyond; critical is looked at first.
    pub fn breach(&self) -> Breach {
        let beyond = |range: &Option<String>| {
            let range = range.as_deref().and_then(Range::parse);
            range.zip(self.value).is_some_and(|(range, value)| range.alerts(value))
        };
        match (beyond(&self.crit), beyond(&self.warn)) {
            (true, _) => Breach::Critical,
            (_, true) => Breach::Warning,
            _ => Breach::None,
        }
    }

    /// For graphs: the unit without its multiple (`s`, `B`, `b`; `c` counts up for ever), and what to multiply with.
    /// Plugins mean 1024 by `KB`, as check_disk and check_swap do.
    pub fn base_unit(&self) -> (&str, f64) {
        const KILO: f64 = 1024.0;
        match &*self.uom {
            "s" => ("s", 1.0),
            "ms" => ("s", 1e-3),
            "us" | "µs" => ("s", 1e-6),
            "ns" => ("s", 1e-9),
            "KB" | "kB" | "KiB" => ("B", KILO),
            "MB" | "MiB" => ("B", KILO * KILO),
            "GB" | "GiB" => ("B", KILO * KILO * KILO),
            "TB" | "TiB" => ("B", KILO * KILO * KILO * KILO),
            "PB" | "PiB" => ("B", KILO * KILO * KILO * KILO * KILO),
            other => (other, 1.0),
        }
    }
}

/// Up to a space that is not within quotes. A quote opens only at the start: `it's=1` is one word.
fn token_length(text: &str) -> usize {
    let quoted = if text.starts_with('\'') { quoted_length(text).unwrap_or(0) } else { 0 };
    text[quoted..].find(char::is_whitespace).map_or(text.len(), |space| quoted + space)
}

/// With both quotes; two quotes inside are one that is meant.
fn quoted_length(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text.get(at..)?.find('\'')? + 1;
        match text[at..].strip_prefix('\'') {
            Some(_) => at += 1,
            None => return Some(at),
        }
    }
}

fn item(token: &str) -> Option<Item> {
    let (label, fields) = match token.starts_with('\'') {
        true => {
            let length = quoted_length(token)?;
            (token[1..length - 1].replace("''", "'"), token[length..].strip_prefix('=')?)
        }
        false => {
            let (label, fields) = token.split_once('=')?;
            (label.to_owned(), fields)
        }
    };
    if label.is_empty() || label.contains('=') || (!token.starts_with('\'') && label.contains('\'')) {
        return None;
    }
    let mut fields = fields.split(';');
    let (value, uom) = value(fields.next()?)?;
    let mut range = || fields.next().filter(|text| !text.is_empty()).map(str::to_owned);
    let (warn, crit) = (range(), range());
    let mut bound = || fields.next().and_then(plain_number);
    Some(Item { label, value, uom, warn, crit, min: bound(), max: bound() })
}

/// A number and its unit.
fn value(text: &str) -> Option<(Option<f64>, String)> {
    if text == "U" {
        return Some((None, String::new()));
    }
    let end = number_length(text);
    let number = text.starts_with(['-', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let number = number.then(|| plain_number(&text[..end])).flatten()?;
    let uom = &text[end..];
    // A comma is another locale's point, and digits belong to a number that was not understood.
    let unit = !uom.contains(|c: char| {
        c.is_ascii_digit() || matches!(c, ',' | '.' | '|' | '\'' | '"' | '-' | '+' | '=')
    });
    unit.then(|| (Some(number), uom.to_owned()))
}

/// Of the number at the start; an `e` without digits after it begins a unit.
fn number_length(text: &str) -> usize {
    let digits_from = |at: usize| text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = usize::from(text.starts_with('-'));
    end += digits_from(end);
    if text[end..].starts_with('.') {
        end += 1 + digits_from(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['-', '+']));
        match digits_from(end + 1 + sign) {
            0 => {}
            digits => end += 1 + sign + digits,
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Label, value, unit, warn, crit, min, max, breach: one item a line of what is expected.
    fn written(perfdata: &str) -> Vec<String> {
        let text = |text: Option<String>| text.unwrap_or_default();
        let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let parsed = parse(perfdata);
        let line = |item: Item| {
            let breach = item.breach();
            let value = item.value.map_or("U".into(), |value| value.to_string());
            let Item { label, uom, warn, crit, min, max, .. } = item;
            let (warn, crit, min, max) = (text(warn), text(crit), number(min), number(max));
            format!("{label} {value} {uom} {warn} {crit} {min} {max} {breach:?}")
        };
        parsed.items.into_iter().map(line).collect()
    }

    #[test]
    fn items() {
        for (perfdata, expected) in [
            ("a=1", &["a 1      None"][..]),
            ("time=0.012s;1;2;0;10", &["time 0.012 s 1 2 0 10 None"]),
            (
                "/=2643MB;5948;5958;0;5968 /boot=68MB;88;93;0;98",
                &["/ 2643 MB 5948 5958 0 5968 None", "/boot 68 MB 88 93 0 98 None"],
            ),
            ("'a b'=1 'it''s'=2%;1", &["a b 1      None", "it's 2 % 1    Warning"]),
            ("load=11;5;10;0;", &["load 11  5 10 0  Critical"]),
            ("a=U;1;2 b=.5 c=-3.25c", &["a U  1 2   None", "b 0.5      None", "c -3.25 c     None"]),
            (
                "a=1.5e3B b=2E-1 c=1e d=1ex",
                &["a 1500 B     None", "b 0.2      None", "c 1 e     None", "d 1 ex     None"],
            ),
            ("a=1,5 b=2 c=1.2.3 =4 d= e=x f 'g'h=1 'i=2", &["b 2      None"]),
            ("a=1;;;; b=2;;5", &["a 1      None", "b 2   5   None"]),
            ("a=15;@10:20;~:100", &["a 15  @10:20 ~:100   Warning"]),
            ("a=1;x;10:5;y;z", &["a 1  x 10:5   None"]),
            ("  a=1 \t b=2  ", &["a 1      None", "b 2      None"]),
            ("a=1µs b=20°C c=--1 d=+1 e=1-2", &["a 1 µs     None", "b 20 °C     None"]),
        ] {
            assert_eq!(written(perfdata), expected, "{perfdata}");
        }
        assert_eq!(parse("'open a=1").skipped, ["'open"]);
        assert_eq!(parse("x a=1 y").skipped, ["x", "y"]);
    }

    #[test]
    fn floods_are_bounded() {
        let parsed = parse(&"a=1 ".repeat(MAX_ITEMS + 5));
        assert_eq!((parsed.items.len(), parsed.skipped.len()), (MAX_ITEMS, 5));
    }
}
