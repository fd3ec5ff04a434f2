//! Python's `float()`, to the bit: what carbon reads values and timestamps with.
//!
//! Python takes what Rust takes (`1.`, `.5`, `1e3`, `+inf`, `NaN`; not `0x10`, not `1e`), and white space around
//! it, single underscores between digits, and the decimal digits of every script.

/// `float(text)`; `None` where Python raises ValueError.
pub fn parse(text: &str) -> Option<f64> {
    // Python takes another way for ASCII, on which the separators U+001C to U+001F are not white space.
    let text = if text.is_ascii() { text.trim_matches(is_c_space) } else { text.trim_matches(is_space) };
    if let Some((value, used)) = decimal_prefix(text.as_bytes())
        && used == text.len()
    {
        return Some(value);
    }
    if text.is_ascii() && !text.contains('_') {
        return text.parse().ok();
    }
    without_underscores(&with_ascii_digits(text))?.parse().ok()
}

/// Python's `str.isspace`: Unicode's white space and the four ASCII separators.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn is_c_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// The powers of ten that a double holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// More digits could overflow the mantissa.
const DIGITS_MAX: usize = 19;

/// The plain decimal number at the start, and its length. With a mantissa and a power of ten that are both
/// exact, one division rounds once and so correctly (Clinger 1990); anything else is for the full parser.
#[inline]
pub fn decimal_prefix(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let (mut mantissa, mut at) = digits(text, start, 0);
    let mut count = at - start;
    let mut fraction = 0;
    if text.get(at) == Some(&b'.') {
        let (whole, end) = digits(text, at + 1, mantissa);
        fraction = end - (at + 1);
        count += fraction;
        (mantissa, at) = (whole, end);
    }
    if count == 0 || count > DIGITS_MAX || mantissa > 1 << 53 {
        return None;
    }
    let magnitude = mantissa as f64 / POWERS_OF_TEN[fraction];
    Some((if negative { -magnitude } else { magnitude }, at))
}

#[inline]
fn digits(text: &[u8], mut at: usize, mut mantissa: u64) -> (u64, usize) {
    while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (mantissa, at)
}

/// An underscore must stand between two digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let misplaced =
        |(at, byte): (usize, &u8)| *byte == b'_' && !(at > 0 && digit_at(at - 1) && digit_at(at + 1));
    (!bytes.iter().enumerate().any(misplaced)).then(|| text.replace('_', ""))
}

fn with_ascii_digits(text: &str) -> String {
    let ascii = |c: char| {
        let index = DECIMAL_ZEROS.partition_point(|zero| *zero <= c as u32).checked_sub(1)?;
        let digit = c as u32 - DECIMAL_ZEROS[index];
        char::from_digit(digit, 10)
    };
    text.chars().map(|c| ascii(c).unwrap_or(c)).collect()
}

/// Where the ten decimal digits of each script other than ASCII begin, as CPython 3.11 (Unicode 14) has them.
const DECIMAL_ZEROS: [u32; 65] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50,
    0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140,
    0x1E2F0, 0x1E950, 0x1FBF0,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `text<TAB>bits of float(text)` or `text<TAB>-`, the text written as a Python literal would
    /// escape it; made by scenarios/ingest/make_python_floats.py.
    #[test]
    fn reads_what_python_reads() {
        let mut seen = 0;
        for line in include_str!("../tests/python_floats.tsv").lines() {
            let (text, wanted) = line.split_once('\t').expect("a tab in every line");
            let text = unescape(text);
            let wanted = (wanted != "-").then(|| u64::from_str_radix(wanted, 16).expect("hexadecimal bits"));
            let got =
                parse(&text).map(|value| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() });
            assert_eq!(got, wanted, "{text:?}");
            seen += 1;
        }
        assert!(seen > 500, "{seen}");
    }

    fn unescape(text: &str) -> String {
        let mut pieces = text.split("\\u{");
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (code, rest) = piece.split_once('}').expect("a closing brace");
            out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
            out.push_str(rest);
        }
        out
    }

    #[test]
    fn a_prefix_stops_where_the_number_does() {
        assert_eq!(decimal_prefix(b"12.5 x"), Some((12.5, 4)));
        assert_eq!(decimal_prefix(b"-3\n"), Some((-3.0, 2)));
        assert_eq!(decimal_prefix(b"x"), None);
        assert_eq!(decimal_prefix(b"."), None);
        assert_eq!(decimal_prefix(b"9007199254740993"), None, "not exact: for the full parser");
    }
}
